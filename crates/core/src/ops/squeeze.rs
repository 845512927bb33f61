use serde::Deserialize;

use crate::dtype::{DataMut, Operand, TensorType};
use crate::error::Result;
use crate::ops::view::no_computation;
use crate::ops::{Grad, Named, Operation, Reads, Signature, expect_inputs};
use crate::real::Real;
use crate::shape::{Layout, Shape, Strides};

/// Without the dimension `dim`, if its size is 1; without all dimensions of size 1 where `dim` is absent. A view.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Squeeze {
    dim: Option<isize>,
}

impl Squeeze {
    /// The dimensions that stay.
    fn kept(&self, shape: &Shape) -> Result<Vec<usize>> {
        let dim = self.dim.map(|dim| shape.dim(dim, Self::NAME)).transpose()?;
        let goes = |i: usize| shape[i] == 1 && dim.is_none_or(|dim| dim == i);
        Ok((0..shape.len()).filter(|&i| !goes(i)).collect())
    }
}

impl Named for Squeeze {
    const NAME: &'static str = "squeeze";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        use super::samples::Sample;
        let cases: [(&str, &[usize]); 6] = [
            ("{}", &[1, 3, 1]),
            (r#"{"dim": 0}"#, &[1, 3, 1]),
            (r#"{"dim": -1}"#, &[2, 3, 1]),
            (r#"{"dim": 1}"#, &[2, 3]),
            (r#"{"dim": 0}"#, &[]),
            ("{}", &[1, 0]),
        ];
        cases.map(|(attributes, shape)| Sample::new(attributes).real(shape, -1.0..1.0)).into()
    }
}

impl<T: Real> Operation<T> for Squeeze {
    fn infer(&self, inputs: &[TensorType]) -> Result<TensorType> {
        let [x] = expect_inputs(Self::NAME, inputs)?;
        let sizes: Vec<usize> = self.kept(&x.shape)?.into_iter().map(|dim| x.shape[dim]).collect();
        Ok(TensorType::new(x.dtype, Shape::new(&sizes)?))
    }

    fn arrange(&self, _: usize, layout: &Layout, signature: &Signature) -> Layout {
        let kept = self.kept(&layout.shape).unwrap_or_default();
        let steps: Vec<usize> = kept.into_iter().map(|dim| layout.strides[dim]).collect();
        Layout {
            shape: signature.output.shape.clone(),
            strides: Strides::new(&steps).unwrap_or_default(),
            offset: layout.offset,
        }
    }

    no_computation!();
}
