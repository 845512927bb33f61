use serde::Deserialize;

use crate::ops::{Named, Reads, UnaryFunction};
use crate::real::Real;

/// 1 / (1 + e⁻ˣ), from an exponential that cannot overflow. The derivative is y · (1 − y).
///
/// The error is at most 2.5 units in the last place; see docs/accuracy.md.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sigmoid {}

impl Named for Sigmoid {
    const NAME: &'static str = "sigmoid";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        super::samples::unary(-4.0..4.0)
    }
}

impl<T: Real> UnaryFunction<T> for Sigmoid {
    const READS: Reads = Reads::OUTPUT;

    #[inline(always)]
    fn f(&self, x: T) -> T {
        sigmoid(x)
    }

    #[inline(always)]
    fn gradient(&self, g: T, _: T, y: T) -> T {
        g * (y * (T::ONE - y))
    }
}

/// The logistic function: e⁻ˡˣˡ lies in (0, 1], and gives both halves.
#[inline(always)]
pub fn sigmoid<T: Real>(x: T) -> T {
    let z = (-x.abs()).exp_up_to_40();
    let numerator = if x < T::ZERO { z } else { T::ONE };
    numerator / (T::ONE + z)
}
