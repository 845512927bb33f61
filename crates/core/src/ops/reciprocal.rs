use serde::Deserialize;

use crate::ops::{Named, Reads, UnaryFunction};
use crate::real::Real;

/// 1/x. The derivative is −y².
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reciprocal {}

impl Named for Reciprocal {
    const NAME: &'static str = "reciprocal";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        super::samples::unary(0.3..3.0)
    }
}

impl<T: Real> UnaryFunction<T> for Reciprocal {
    const READS: Reads = Reads::OUTPUT;

    #[inline(always)]
    fn f(&self, x: T) -> T {
        T::ONE / x
    }

    #[inline(always)]
    fn gradient(&self, g: T, _: T, y: T) -> T {
        -(g * (y * y))
    }
}
