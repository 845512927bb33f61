use serde::Deserialize;

use crate::ops::class_loss::ClassWeights;
use crate::ops::loss::LossReduction;
use crate::ops::{ClassFunction, Named};
use crate::real::Real;

/// The negative log-likelihood of class labels, from log-probabilities x: the loss of a row with label y is −w_y·x_y,
/// as `torch.nn.functional.nll_loss` defines it; its derivative is −w_y at y, 0 elsewhere.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NllLoss {
    #[serde(default = "default_ignore_index")]
    ignore_index: i32,
    #[serde(default)]
    reduction: LossReduction,
}

/// PyTorch's.
pub const fn default_ignore_index() -> i32 {
    -100
}

impl Named for NllLoss {
    const NAME: &'static str = "nllLoss";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        super::class_loss::samples(
            &[
                ("{}", -100),
                (r#"{"reduction": "sum", "ignoreIndex": 2}"#, 2),
                (r#"{"reduction": "none"}"#, -100),
            ],
            -3.0..0.0,
        )
    }
}

impl<T: Real> ClassFunction<T> for NllLoss {
    fn ignore_index(&self) -> i32 {
        self.ignore_index
    }

    fn reduction(&self) -> LossReduction {
        self.reduction
    }

    #[inline(always)]
    fn loss(&self, x: &[T], label: usize, weights: ClassWeights<'_, T>, _: Option<(T, T)>) -> T {
        -(weights.of(label) * x[label])
    }

    #[inline(always)]
    fn softmax_factor(&self, _: usize, _: ClassWeights<'_, T>, _: T) -> Option<T> {
        None
    }

    #[inline(always)]
    fn add_to_gradient(&self, label: usize, weights: ClassWeights<'_, T>, g: T, dx: &mut [T]) {
        dx[label] -= g * weights.of(label);
    }
}
