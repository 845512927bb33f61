//! Losses of class labels: what a function of a row and its label says of itself, and everything around it.

use std::fmt;
use std::ops::Range;

use crate::dtype::{DType, DataMut, Operand, TensorType};
use crate::error::{Error, Result};
use crate::kernels::exponentials::add_softmax;
use crate::kernels::parallel::{chunks_mut, rows_mut};
use crate::kernels::reduce::sum;
use crate::kernels::short_rows::{Block, LONGEST, ROWS};
use crate::kernels::strided::GRAIN;
use crate::kernels::{Mode, vectorize};
use crate::ops::loss::{LossReduction, total};
use crate::ops::{Class, Grad, Named, Operation, Reads, Signature};
use crate::real::Real;
use crate::shape::{Layout, Shape};

/// Rows whose losses are added one after the other.
const BLOCK: usize = ROWS;

/// The weights of classes.
#[derive(Clone, Copy, Debug)]
pub struct ClassWeights<'a, T> {
    values: Option<&'a [T]>,
    sum: T,
    classes: usize,
}

impl<'a, T: Real> ClassWeights<'a, T> {
    /// The weight of one class: 1 where none were given.
    #[inline(always)]
    pub fn of(&self, class: usize) -> T {
        self.values.map_or(T::ONE, |weights| weights[class])
    }

    /// The weights, if they were given.
    #[inline(always)]
    pub fn values(&self) -> Option<&'a [T]> {
        self.values
    }

    /// How many classes there are.
    #[inline(always)]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Their sum over all classes.
    #[inline(always)]
    pub fn sum(&self) -> T {
        self.sum
    }
}

/// A function of a row of numbers, one a class, and the label. Both methods are `#[inline(always)]`: they run in a
/// vectorised loop over rows. The label is a valid index.
pub trait ClassFunction<T: Real>: Named + fmt::Debug + Send + Sync {
    /// The label whose rows do not count.
    fn ignore_index(&self) -> i32;

    /// What becomes of the rows' losses. The mean divides by the sum of the weights of the labels that count.
    fn reduction(&self) -> LossReduction;

    /// Refuses attributes that make no sense.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// The loss of the row x. `known` is the row's [`log_sum_exp`](crate::kernels::exponentials::log_sum_exp), where it
    /// has been computed already.
    fn loss(&self, x: &[T], label: usize, weights: ClassWeights<'_, T>, known: Option<(T, T)>) -> T;

    /// How much of softmax(x) there is in `g · ∂loss/∂x`; `None` for a loss that has none of it, whatever the label.
    fn softmax_factor(&self, label: usize, weights: ClassWeights<'_, T>, g: T) -> Option<T>;

    /// Adds the rest of `g · ∂loss/∂x`, which does not depend on x.
    fn add_to_gradient(&self, label: usize, weights: ClassWeights<'_, T>, g: T, dx: &mut [T]);
}

/// A [`ClassFunction`] as an operation: of scores [N, C, d...] or [C], labels [N, d...] or [] (`int32` or `uint8`), and
/// optional weights [C] of the classes. Gradients flow to the scores alone.
#[derive(Debug)]
pub struct ClassLoss<F>(pub F);

/// The operands, the classes last.
struct Rows<'a, T> {
    scores: &'a [T],
    classes: usize,
    labels: &'a [i32],
    weights: ClassWeights<'a, T>,
    ignored: i32,
}

impl<'a, T: Real> Rows<'a, T> {
    fn new(x: &[Operand<'a, T>], ignored: i32) -> Self {
        let shape = x[0].shape();
        let classes = shape[shape.len() - 1];
        let rows = x[1].shape().elements();
        let values = x.get(2).map(|weights| &weights.real()[..classes]);
        Self {
            scores: &x[0].real()[..rows * classes],
            classes,
            labels: &x[1].int()[..rows],
            weights: ClassWeights { values, sum: values.map_or(T::from_f64(classes as f64), sum), classes },
            ignored,
        }
    }

    /// The label of a row, unless it is to be ignored.
    #[inline(always)]
    fn label(&self, row: usize) -> Option<usize> {
        let label = self.labels[row];
        usize::try_from(label).ok().filter(|&class| label != self.ignored && class < self.classes)
    }

    #[inline(always)]
    fn row(&self, row: usize) -> &'a [T] {
        &self.scores[row * self.classes..][..self.classes]
    }

    #[inline(always)]
    fn rows(&self, range: Range<usize>) -> &'a [T] {
        &self.scores[range.start * self.classes..range.end * self.classes]
    }

    /// Refuses labels that are neither ignored nor a class.
    fn check(&self, name: &str) -> Result<()> {
        let wrong = |&label: &i32| {
            label != self.ignored && usize::try_from(label).map_or(true, |class| class >= self.classes)
        };
        match self.labels.iter().position(wrong) {
            None => Ok(()),
            Some(position) => Err(Error::index(format!(
                "{name}: label {} at position {position} is out of range, expected 0 to {}",
                self.labels[position],
                self.classes - 1
            ))),
        }
    }

    /// The sum of the weights of the labels that count.
    fn weight(&self) -> T {
        let weights = (0..self.labels.len()).filter_map(|row| self.label(row)).map(|c| self.weights.of(c));
        T::from_f64(weights.map(T::to_f64).sum())
    }
}

impl<F> ClassLoss<F> {
    #[inline(always)]
    fn row_loss<T: Real>(&self, rows: &Rows<'_, T>, row: usize, known: Option<(T, T)>) -> T
    where
        F: ClassFunction<T>,
    {
        match rows.label(row) {
            Some(label) => self.0.loss(rows.row(row), label, rows.weights, known),
            None => T::ZERO,
        }
    }

    /// The sum of the losses of at most [`BLOCK`] rows.
    #[inline(always)]
    fn block_loss<T: Real>(&self, rows: &Rows<'_, T>, range: Range<usize>) -> T
    where
        F: ClassFunction<T>,
    {
        let mut sum = T::ZERO;
        if self.works_on_blocks(rows) && !range.is_empty() {
            let (maxima, logs) = Block::load(rows.rows(range.clone()), rows.classes).log_sum_exp();
            for (row, known) in range.zip(maxima.into_iter().zip(logs)) {
                sum += self.row_loss(rows, row, Some(known));
            }
        } else {
            for row in range {
                sum += self.row_loss(rows, row, None);
            }
        }
        sum
    }

    /// Whether rows are short enough to be done side by side, and there is a softmax in them to be done.
    #[inline(always)]
    fn works_on_blocks<T: Real>(&self, rows: &Rows<'_, T>) -> bool
    where
        F: ClassFunction<T>,
    {
        rows.classes <= LONGEST && self.0.softmax_factor(0, rows.weights, T::ZERO).is_some()
    }

    /// `dx (+)=` the gradient of some rows from number `first` on; `g` is that of a row's loss.
    #[inline(always)]
    fn rows_gradient<T: Real>(
        &self,
        rows: &Rows<'_, T>,
        first: usize,
        dx: &mut [T],
        mode: Mode,
        g: impl Fn(usize) -> T,
    ) where
        F: ClassFunction<T>,
    {
        let blocks = mode == Mode::Write && self.works_on_blocks(rows);
        if blocks {
            for (block, dx) in dx.chunks_mut(BLOCK * rows.classes).enumerate() {
                let first = first + block * BLOCK;
                let count = dx.len() / rows.classes;
                let mut factors = [T::ZERO; BLOCK];
                for (factor, row) in factors[..count].iter_mut().zip(first..) {
                    let factor_of = |label| self.0.softmax_factor(label, rows.weights, g(row));
                    *factor = rows.label(row).and_then(factor_of).unwrap_or(T::ZERO);
                }
                Block::load(rows.rows(first..first + count), rows.classes).scaled_softmax(&factors, dx);
            }
        }
        for (row, dx) in (first..).zip(dx.chunks_exact_mut(rows.classes)) {
            let Some(label) = rows.label(row) else {
                if mode == Mode::Write {
                    dx.fill(T::ZERO);
                }
                continue;
            };
            let g = g(row);
            if !blocks {
                match self.0.softmax_factor(label, rows.weights, g) {
                    Some(factor) => add_softmax(rows.row(row), factor, dx, mode),
                    None if mode == Mode::Write => dx.fill(T::ZERO),
                    None => {}
                }
            }
            self.0.add_to_gradient(label, rows.weights, g, dx);
        }
    }
}

impl<T: Real, F: ClassFunction<T>> Operation<T> for ClassLoss<F> {
    fn infer(&self, inputs: &[TensorType]) -> Result<TensorType> {
        let name = F::NAME;
        let ([scores, labels] | [scores, labels, _]) = inputs else {
            return Err(Error::argument(format!("{name}: expected 2 or 3 inputs, got {}", inputs.len())));
        };
        self.0.check()?;
        if !scores.dtype.is_float() {
            return Err(Error::dtype(format!(
                "{name}: expected float32 scores, got {} of shape {}",
                scores.dtype, scores.shape
            )));
        }
        if !matches!(labels.dtype, DType::Int32 | DType::Uint8) {
            return Err(Error::dtype(format!(
                "{name}: labels must be int32, got {} of shape {}; cast them first: labels.to('int32')",
                labels.dtype, labels.shape
            )));
        }
        let class_dim = usize::from(scores.shape.len() > 1);
        let Some(&classes) = scores.shape.get(class_dim) else {
            return Err(Error::shape(format!("{name}: expected scores [N, C, ...] or [C], got a scalar")));
        };
        let rows = scores.shape.reduce(class_dim, false);
        if rows != labels.shape {
            return Err(Error::shape(format!(
                "{name}: scores of shape {} need labels of shape {rows}, got {}",
                scores.shape, labels.shape
            )));
        }
        if classes == 0 {
            return Err(Error::shape(format!("{name}: there are no classes in shape {}", scores.shape)));
        }
        if let Some(weights) = inputs.get(2)
            && (weights.shape[..] != [classes] || !weights.dtype.is_float())
        {
            return Err(Error::shape(format!(
                "{name}: expected float32 class weights [{classes}], got {} of shape {}",
                weights.dtype, weights.shape
            )));
        }
        Ok(TensorType::new(
            DType::Float32,
            match self.0.reduction() {
                LossReduction::None => rows,
                _ => Shape::default(),
            },
        ))
    }

    /// The classes last.
    fn arrange(&self, input: usize, layout: &Layout, _: &Signature) -> Layout {
        if input != 0 || layout.shape.len() < 3 {
            return layout.clone();
        }
        let mut layout = layout.clone();
        layout.shape[1..].rotate_left(1);
        layout.strides[1..].rotate_left(1);
        layout
    }

    fn takes(&self, input: usize, _: &[TensorType]) -> Class {
        if input == 1 { Class::Int } else { Class::Real }
    }

    fn reads(&self) -> Reads {
        Reads::INPUTS
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }

    fn forward(&self, x: &[Operand<'_, T>], y: DataMut<'_, T>, _: &Shape) -> Result<()> {
        let DataMut::Real(y) = y else {
            return Err(Error::internal(format!("{}: unexpected output class", F::NAME)));
        };
        let rows = Rows::new(x, self.0.ignore_index());
        rows.check(F::NAME)?;
        if self.0.reduction() == LossReduction::None {
            chunks_mut(y, GRAIN.div_ceil(rows.classes), |first, y| {
                vectorize(
                    #[inline(always)]
                    || {
                        for (y, row) in y.iter_mut().zip(first..) {
                            *y = self.row_loss(&rows, row, None);
                        }
                    },
                );
            });
            return Ok(());
        }
        let sum = total(rows.labels.len(), BLOCK, rows.classes, |range| {
            vectorize(
                #[inline(always)]
                || self.block_loss(&rows, range),
            )
        });
        y[0] = match self.0.reduction() {
            LossReduction::Mean => sum / rows.weight(),
            _ => sum,
        };
        Ok(())
    }

    fn backward(&self, x: &[Operand<'_, T>], _: &[T], dy: &[T], dx: &mut [Option<Grad<'_, T>>]) {
        let Some(dx) = &mut dx[0] else { return };
        let rows = Rows::new(x, self.0.ignore_index());
        let common = match self.0.reduction() {
            LossReduction::Mean => Some(dy[0] / rows.weight()),
            LossReduction::Sum => Some(dy[0]),
            LossReduction::None => None,
        };
        let mode = dx.mode;
        rows_mut(dx.data, rows.classes, GRAIN, |first, dx| {
            vectorize(
                #[inline(always)]
                || self.rows_gradient(&rows, first, dx, mode, |row| common.unwrap_or_else(|| dy[row])),
            );
        });
    }
}

/// Samples of every shape, for each of the attributes and the label that they ignore.
#[cfg(test)]
pub fn samples(attributes: &[(&str, i32)], range: std::ops::Range<f64>) -> Vec<super::samples::Sample> {
    use super::samples::Sample;
    let shapes: [(&[usize], &[usize], &[i32]); 6] = [
        (&[4, 3], &[4], &[0, 2, 1, 2]),
        (&[3], &[], &[0]),
        (&[2, 4, 3], &[2, 3], &[0, 1, 2, 3, -100, 1]),
        (&[2, 3, 2, 2], &[2, 2, 2], &[0, 1, 2, 2, 1, 0, 0, 1]),
        (&[3, 21], &[3], &[20, 0, 16]),
        (&[20, 2], &[20], &[0, 1, 1, 0, 1, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 1, 1, 0, 0, 1]),
    ];
    let mut samples = Vec::new();
    for &(attributes, ignored) in attributes {
        for (scores, labels, values) in shapes {
            let values: Vec<i32> = values.iter().map(|&v| if v == -100 { ignored } else { v }).collect();
            let sample = Sample::new(attributes).real(scores, range.clone()).int(labels, &values);
            samples.push(sample.clone());
            let classes = scores[usize::from(scores.len() > 1)];
            let weights: Vec<f64> = (0..classes).map(|c| 0.5 + (c % 4) as f64 / 3.0).collect();
            samples.push(sample.values(&[classes], &weights));
        }
    }
    samples
}

#[cfg(test)]
mod tests {
    use crate::ops::samples::Sample;

    fn sample(attributes: &str) -> Sample {
        Sample::new(attributes).values(&[2, 3], &[0.0, 1.0, 2.0, 5.0, 5.0, 5.0])
    }

    fn message(sample: &Sample) -> String {
        sample.evaluate("crossEntropy").unwrap_err().message
    }

    #[test]
    fn wrong_labels_are_refused_by_name_and_place() {
        assert_eq!(
            message(&sample("{}").int(&[2], &[0, 3])),
            "crossEntropy: label 3 at position 1 is out of range, expected 0 to 2"
        );
        assert!(message(&sample("{}").int(&[2], &[-1, 0])).contains("label -1 at position 0"));
        assert!(sample(r#"{"ignoreIndex": -1}"#).int(&[2], &[-1, 0]).evaluate("crossEntropy").is_ok());
        assert!(message(&sample("{}").values(&[2], &[0.0, 1.0])).contains("labels.to('int32')"));
        assert!(message(&sample("{}").bool(&[2], &[true, false])).contains("labels must be int32, got bool"));
    }

    #[test]
    fn wrong_shapes_are_refused() {
        assert_eq!(
            message(&sample("{}").int(&[3], &[0, 1, 2])),
            "crossEntropy: scores of shape [2, 3] need labels of shape [2], got [3]"
        );
        let weighted = sample("{}").int(&[2], &[0, 1]).values(&[2], &[1.0, 1.0]);
        assert!(message(&weighted).contains("expected float32 class weights [3]"));
        let scalar = Sample::new("{}").values(&[], &[1.0]).int(&[], &[0]);
        assert!(message(&scalar).contains("got a scalar"));
        let nothing = Sample::new("{}").values(&[2, 0], &[]).int(&[2], &[0, 0]);
        assert!(message(&nothing).contains("no classes"));
        for smoothing in ["-0.1", "1.5"] {
            let sample = sample(&format!(r#"{{"labelSmoothing": {smoothing}}}"#)).int(&[2], &[0, 0]);
            assert!(message(&sample).contains("labelSmoothing must be between 0 and 1"));
        }
    }

    #[test]
    fn the_mean_of_nothing_is_nan() {
        let all_ignored = sample("{}").int(&[2], &[-100, -100]);
        assert!(all_ignored.evaluate("crossEntropy").unwrap()[0].is_nan());
        let empty = Sample::new("{}").values(&[0, 3], &[]).int(&[0], &[]);
        assert!(empty.evaluate("crossEntropy").unwrap()[0].is_nan());
        let sum = sample(r#"{"reduction": "sum"}"#).int(&[2], &[-100, -100]);
        assert_eq!(sum.evaluate("crossEntropy").unwrap(), [0.0]);
    }

    #[test]
    fn bytes_may_be_labels() {
        let y = sample(r#"{"reduction": "none"}"#).uint8(&[2], &[2, 0]).evaluate("crossEntropy").unwrap();
        assert!((y[0] - 0.407_605_96).abs() < 1e-6 && (y[1] - 3f64.ln()).abs() < 1e-6, "{y:?}");
    }

    #[test]
    fn extreme_logits_give_exact_losses() {
        let y = Sample::new(r#"{"reduction": "none"}"#)
            .values(&[3, 2], &[1e5, 0.0, f64::NEG_INFINITY, 0.0, 3e38, -3e38])
            .int(&[3], &[1, 0, 0])
            .evaluate("crossEntropy")
            .unwrap();
        assert_eq!(y, [1e5, f64::INFINITY, 0.0]);
    }
}
