use serde::Deserialize;

use crate::dtype::{DataMut, Operand, TensorType};
use crate::error::{Error, Result};
use crate::kernels::parallel::rows_mut;
use crate::kernels::strided::GRAIN;
use crate::ops::index::{Split, expect_integers, expect_within, within};
use crate::ops::{Class, Grad, Named, Operation, Reads, expect_inputs};
use crate::real::Real;
use crate::shape::Shape;

/// The places of dimension `dim` of x that the index [k] names: y[o, j, i] = x[o, index[j], i]. The gradient is added up
/// where it came from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexSelect {
    dim: isize,
}

impl Named for IndexSelect {
    const NAME: &'static str = "indexSelect";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        use super::samples::Sample;
        vec![
            Sample::new(r#"{"dim": 0}"#).real(&[4, 3], -1.0..1.0).int(&[5], &[3, 0, 3, 1, 3]),
            Sample::new(r#"{"dim": -1}"#).real(&[2, 4], -1.0..1.0).int(&[3], &[2, 2, 0]),
            Sample::new(r#"{"dim": 1}"#).real(&[2, 3, 2], -1.0..1.0).int(&[2], &[1, 2]),
            Sample::new(r#"{"dim": 0}"#).real(&[3], -1.0..1.0).int(&[], &[1]),
            Sample::new(r#"{"dim": 0}"#).real(&[], -1.0..1.0).int(&[1], &[0]),
            Sample::new(r#"{"dim": 0}"#).real(&[3, 2], -1.0..1.0).int(&[0], &[]),
            Sample::new(r#"{"dim": 0}"#).int(&[3], &[7, -8, 9]).uint8(&[2], &[2, 1]),
            Sample::new(r#"{"dim": 0}"#).bool(&[2], &[true, false]).int(&[3], &[1, 1, 0]),
        ]
    }
}

/// The rows of `inner` elements that the index names, for each of `outer` places.
fn select<U: Copy + Send + Sync>(x: &[U], index: &[i32], Split { size, inner, .. }: Split, y: &mut [U]) {
    rows_mut(y, inner, GRAIN, |first, y| {
        for (i, y) in y.chunks_exact_mut(inner).enumerate() {
            let (outer, j) = ((first + i) / index.len(), (first + i) % index.len());
            if let Some(index) = within(index[j], size) {
                y.copy_from_slice(&x[(outer * size + index) * inner..][..inner]);
            }
        }
    });
}

impl<T: Real> Operation<T> for IndexSelect {
    fn infer(&self, inputs: &[TensorType]) -> Result<TensorType> {
        let [x, index] = expect_inputs(Self::NAME, inputs)?;
        let dim = x.shape.dim(self.dim, Self::NAME)?;
        expect_integers(Self::NAME, index)?;
        if index.shape.len() > 1 {
            return Err(Error::shape(format!("indexSelect: expected an index [k], got {}", index.shape)));
        }
        let mut shape = x.shape.clone();
        if let Some(size) = shape.get_mut(dim) {
            *size = index.shape.elements();
        } else if index.shape.elements() != 1 {
            return Err(Error::shape(format!(
                "indexSelect: one index selects from a scalar, got {}",
                index.shape
            )));
        }
        Ok(TensorType::new(x.dtype, Shape::new(&shape)?))
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

    fn forward(&self, x: &[Operand<'_, T>], y: DataMut<'_, T>, _: &Shape) -> Result<()> {
        let split = Split::new(x[0].shape(), self.dim);
        let index = &x[1].int()[..x[1].shape().elements()];
        expect_within(Self::NAME, index, split.size)?;
        match y {
            DataMut::Real(y) => select(x[0].real(), index, split, y),
            DataMut::Int(y) => select(x[0].int(), index, split, y),
            DataMut::Byte(y) => select(x[0].byte(), index, split, y),
        }
        Ok(())
    }

    fn backward(&self, x: &[Operand<'_, T>], _: &[T], dy: &[T], dx: &mut [Option<Grad<'_, T>>]) {
        let Some(dx) = &mut dx[0] else { return };
        let Split { size, inner, .. } = Split::new(x[0].shape(), self.dim);
        let index = &x[1].int()[..x[1].shape().elements()];
        dx.clear_to_write();
        rows_mut(dx.data, size * inner, GRAIN, |first, dx| {
            for (o, dx) in dx.chunks_exact_mut(size * inner).enumerate() {
                for (j, &index) in index.iter().enumerate() {
                    let Some(index) = within(index, size) else { continue };
                    let dy = &dy[((first + o) * x[1].shape().elements() + j) * inner..][..inner];
                    dx[index * inner..][..inner].iter_mut().zip(dy).for_each(|(dx, &g)| *dx += g);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::samples::Sample;

    #[test]
    fn wrong_indices_are_refused() {
        let message = |index: &[i32]| {
            let sample = Sample::new(r#"{"dim": 0}"#).real(&[3, 2], 0.0..1.0).int(&[index.len()], index);
            sample.evaluate("indexSelect").unwrap_err().message
        };
        assert_eq!(
            message(&[0, 3]),
            "indexSelect: index 3 at position 1 is out of range for size 3, expected 0 to 2"
        );
        assert!(message(&[-1]).contains("index -1 at position 0"));
        let floats = Sample::new(r#"{"dim": 0}"#).real(&[3], 0.0..1.0).real(&[1], 0.0..1.0);
        assert!(floats.evaluate("indexSelect").unwrap_err().message.contains("index.to('int32')"));
        let matrix = Sample::new(r#"{"dim": 0}"#).real(&[3], 0.0..1.0).int(&[1, 1], &[0]);
        assert!(matrix.evaluate("indexSelect").unwrap_err().message.contains("expected an index [k]"));
    }
}
