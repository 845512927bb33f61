use serde::Deserialize;

use crate::ops::{BinaryFunction, Named};
use crate::real::Real;

/// a · b elementwise, broadcasting. ∂/∂a = b, ∂/∂b = a.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mul {}

impl Named for Mul {
    const NAME: &'static str = "mul";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        super::samples::binary(-2.0..2.0, -2.0..2.0)
    }
}

impl<T: Real> BinaryFunction<T> for Mul {
    const READS_INPUTS: bool = true;

    #[inline(always)]
    fn f(&self, a: T, b: T) -> T {
        a * b
    }

    #[inline(always)]
    fn gradients(&self, g: T, a: T, b: T) -> (T, T) {
        (g * b, g * a)
    }

    fn on_int(&self) -> Option<fn(i32, i32) -> i32> {
        Some(i32::wrapping_mul)
    }
}
