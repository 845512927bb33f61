use serde::Deserialize;

use crate::ops::{BinaryFunction, Named};
use crate::real::Real;

/// a + b, broadcasting.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Add {}

impl Named for Add {
    const NAME: &'static str = "add";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        super::samples::binary(-2.0..2.0, -2.0..2.0)
    }
}

impl<T: Real> BinaryFunction<T> for Add {
    const READS_INPUTS: bool = false;

    #[inline(always)]
    fn f(&self, a: T, b: T) -> T {
        a + b
    }

    #[inline(always)]
    fn gradients(&self, g: T, _: T, _: T) -> (T, T) {
        (g, g)
    }

    fn on_int(&self) -> Option<fn(i32, i32) -> i32> {
        Some(i32::wrapping_add)
    }
}
