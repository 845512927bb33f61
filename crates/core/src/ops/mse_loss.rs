use serde::Deserialize;

use crate::ops::loss::LossReduction;
use crate::ops::{Named, PointwiseFunction};
use crate::real::Real;

/// The squared difference (x − t)², its derivative ±2·(x − t).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MseLoss {
    #[serde(default)]
    reduction: LossReduction,
}

impl Named for MseLoss {
    const NAME: &'static str = "mseLoss";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        super::pointwise_loss::samples(-2.0..2.0, -1.0..3.0)
    }
}

impl<T: Real> PointwiseFunction<T> for MseLoss {
    fn reduction(&self) -> LossReduction {
        self.reduction
    }

    #[inline(always)]
    fn f(&self, x: T, t: T) -> T {
        (x - t) * (x - t)
    }

    #[inline(always)]
    fn derivatives(&self, x: T, t: T) -> (T, T) {
        let slope = (x - t) + (x - t);
        (slope, -slope)
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::samples::Sample;

    #[test]
    fn shapes_must_be_equal() {
        let sample = Sample::new("{}").real(&[4, 1], 0.0..1.0).real(&[4], 0.0..1.0);
        assert_eq!(
            sample.evaluate("mseLoss").unwrap_err().message,
            "mseLoss: input of shape [4, 1] and target of shape [4] differ; reshape or expand one of them"
        );
        let nothing = Sample::new("{}").real(&[0], 0.0..1.0).real(&[0], 0.0..1.0);
        assert!(nothing.evaluate("mseLoss").unwrap()[0].is_nan());
    }
}
