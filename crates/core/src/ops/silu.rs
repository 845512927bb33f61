use serde::Deserialize;

use crate::ops::sigmoid::sigmoid;
use crate::ops::{Named, Reads, UnaryFunction};
use crate::real::Real;

/// x · σ(x), also called swish (Elfwing, Uchibe, Doya 2018). The derivative is σ(x) · (1 + x · (1 − σ(x))).
///
/// The error is at most 2.5·u·|x|, u = 2⁻²⁴; see docs/accuracy.md.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Silu {}

impl Named for Silu {
    const NAME: &'static str = "silu";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        super::samples::unary(-4.0..4.0)
    }
}

impl<T: Real> UnaryFunction<T> for Silu {
    const READS: Reads = Reads::INPUTS;

    #[inline(always)]
    fn f(&self, x: T) -> T {
        x * sigmoid(x)
    }

    #[inline(always)]
    fn gradient(&self, g: T, x: T, _: T) -> T {
        let s = sigmoid(x);
        g * (s * (T::ONE + x * (T::ONE - s)))
    }
}
