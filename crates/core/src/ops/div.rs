use serde::Deserialize;

use crate::ops::{BinaryFunction, Named};
use crate::real::Real;

/// a / b elementwise, broadcasting; integers too become `float32`. ∂/∂a = 1/b, ∂/∂b = −a/b².
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Div {}

impl Named for Div {
    const NAME: &'static str = "div";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        super::samples::binary(-2.0..2.0, 0.3..2.0)
    }
}

impl<T: Real> BinaryFunction<T> for Div {
    const READS_INPUTS: bool = true;

    #[inline(always)]
    fn f(&self, a: T, b: T) -> T {
        a / b
    }

    #[inline(always)]
    fn gradients(&self, g: T, a: T, b: T) -> (T, T) {
        (g / b, -g * ((a / b) / b))
    }
}
