use serde::Deserialize;

use crate::ops::{Named, Reads, UnaryFunction};
use crate::real::Real;

/// |x|. The derivative is the sign of x, 0 at 0.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Abs {}

impl Named for Abs {
    const NAME: &'static str = "abs";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        [super::samples::unary(0.1..2.0), super::samples::unary(-2.0..-0.1)].concat()
    }
}

impl<T: Real> UnaryFunction<T> for Abs {
    const READS: Reads = Reads::INPUTS;

    #[inline(always)]
    fn f(&self, x: T) -> T {
        x.abs()
    }

    #[inline(always)]
    fn gradient(&self, g: T, x: T, _: T) -> T {
        let sign = if x > T::ZERO {
            T::ONE
        } else if x < T::ZERO {
            -T::ONE
        } else {
            T::ZERO
        };
        g * sign
    }

    fn on_int(&self) -> Option<fn(&Self, i32) -> i32> {
        Some(|_, x| x.wrapping_abs())
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::samples::Sample;
    use crate::ops::tests::{error, gradients_f32, values_f32};

    #[test]
    fn zero_has_no_gradient_and_integers_stay_integers() {
        let x = Sample::new("{}").values(&[3], &[-2.0, -0.0, 3.0]);
        assert_eq!(gradients_f32("abs", &x, 5.0)[0], [-5.0, 0.0, 5.0]);
        assert_eq!(values_f32("abs", &Sample::new("{}").int(&[2], &[-16_777_217, 4])), [16_777_217.0, 4.0]);
    }

    #[test]
    fn truth_values_have_no_magnitude() {
        let x = Sample::new("{}").bool(&[1], &[true]);
        assert_eq!(error("abs", &x), "abs: not defined for bool; cast it first: x.to('int32')");
    }
}
