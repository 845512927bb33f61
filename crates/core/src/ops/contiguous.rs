use serde::Deserialize;

use crate::dtype::{DataMut, Operand, TensorType};
use crate::error::Result;
use crate::kernels::strided::gather;
use crate::ops::{Class, Grad, Named, Operation, Reads, expect_inputs};
use crate::real::Real;
use crate::shape::Shape;

/// A copy that lies row-major in a storage of its own, of any type.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contiguous {}

impl Named for Contiguous {
    const NAME: &'static str = "contiguous";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        use super::samples::Sample;
        let mut samples = super::samples::unary(-1.0..1.0);
        samples.push(Sample::new("{}").int(&[2, 2], &[1, -2, i32::MAX, i32::MIN]));
        samples.push(Sample::new("{}").bool(&[3], &[true, false, true]));
        samples
    }
}

impl<T: Real> Operation<T> for Contiguous {
    fn infer(&self, inputs: &[TensorType]) -> Result<TensorType> {
        let [x] = expect_inputs(Self::NAME, inputs)?;
        Ok(x.clone())
    }

    fn takes(&self, _: usize, inputs: &[TensorType]) -> Class {
        Class::of(inputs[0].dtype)
    }

    fn strided(&self, _: usize) -> bool {
        true
    }

    fn reads(&self) -> Reads {
        Reads::NOTHING
    }

    fn forward(&self, x: &[Operand<'_, T>], y: DataMut<'_, T>, shape: &Shape) -> Result<()> {
        let strides = &x[0].layout.strides;
        match y {
            DataMut::Real(y) => gather(x[0].real(), shape, strides, y),
            DataMut::Int(y) => gather(x[0].int(), shape, strides, y),
            DataMut::Byte(y) => gather(x[0].byte(), shape, strides, y),
        }
        Ok(())
    }

    fn backward(&self, _: &[Operand<'_, T>], _: &[T], dy: &[T], dx: &mut [Option<Grad<'_, T>>]) {
        if let Some(dx) = &mut dx[0] {
            dx.map([dy], |[g]| g);
        }
    }
}
