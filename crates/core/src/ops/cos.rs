use serde::Deserialize;

use crate::ops::{Named, Reads, UnaryFunction};
use crate::real::Real;

/// Cosine of an angle in radians. The derivative is −sin x.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cos {}

impl Named for Cos {
    const NAME: &'static str = "cos";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        super::samples::unary(-4.0..4.0)
    }
}

impl<T: Real> UnaryFunction<T> for Cos {
    const READS: Reads = Reads::INPUTS;

    #[inline(always)]
    fn f(&self, x: T) -> T {
        x.cos()
    }

    #[inline(always)]
    fn gradient(&self, g: T, x: T, _: T) -> T {
        -(g * x.sin())
    }
}
