use serde::Deserialize;

use crate::dtype::{DataMut, Operand, TensorType};
use crate::error::{Error, Result};
use crate::ops::view::no_computation;
use crate::ops::{Grad, Named, Operation, Reads, Signature, expect_inputs};
use crate::real::Real;
use crate::shape::{Layout, Shape, Strides};

/// The dimensions in another order: dimension i of the result is dimension `dims[i]` of the input. A view.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permute {
    dims: Vec<isize>,
}

impl Permute {
    fn order(&self, shape: &Shape) -> Result<Vec<usize>> {
        let wrong = || {
            Error::argument(format!(
                "permute: dims {:?} must name each of the {} dimensions of shape {shape} once",
                self.dims,
                shape.len()
            ))
        };
        if self.dims.len() != shape.len() {
            return Err(wrong());
        }
        let mut order = Vec::with_capacity(shape.len());
        for &dim in &self.dims {
            let dim = shape.dim(dim, Self::NAME)?;
            if order.contains(&dim) {
                return Err(wrong());
            }
            order.push(dim);
        }
        Ok(order)
    }
}

impl Named for Permute {
    const NAME: &'static str = "permute";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        use super::samples::Sample;
        vec![
            Sample::new(r#"{"dims": [1, 0]}"#).real(&[2, 3], -1.0..1.0),
            Sample::new(r#"{"dims": [2, 0, -2]}"#).real(&[2, 3, 4], -1.0..1.0),
            Sample::new(r#"{"dims": []}"#).real(&[], -1.0..1.0),
        ]
    }
}

impl<T: Real> Operation<T> for Permute {
    fn infer(&self, inputs: &[TensorType]) -> Result<TensorType> {
        let [x] = expect_inputs(Self::NAME, inputs)?;
        let sizes: Vec<usize> = self.order(&x.shape)?.into_iter().map(|dim| x.shape[dim]).collect();
        Ok(TensorType::new(x.dtype, Shape::new(&sizes)?))
    }

    fn arrange(&self, _: usize, layout: &Layout, signature: &Signature) -> Layout {
        let order = self.order(&layout.shape).unwrap_or_default();
        let steps: Vec<usize> = order.into_iter().map(|dim| layout.strides[dim]).collect();
        Layout {
            shape: signature.output.shape.clone(),
            strides: Strides::new(&steps).unwrap_or_default(),
            offset: layout.offset,
        }
    }

    no_computation!();
}
