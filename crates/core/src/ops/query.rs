//! Questions about the rows of a tensor, whose answers are integers or truth values: no gradient passes them.

use std::fmt;

use crate::dtype::{DType, DataMut, Operand, TensorType};
use crate::error::{Error, Result};
use crate::ops::reduction::{expect_rows, fill_rows, row_length};
use crate::ops::{Class, Dims, Grad, Named, Operation, Reads, Signature, expect_inputs};
use crate::real::Real;
use crate::shape::{Layout, Shape};

/// A function of a row of numbers, floats or integers.
pub trait RowQuery: Named + fmt::Debug + Send + Sync {
    /// The type of the answer: `int32` or `bool`.
    const ANSWER: DType;

    /// Whether rows without elements have an answer; otherwise they are an error.
    const EMPTY_ROWS: bool;

    /// The dimensions that make up a row.
    fn dims(&self) -> Dims;

    /// The answer for a row of floats.
    fn of_real<T: Real>(x: &[T]) -> i32;

    /// The answer for a row of integers.
    fn of_int(x: &[i32]) -> i32;
}

/// A [`RowQuery`] as an operation.
#[derive(Debug)]
pub struct Query<F>(pub F);

impl<T: Real, F: RowQuery> Operation<T> for Query<F> {
    fn infer(&self, inputs: &[TensorType]) -> Result<TensorType> {
        let [x] = expect_inputs(F::NAME, inputs)?;
        let shape = self.0.dims().infer(&x.shape, F::NAME)?;
        if !F::EMPTY_ROWS {
            expect_rows(&x.shape, &shape, F::NAME)?;
        }
        Ok(TensorType::new(F::ANSWER, shape))
    }

    fn arrange(&self, _: usize, layout: &Layout, _: &Signature) -> Layout {
        self.0.dims().arrange(layout)
    }

    fn takes(&self, _: usize, inputs: &[TensorType]) -> Class {
        if inputs[0].dtype.is_float() { Class::Real } else { Class::Int }
    }

    fn reads(&self) -> Reads {
        Reads::NOTHING
    }

    fn differentiable(&self, _: usize) -> bool {
        false
    }

    fn forward(&self, x: &[Operand<'_, T>], y: DataMut<'_, T>, shape: &Shape) -> Result<()> {
        let (x, width) = (&x[0], row_length(x[0].shape(), shape.elements()));
        let real = matches!(x.data, crate::Data::Real(_));
        match y {
            DataMut::Int(y) if real => fill_rows(x.real(), width, y, F::of_real),
            DataMut::Int(y) => fill_rows(x.int(), width, y, F::of_int),
            DataMut::Byte(y) if real => fill_rows(x.real(), width, y, |x| F::of_real(x) as u8),
            DataMut::Byte(y) => fill_rows(x.int(), width, y, |x| F::of_int(x) as u8),
            DataMut::Real(_) => return Err(Error::internal(format!("{}: unexpected output class", F::NAME))),
        }
        Ok(())
    }

    fn backward(&self, _: &[Operand<'_, T>], _: &[T], _: &[T], _: &mut [Option<Grad<'_, T>>]) {}
}
