use serde::Deserialize;

use crate::ops::{Named, Reads, UnaryFunction};
use crate::real::Real;

/// Sine of an angle in radians. The derivative is its cosine.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sin {}

impl Named for Sin {
    const NAME: &'static str = "sin";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        super::samples::unary(-4.0..4.0)
    }
}

impl<T: Real> UnaryFunction<T> for Sin {
    const READS: Reads = Reads::INPUTS;

    #[inline(always)]
    fn f(&self, x: T) -> T {
        x.sin()
    }

    #[inline(always)]
    fn gradient(&self, g: T, x: T, _: T) -> T {
        g * x.cos()
    }
}
