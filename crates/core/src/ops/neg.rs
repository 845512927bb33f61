use serde::Deserialize;

use crate::ops::{Named, Reads, UnaryFunction};
use crate::real::Real;

/// −x. The derivative is −1.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Neg {}

impl Named for Neg {
    const NAME: &'static str = "neg";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        super::samples::unary(-2.0..2.0)
    }
}

impl<T: Real> UnaryFunction<T> for Neg {
    const READS: Reads = Reads::NOTHING;

    #[inline(always)]
    fn f(&self, x: T) -> T {
        -x
    }

    #[inline(always)]
    fn gradient(&self, g: T, _: T, _: T) -> T {
        -g
    }

    fn on_int(&self) -> Option<fn(&Self, i32) -> i32> {
        Some(|_, x| x.wrapping_neg())
    }
}
