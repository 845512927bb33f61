use serde::Deserialize;

use crate::ops::{Named, Reads, UnaryFunction};
use crate::real::Real;

/// x². The derivative is 2x.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Square {}

impl Named for Square {
    const NAME: &'static str = "square";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        super::samples::unary(-2.0..2.0)
    }
}

impl<T: Real> UnaryFunction<T> for Square {
    const READS: Reads = Reads::INPUTS;

    #[inline(always)]
    fn f(&self, x: T) -> T {
        x * x
    }

    #[inline(always)]
    fn gradient(&self, g: T, x: T, _: T) -> T {
        g * (x + x)
    }

    fn on_int(&self) -> Option<fn(&Self, i32) -> i32> {
        Some(|_, x| x.wrapping_mul(x))
    }
}
