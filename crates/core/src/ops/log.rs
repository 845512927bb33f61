use serde::Deserialize;

use crate::ops::{Named, Reads, UnaryFunction};
use crate::real::Real;

/// Natural logarithm. The derivative is 1/x; below 0 there is no value: NaN.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {}

impl Named for Log {
    const NAME: &'static str = "log";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        super::samples::unary(0.2..3.0)
    }
}

impl<T: Real> UnaryFunction<T> for Log {
    const READS: Reads = Reads::INPUTS;

    #[inline(always)]
    fn f(&self, x: T) -> T {
        x.ln()
    }

    #[inline(always)]
    fn gradient(&self, g: T, x: T, _: T) -> T {
        g / x
    }
}
