//! What is counted of the results of a step.

use crate::dtype::Data;
use crate::plan::program::MetricName;
use crate::plan::step::Place;
use crate::real::Real;

/// A metric and its operands.
#[derive(Clone, Copy, Debug)]
pub struct Judge {
    pub(super) name: MetricName,
    pub(super) output: Place,
    pub(super) target: Place,
    pub(super) rows: usize,
    pub(super) classes: usize,
}

impl Judge {
    /// What the metric says of these elements of its operands.
    pub fn count<T: Real>(&self, output: &[T], target: Data<'_, T>) -> f64 {
        let MetricName::Accuracy = self.name;
        let label = |row: usize| match target {
            Data::Int(labels) => i64::from(labels[row]),
            Data::Byte(labels) => i64::from(labels[row]),
            Data::Real(labels) => labels[row].to_f64() as i64,
        };
        let right = |row: &usize| {
            let scores = &output[row * self.classes..][..self.classes];
            // The first largest; NaN counts as larger than all, as in argmax.
            let mut best = 0;
            for (class, score) in scores.iter().enumerate() {
                if *score > scores[best] || (score.is_nan() && !scores[best].is_nan()) {
                    best = class;
                }
            }
            best as i64 == label(*row)
        };
        (0..self.rows).filter(right).count() as f64
    }
}
