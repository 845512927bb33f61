use serde::Deserialize;

use crate::ops::{Named, Reads, UnaryFunction};
use crate::real::Real;

/// Hyperbolic tangent. The derivative is 1 − y².
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tanh {}

impl Named for Tanh {
    const NAME: &'static str = "tanh";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        super::samples::unary(-2.0..2.0)
    }
}

impl<T: Real> UnaryFunction<T> for Tanh {
    const READS: Reads = Reads::OUTPUT;

    #[inline(always)]
    fn f(&self, x: T) -> T {
        x.tanh()
    }

    #[inline(always)]
    fn gradient(&self, g: T, _: T, y: T) -> T {
        g * (T::ONE - y * y)
    }
}
