use serde::Deserialize;

use crate::ops::{Named, Reads, UnaryFunction};
use crate::real::Real;

/// max(x, 0), and NaN for NaN. The gradient passes where y is not 0, and not at 0.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relu {}

impl Named for Relu {
    const NAME: &'static str = "relu";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        [super::samples::unary(0.1..2.0), super::samples::unary(-2.0..-0.1)].concat()
    }
}

impl<T: Real> UnaryFunction<T> for Relu {
    const READS: Reads = Reads::OUTPUT;

    #[inline(always)]
    fn f(&self, x: T) -> T {
        x.maximum(T::ZERO)
    }

    #[inline(always)]
    fn gradient(&self, g: T, _: T, y: T) -> T {
        if y <= T::ZERO { T::ZERO } else { g }
    }

    fn on_int(&self) -> Option<fn(&Self, i32) -> i32> {
        Some(|_, x| x.max(0))
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::samples::Sample;
    use crate::ops::tests::{gradients_f32, values_f32};

    #[test]
    fn nan_stays_and_zero_has_no_gradient() {
        let x = Sample::new("{}").values(&[5], &[-1.0, 0.0, 2.0, f64::INFINITY, f64::NAN]);
        let y = values_f32("relu", &x);
        assert_eq!(y[..4], [0.0, 0.0, 2.0, f64::INFINITY]);
        assert!(y[4].is_nan());
        let inf = f32::INFINITY;
        assert_eq!(gradients_f32("relu", &x, inf)[0][..4], [0.0, 0.0, inf, inf]);
    }
}
