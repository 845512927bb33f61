use serde::Deserialize;

use crate::ops::maximum::share;
use crate::ops::{BinaryFunction, Named};
use crate::real::Real;

/// The smaller of a and b, broadcasting; NaN where either is NaN. The gradient goes to the smaller one, half of it to
/// each where they are equal.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Minimum {}

impl Named for Minimum {
    const NAME: &'static str = "minimum";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        [super::samples::binary(-2.0..2.0, 2.1..4.0), super::samples::binary(2.1..4.0, -2.0..2.0)].concat()
    }
}

impl<T: Real> BinaryFunction<T> for Minimum {
    const READS_INPUTS: bool = true;

    #[inline(always)]
    fn f(&self, a: T, b: T) -> T {
        a.minimum(b)
    }

    #[inline(always)]
    fn gradients(&self, g: T, a: T, b: T) -> (T, T) {
        (share(g, b, a), share(g, a, b))
    }

    fn on_int(&self) -> Option<fn(i32, i32) -> i32> {
        Some(i32::min)
    }
}
