use serde::Deserialize;

use crate::dtype::{DataMut, Operand, TensorType};
use crate::error::{Error, Result};
use crate::kernels::parallel::rows_mut;
use crate::kernels::strided::GRAIN;
use crate::ops::index::{Split, expect_integers, expect_within, within};
use crate::ops::{Class, Grad, Named, Operation, Reads, Signature, expect_inputs};
use crate::real::Real;
use crate::shape::{Layout, Shape};

/// For each element of the index, the element of x at the same place but for dimension `dim`, where the index says:
/// y[o, j, i] = x[o, index[o, j, i], i]. The index may be smaller than x in the other dimensions. The gradient is added
/// up where it came from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gather {
    dim: isize,
}

impl Named for Gather {
    const NAME: &'static str = "gather";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        use super::samples::Sample;
        vec![
            Sample::new(r#"{"dim": 1}"#).real(&[2, 3], -1.0..1.0).int(&[2, 4], &[0, 2, 2, 1, 1, 0, 0, 0]),
            Sample::new(r#"{"dim": 0}"#).real(&[3, 2], -1.0..1.0).int(&[2, 2], &[2, 0, 2, 1]),
            Sample::new(r#"{"dim": -1}"#).real(&[3, 4], -1.0..1.0).int(&[2, 1], &[3, 3]),
            Sample::new(r#"{"dim": 1}"#).real(&[2, 3, 4], -1.0..1.0).int(&[1, 2, 2], &[2, 0, 1, 2]),
            Sample::new(r#"{"dim": 0}"#).real(&[], -1.0..1.0).int(&[], &[0]),
            Sample::new(r#"{"dim": 0}"#).real(&[3], -1.0..1.0).int(&[0], &[]),
            Sample::new(r#"{"dim": 0}"#).int(&[3], &[7, -8, 9]).uint8(&[2], &[2, 1]),
            Sample::new(r#"{"dim": 0}"#).bool(&[2], &[true, false]).int(&[3], &[1, 1, 0]),
        ]
    }
}

impl Gather {
    fn split<T>(&self, x: &[Operand<'_, T>]) -> (Split, Split) {
        (Split::new(&x[0].layout.shape, self.dim), Split::new(&x[1].layout.shape, self.dim))
    }
}

fn pick<U: Copy + Send + Sync>(x: &[U], of: Split, index: &[i32], by: Split, y: &mut [U]) {
    rows_mut(y, by.inner, GRAIN, |first, y| {
        for (row, y) in (first..).zip(y.chunks_exact_mut(by.inner)) {
            let x = &x[row / by.size * of.size * of.inner..];
            for (i, (y, &index)) in y.iter_mut().zip(&index[row * by.inner..]).enumerate() {
                if let Some(index) = within(index, of.size) {
                    *y = x[index * of.inner + i];
                }
            }
        }
    });
}

impl<T: Real> Operation<T> for Gather {
    fn infer(&self, inputs: &[TensorType]) -> Result<TensorType> {
        let [x, index] = expect_inputs(Self::NAME, inputs)?;
        let dim = x.shape.dim(self.dim, Self::NAME)?;
        expect_integers(Self::NAME, index)?;
        let refused = |why: String| {
            Error::shape(format!(
                "gather: index of shape {} does not fit shape {}: {why}",
                index.shape, x.shape
            ))
        };
        if x.shape.len() != index.shape.len() {
            return Err(refused("different numbers of dimensions".into()));
        }
        if let Some(i) = (0..x.shape.len()).find(|&i| i != dim && index.shape[i] > x.shape[i]) {
            return Err(refused(format!(
                "size {} at dimension {i} is larger than {}",
                index.shape[i], x.shape[i]
            )));
        }
        Ok(TensorType::new(x.dtype, index.shape.clone()))
    }

    /// x without what the index does not reach.
    fn arrange(&self, input: usize, layout: &Layout, signature: &Signature) -> Layout {
        let mut layout = layout.clone();
        let dim = layout.shape.dim(self.dim, Self::NAME).unwrap_or(0);
        if input == 0 {
            for (i, size) in layout.shape.iter_mut().enumerate().filter(|&(i, _)| i != dim) {
                *size = signature.inputs[1].shape[i];
            }
        }
        layout
    }

    fn takes(&self, input: usize, inputs: &[TensorType]) -> Class {
        if input == 1 { Class::Int } else { Class::of(inputs[0].dtype) }
    }

    fn reads(&self) -> Reads {
        Reads::input(1)
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }

    fn forward(&self, x: &[Operand<'_, T>], y: DataMut<'_, T>, shape: &Shape) -> Result<()> {
        let (of, by) = self.split(x);
        let index = &x[1].int()[..shape.elements()];
        expect_within(Self::NAME, index, of.size)?;
        match y {
            DataMut::Real(y) => pick(x[0].real(), of, index, by, y),
            DataMut::Int(y) => pick(x[0].int(), of, index, by, y),
            DataMut::Byte(y) => pick(x[0].byte(), of, index, by, y),
        }
        Ok(())
    }

    fn backward(&self, x: &[Operand<'_, T>], _: &[T], dy: &[T], dx: &mut [Option<Grad<'_, T>>]) {
        let Some(dx) = &mut dx[0] else { return };
        let (of, by) = self.split(x);
        let index = x[1].int();
        dx.clear_to_write();
        rows_mut(dx.data, of.size * of.inner, GRAIN, |first, dx| {
            for (o, dx) in (first..).zip(dx.chunks_exact_mut(of.size * of.inner)) {
                let range = o * by.size * by.inner..(o + 1) * by.size * by.inner;
                for (at, (&index, &g)) in index[range.clone()].iter().zip(&dy[range]).enumerate() {
                    if let Some(index) = within(index, of.size) {
                        dx[index * of.inner + at % by.inner] += g;
                    }
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::samples::Sample;

    #[test]
    fn what_does_not_fit_is_refused() {
        let message = |index: &[usize], value: i32| {
            let values = vec![value; index.iter().product()];
            let sample = Sample::new(r#"{"dim": 1}"#).real(&[3, 2], 0.0..1.0).int(index, &values);
            sample.evaluate("gather").unwrap_err().message
        };
        assert_eq!(
            message(&[4, 2], 0),
            "gather: index of shape [4, 2] does not fit shape [3, 2]: size 4 at dimension 0 is larger than 3"
        );
        assert!(message(&[3], 0).contains("different numbers of dimensions"));
        assert!(message(&[3, 1], 2).contains("index 2 at position 0 is out of range for size 2"));
        assert!(message(&[3, 1], -1).contains("index -1"));
    }
}
