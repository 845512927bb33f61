use serde::Deserialize;

use crate::ops::{Named, Reads, UnaryFunction};
use crate::real::Real;

/// √x, correctly rounded. The derivative is 1/2y; below 0 there is no value: NaN.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sqrt {}

impl Named for Sqrt {
    const NAME: &'static str = "sqrt";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        super::samples::unary(0.2..3.0)
    }
}

impl<T: Real> UnaryFunction<T> for Sqrt {
    const READS: Reads = Reads::OUTPUT;

    #[inline(always)]
    fn f(&self, x: T) -> T {
        x.sqrt()
    }

    #[inline(always)]
    fn gradient(&self, g: T, _: T, y: T) -> T {
        g / (y + y)
    }
}
