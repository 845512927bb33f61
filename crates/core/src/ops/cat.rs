use serde::Deserialize;

use crate::dtype::{DType, DataMut, Operand, TensorType};
use crate::error::{Error, Result};
use crate::kernels::Mode;
use crate::kernels::parallel::rows_mut;
use crate::kernels::strided::GRAIN;
use crate::ops::index::Split;
use crate::ops::{Class, Grad, Named, Operation, Reads};
use crate::real::Real;
use crate::shape::Shape;

/// The inputs one after the other along `dim`. Of different types, they become the one that holds all: `float32` before
/// `int32` before `uint8` before `bool`. The gradient of an input is its part of the result's.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cat {
    dim: isize,
}

impl Named for Cat {
    const NAME: &'static str = "cat";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        use super::samples::Sample;
        let rows = |attributes: &str, shapes: &[&[usize]]| {
            shapes.iter().fold(Sample::new(attributes), |sample, shape| sample.real(shape, -1.0..1.0))
        };
        vec![
            rows(r#"{"dim": 0}"#, &[&[2, 3], &[1, 3], &[4, 3]]),
            rows(r#"{"dim": -1}"#, &[&[2, 3], &[2, 3]]),
            rows(r#"{"dim": 1}"#, &[&[2, 1, 2], &[2, 3, 2]]),
            rows(r#"{"dim": 0}"#, &[&[5]]),
            rows(r#"{"dim": 0}"#, &[&[0, 2], &[3, 2]]),
            rows(r#"{"dim": 0}"#, &[&[1][..]; 40]),
            Sample::new(r#"{"dim": 0}"#).int(&[2], &[1, -2]).int(&[1], &[3]),
            Sample::new(r#"{"dim": 0}"#).int(&[2], &[1, -2]).real(&[2], 0.0..1.0),
            Sample::new(r#"{"dim": 0}"#).uint8(&[2], &[1, 200]).bool(&[1], &[true]),
        ]
    }
}

/// The type that holds all.
fn common(inputs: &[TensorType]) -> DType {
    let order = [DType::Float32, DType::Int32, DType::Uint8, DType::Bool];
    order.into_iter().find(|dtype| inputs.iter().any(|x| x.dtype == *dtype)).unwrap_or(DType::Float32)
}

impl Cat {
    /// Each input's part of a row, and the length of the rows, which are what lies at one place of the dimensions before
    /// `dim`.
    fn widths<T>(&self, x: &[Operand<'_, T>]) -> (Vec<usize>, usize) {
        let width = |x: &Operand<'_, T>| {
            let split = Split::new(&x.layout.shape, self.dim);
            split.size * split.inner
        };
        let widths: Vec<usize> = x.iter().map(width).collect();
        let total = widths.iter().sum();
        (widths, total)
    }
}

/// Writes the rows of `y`, each made of a part of each of `x`.
fn join<U: Copy + Send + Sync>(x: &[(&[U], usize)], width: usize, y: &mut [U]) {
    rows_mut(y, width, GRAIN, |first, y| {
        for (i, y) in y.chunks_exact_mut(width).enumerate() {
            let mut at = 0;
            for &(x, width) in x {
                y[at..at + width].copy_from_slice(&x[(first + i) * width..][..width]);
                at += width;
            }
        }
    });
}

impl<T: Real> Operation<T> for Cat {
    fn infer(&self, inputs: &[TensorType]) -> Result<TensorType> {
        let Some(first) = inputs.first() else {
            return Err(Error::argument("cat: expected at least one tensor"));
        };
        if first.shape.is_empty() {
            return Err(Error::shape("cat: scalars have no dimension to join along; use stack()"));
        }
        let dim = first.shape.dim(self.dim, Self::NAME)?;
        let mut sizes = first.shape.to_vec();
        for x in &inputs[1..] {
            if x.shape.len() != sizes.len() {
                return Err(Error::shape(format!(
                    "cat: shapes {} and {} have different numbers of dimensions",
                    first.shape, x.shape
                )));
            }
            if let Some(other) = (0..sizes.len()).find(|&i| i != dim && x.shape[i] != sizes[i]) {
                return Err(Error::shape(format!(
                    "cat: shapes {} and {} differ at dimension {other}, expected equal sizes everywhere but at dimension {dim}",
                    first.shape, x.shape
                )));
            }
            sizes[dim] = sizes[dim].saturating_add(x.shape[dim]);
        }
        Ok(TensorType::new(common(inputs), Shape::new(&sizes)?))
    }

    fn takes(&self, _: usize, inputs: &[TensorType]) -> Class {
        Class::of(common(inputs))
    }

    fn reads(&self) -> Reads {
        Reads::NOTHING
    }

    fn forward(&self, x: &[Operand<'_, T>], y: DataMut<'_, T>, _: &Shape) -> Result<()> {
        let (widths, width) = self.widths(x);
        let parts = x.iter().zip(widths);
        match y {
            DataMut::Real(y) => join(&parts.map(|(x, w)| (x.real(), w)).collect::<Vec<_>>(), width, y),
            DataMut::Int(y) => join(&parts.map(|(x, w)| (x.int(), w)).collect::<Vec<_>>(), width, y),
            DataMut::Byte(y) => join(&parts.map(|(x, w)| (x.byte(), w)).collect::<Vec<_>>(), width, y),
        }
        Ok(())
    }

    fn backward(&self, x: &[Operand<'_, T>], _: &[T], dy: &[T], dx: &mut [Option<Grad<'_, T>>]) {
        let (widths, total) = self.widths(x);
        let mut start = 0;
        for (dx, width) in dx.iter_mut().zip(widths) {
            if let Some(dx) = dx {
                let mode = dx.mode;
                rows_mut(dx.data, width, GRAIN, |first, dx| {
                    for (i, dx) in dx.chunks_exact_mut(width).enumerate() {
                        let dy = &dy[(first + i) * total + start..][..width];
                        match mode {
                            Mode::Write => dx.copy_from_slice(dy),
                            Mode::Add => dx.iter_mut().zip(dy).for_each(|(dx, &g)| *dx += g),
                        }
                    }
                });
            }
            start += width;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::samples::Sample;

    #[test]
    fn what_does_not_fit_is_refused() {
        let message = |shapes: &[&[usize]]| {
            let sample = Sample::new(r#"{"dim": 1}"#);
            let sample = shapes.iter().fold(sample, |sample, shape| sample.real(shape, 0.0..1.0));
            sample.evaluate("cat").unwrap_err().message
        };
        assert_eq!(
            message(&[&[2, 3], &[3, 4]]),
            "cat: shapes [2, 3] and [3, 4] differ at dimension 0, expected equal sizes everywhere but at dimension 1"
        );
        assert!(message(&[&[2, 3], &[2]]).contains("different numbers of dimensions"));
        assert!(message(&[&[]]).contains("use stack()"));
        assert!(message(&[&[3]]).contains("dim 1 is out of range"));
        assert!(message(&[]).contains("at least one"));
    }
}
