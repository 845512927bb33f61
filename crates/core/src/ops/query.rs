//! Questions about the rows of a tensor, whose answers are integers or truth values: no gradient passes them.

use std::fmt;

use crate::dtype::{DType, DataMut, Operand, TensorType};
use crate::error::{Error, Result};
use crate::ops::reduction::{expect_rows, fill_columns, fill_rows, row_length};
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

    /// The answers for many columns of floats side by side, if there is such a form: `y[j]` from the columns of x, a
    /// matrix of `y.len()` columns. So dimensions before others need not be moved behind them.
    fn columns_of_real<T: Real>() -> Option<Columns<T>> {
        None
    }

    /// As [`RowQuery::columns_of_real`] for integers; there are both or none.
    fn columns_of_int() -> Option<Columns<i32>> {
        None
    }
}

/// A function of a matrix's columns.
pub type Columns<X> = fn(&[X], &mut [i32]);

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
        let dims = self.0.dims();
        let by_columns = F::columns_of_int().is_some() && dims.by_columns(layout.shape.len()).is_some();
        if by_columns { layout.clone() } else { dims.arrange(layout) }
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
        let matrices = self.0.dims().matrices(x.shape());
        match y {
            DataMut::Int(y) if real => fill(x.real(), width, matrices, y, F::of_real, F::columns_of_real()),
            DataMut::Int(y) => fill(x.int(), width, matrices, y, F::of_int, F::columns_of_int()),
            DataMut::Byte(y) if real => fill_rows(x.real(), width, y, |x| F::of_real(x) as u8),
            DataMut::Byte(y) => fill_rows(x.int(), width, y, |x| F::of_int(x) as u8),
            DataMut::Real(_) => return Err(Error::internal(format!("{}: unexpected output class", F::NAME))),
        }
        Ok(())
    }

    fn backward(&self, _: &[Operand<'_, T>], _: &[T], _: &[T], _: &mut [Option<Grad<'_, T>>]) {}
}

/// The answers by columns where there is that form and the operand was left to it, else by rows.
fn fill<X: Sync>(
    x: &[X],
    width: usize,
    matrices: Option<(usize, usize)>,
    y: &mut [i32],
    row: fn(&[X]) -> i32,
    columns: Option<Columns<X>>,
) {
    match (columns, matrices) {
        (Some(f), Some((rows, columns))) => fill_columns(x, rows, columns, y, f),
        _ => fill_rows(x, width, y, row),
    }
}
