use serde::Deserialize;

use crate::ops::number::Number;
use crate::ops::{Named, Reads, UnaryFunction};
use crate::real::Real;

/// x above 0, `negativeSlope` · x elsewhere (Maas, Hannun, Ng 2013). The derivative is 1 above 0, the slope elsewhere.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LeakyRelu {
    #[serde(default = "negative_slope")]
    negative_slope: Number,
}

fn negative_slope() -> Number {
    Number(0.01)
}

impl Named for LeakyRelu {
    const NAME: &'static str = "leakyRelu";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        use super::samples::{unary, unary_with};
        [unary(0.1..2.0), unary(-2.0..-0.1), unary_with(r#"{"negativeSlope": 0.2}"#, -2.0..-0.1)].concat()
    }
}

impl<T: Real> UnaryFunction<T> for LeakyRelu {
    const READS: Reads = Reads::INPUTS;

    #[inline(always)]
    fn f(&self, x: T) -> T {
        if x > T::ZERO { x } else { x * T::from_f64(self.negative_slope.0) }
    }

    #[inline(always)]
    fn gradient(&self, g: T, x: T, _: T) -> T {
        if x > T::ZERO { g } else { g * T::from_f64(self.negative_slope.0) }
    }
}
