use serde::Deserialize;

use crate::error::{Error, Result};
use crate::kernels::exponentials::{log_sum_exp, sum_of};
use crate::ops::class_loss::ClassWeights;
use crate::ops::loss::LossReduction;
use crate::ops::{ClassFunction, Named};
use crate::real::Real;

/// Cross-entropy of logits and class labels, as `torch.nn.functional.cross_entropy` defines it: with p = softmax(x),
/// weights w and smoothing ε (Szegedy et al. 2016), the loss of a row with label y is
///
/// −(1−ε)·w_y·ln p_y − ε/C·Σ_c w_c·ln p_c
///
/// and its derivative p_j·((1−ε)·w_y + ε/C·Σ_c w_c) − (1−ε)·w_y·[j = y] − ε/C·w_j.
///
/// Without weights and smoothing the error of a row of n classes is at most (max x − x_y + |loss| + s + 26 + n/256)·u, with
/// s = ln Σ e^(x − max x) and u = 2⁻²⁴; see docs/accuracy.md, also for the gradient.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CrossEntropy {
    #[serde(default = "super::nll_loss::default_ignore_index")]
    ignore_index: i32,
    #[serde(default)]
    label_smoothing: f64,
    #[serde(default)]
    reduction: LossReduction,
}

impl Named for CrossEntropy {
    const NAME: &'static str = "crossEntropy";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        super::class_loss::samples(
            &[
                ("{}", -100),
                (r#"{"reduction": "sum", "labelSmoothing": 0.3}"#, -100),
                (r#"{"reduction": "none", "labelSmoothing": 1}"#, -100),
                (r#"{"ignoreIndex": 1, "labelSmoothing": 0.1, "reduction": "mean"}"#, 1),
            ],
            -3.0..3.0,
        )
    }
}

impl<T: Real> ClassFunction<T> for CrossEntropy {
    fn ignore_index(&self) -> i32 {
        self.ignore_index
    }

    fn reduction(&self) -> LossReduction {
        self.reduction
    }

    fn check(&self) -> Result<()> {
        if (0.0..=1.0).contains(&self.label_smoothing) {
            return Ok(());
        }
        Err(Error::argument(format!(
            "crossEntropy: labelSmoothing must be between 0 and 1, got {}",
            self.label_smoothing
        )))
    }

    #[inline(always)]
    fn loss(&self, x: &[T], label: usize, weights: ClassWeights<'_, T>, known: Option<(T, T)>) -> T {
        // No `unwrap_or_else`: its closure would not be inlined, and so not compiled for the instruction set.
        let (m, s) = match known {
            Some(known) => known,
            None => log_sum_exp(x),
        };
        let of_label = weights.of(label) * ((x[label] - m) - s);
        if self.label_smoothing == 0.0 {
            return -of_label;
        }
        let of_all = match weights.values() {
            None => sum_of(
                [x],
                #[inline(always)]
                |[x]| (x - m) - s,
            ),
            Some(weights) => sum_of(
                [x, weights],
                #[inline(always)]
                |[x, w]| w * ((x - m) - s),
            ),
        };
        let share = T::from_f64(self.label_smoothing / x.len() as f64);
        -T::from_f64(1.0 - self.label_smoothing) * of_label - share * of_all
    }

    #[inline(always)]
    fn softmax_factor(&self, label: usize, weights: ClassWeights<'_, T>, g: T) -> Option<T> {
        let of_label = g * T::from_f64(1.0 - self.label_smoothing) * weights.of(label);
        Some(of_label + self.share(weights, g) * weights.sum())
    }

    #[inline(always)]
    fn add_to_gradient(&self, label: usize, weights: ClassWeights<'_, T>, g: T, dx: &mut [T]) {
        if self.label_smoothing > 0.0 {
            let share = self.share(weights, g);
            match weights.values() {
                None => dx.iter_mut().for_each(|dx| *dx -= share),
                Some(weights) => dx.iter_mut().zip(weights).for_each(|(dx, &w)| *dx -= share * w),
            }
        }
        dx[label] -= g * T::from_f64(1.0 - self.label_smoothing) * weights.of(label);
    }
}

impl CrossEntropy {
    /// ε/C, the part of a class, times `g`.
    #[inline(always)]
    fn share<T: Real>(&self, weights: ClassWeights<'_, T>, g: T) -> T {
        g * T::from_f64(self.label_smoothing / weights.classes() as f64)
    }
}
