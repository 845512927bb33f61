use serde::Deserialize;

use crate::ops::{BinaryFunction, Named};
use crate::real::Real;

/// The larger of a and b, broadcasting; NaN where either is NaN. The gradient goes to the larger one, half of it to each
/// where they are equal.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maximum {}

impl Named for Maximum {
    const NAME: &'static str = "maximum";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        [super::samples::binary(-2.0..2.0, 2.1..4.0), super::samples::binary(2.1..4.0, -2.0..2.0)].concat()
    }
}

impl<T: Real> BinaryFunction<T> for Maximum {
    const READS_INPUTS: bool = true;

    #[inline(always)]
    fn f(&self, a: T, b: T) -> T {
        a.maximum(b)
    }

    #[inline(always)]
    fn gradients(&self, g: T, a: T, b: T) -> (T, T) {
        (share(g, a, b), share(g, b, a))
    }

    fn on_int(&self) -> Option<fn(i32, i32) -> i32> {
        Some(i32::max)
    }
}

/// What the operand `x` gets of the gradient g of the larger of x and `other`. NaN compares with nothing: both operands
/// get all of it, as in PyTorch.
#[inline(always)]
pub fn share<T: Real>(g: T, x: T, other: T) -> T {
    if x < other {
        T::ZERO
    } else if x == other {
        g * T::from_f64(0.5)
    } else {
        g
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::samples::Sample;
    use crate::ops::tests::{gradients_f32, values_f32};

    #[test]
    fn equals_share_the_gradient_and_nan_wins() {
        let pair = || Sample::new("{}").values(&[4], &[1.0, 2.0, 3.0, f64::NAN]).values(&[4], &[2.0; 4]);
        let y = values_f32("maximum", &pair());
        assert_eq!(y[..3], [2.0, 2.0, 3.0]);
        assert!(y[3].is_nan() && values_f32("minimum", &pair())[3].is_nan());
        assert_eq!(gradients_f32("maximum", &pair(), 1.0), [[0.0, 0.5, 1.0, 1.0], [1.0, 0.5, 0.0, 1.0]]);
        assert_eq!(gradients_f32("minimum", &pair(), 1.0), [[1.0, 0.5, 0.0, 1.0], [0.0, 0.5, 1.0, 1.0]]);
    }

    #[test]
    fn integers_stay_integers() {
        let pair = Sample::new("{}").int(&[2], &[16_777_217, -3]).int(&[], &[16_777_216]);
        assert_eq!(values_f32("maximum", &pair), [16_777_217.0, 16_777_216.0]);
    }
}
