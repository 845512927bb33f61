//! Reductions over dimensions: what a function of a row says of itself, and everything around it.

use std::fmt;

use serde::Deserialize;

use crate::dtype::{DType, DataMut, Operand, TensorType};
use crate::error::{Error, Result};
use crate::kernels::parallel::{chunks_mut, rows_mut};
use crate::kernels::strided::GRAIN;
use crate::ops::{Grad, Named, Operation, Reads, Signature, expect_inputs};
use crate::real::Real;
use crate::shape::{Layout, Shape, Strides};

/// Which dimensions are reduced.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Dims {
    /// The dimensions, negative counting from the end; all of them where absent.
    #[serde(default)]
    pub dims: Option<Vec<isize>>,
    /// Whether they stay with size 1.
    #[serde(default)]
    pub keep_dim: bool,
}

impl Dims {
    /// For each dimension of `shape`, whether it is reduced.
    fn reduced(&self, shape: &Shape, op: &str) -> Result<Vec<bool>> {
        let mut reduced = vec![self.dims.is_none(); shape.len()];
        for &dim in self.dims.iter().flatten() {
            let dim = shape.dim(dim, op)?;
            if let Some(flag) = reduced.get_mut(dim) {
                if *flag {
                    return Err(Error::argument(format!(
                        "{op}: dim {dim} appears twice in {:?}",
                        self.dims
                    )));
                }
                *flag = true;
            }
        }
        Ok(reduced)
    }

    /// The shape of the result.
    pub fn infer(&self, shape: &Shape, op: &str) -> Result<Shape> {
        let reduced = self.reduced(shape, op)?;
        let sizes: Vec<usize> = shape
            .iter()
            .zip(reduced)
            .filter(|(_, reduced)| self.keep_dim || !reduced)
            .map(|(&size, reduced)| if reduced { 1 } else { size })
            .collect();
        Shape::new(&sizes)
    }

    /// The layout with the reduced dimensions last, so that a row of it is what one result is made of.
    pub fn arrange(&self, layout: &Layout) -> Layout {
        let reduced = self.reduced(&layout.shape, "").unwrap_or_default();
        let mut order: Vec<usize> = (0..layout.shape.len()).collect();
        order.sort_by_key(|&dim| reduced.get(dim)); // stable: each group keeps its order
        let sizes: Vec<usize> = order.iter().map(|&dim| layout.shape[dim]).collect();
        let steps: Vec<usize> = order.iter().map(|&dim| layout.strides[dim]).collect();
        Layout {
            shape: Shape::new(&sizes).unwrap_or_default(),
            strides: Strides::new(&steps).unwrap_or_default(),
            offset: layout.offset,
        }
    }
}

/// The length of the rows into which an arranged operand falls apart, given the number of results.
pub fn row_length(arranged: &Shape, results: usize) -> usize {
    arranged.elements().checked_div(results).unwrap_or(0)
}

/// A differentiable function of a row of numbers.
pub trait RowFunction<T: Real>: Named + fmt::Debug + Send + Sync {
    /// What `gradient` looks at.
    const READS: Reads;

    /// The dimensions that make up a row.
    fn dims(&self) -> &Dims;

    /// Whether rows without elements have a value; otherwise they are an error.
    const EMPTY_ROWS: bool;

    /// y from the row x.
    fn f(&self, x: &[T]) -> T;

    /// The gradient of a row: `dx (+)= g · ∂y/∂x`. `x` is empty and `y` is 0 where `READS` does not name them.
    fn gradient(&self, x: &[T], y: T, g: T, dx: &mut Grad<'_, T>);
}

/// A [`RowFunction`] as an operation.
#[derive(Debug)]
pub struct Reduction<F>(pub F);

impl<T: Real, F: RowFunction<T>> Operation<T> for Reduction<F> {
    fn infer(&self, inputs: &[TensorType]) -> Result<TensorType> {
        let [x] = expect_inputs(F::NAME, inputs)?;
        let shape = self.0.dims().infer(&x.shape, F::NAME)?;
        if !F::EMPTY_ROWS {
            expect_rows(&x.shape, &shape, F::NAME)?;
        }
        Ok(TensorType::new(DType::Float32, shape))
    }

    fn arrange(&self, _: usize, layout: &Layout, _: &Signature) -> Layout {
        self.0.dims().arrange(layout)
    }

    fn reads(&self) -> Reads {
        F::READS
    }

    fn forward(&self, x: &[Operand<'_, T>], y: DataMut<'_, T>, shape: &Shape) -> Result<()> {
        let DataMut::Real(y) = y else {
            return Err(Error::internal(format!("{}: unexpected output class", F::NAME)));
        };
        let width = row_length(x[0].shape(), shape.elements());
        let x = x[0].real();
        chunks_mut(y, GRAIN.div_ceil(width.max(1)), |first, y| {
            for (i, y) in y.iter_mut().enumerate() {
                *y = self.0.f(&x[(first + i) * width..][..width]);
            }
        });
        Ok(())
    }

    fn backward(&self, x: &[Operand<'_, T>], y: &[T], dy: &[T], dx: &mut [Option<Grad<'_, T>>]) {
        let Some(dx) = &mut dx[0] else { return };
        let (width, mode) = (row_length(x[0].shape(), dy.len()), dx.mode);
        let x = x[0].real();
        rows_mut(dx.data, width, GRAIN, |first, rows| {
            for (i, row) in rows.chunks_exact_mut(width).enumerate() {
                let i = first + i;
                let x = if F::READS.inputs == 0 {
                    &[]
                } else {
                    &x[i * width..][..width]
                };
                let y = if F::READS.output { y[i] } else { T::ZERO };
                self.0.gradient(x, y, dy[i], &mut Grad { data: row, mode });
            }
        });
    }
}

/// Refuses rows without elements, for functions that have no value there.
pub fn expect_rows(shape: &Shape, result: &Shape, op: &str) -> Result<()> {
    if shape.elements() == 0 && result.elements() > 0 {
        return Err(Error::shape(format!(
            "{op}: nothing to reduce in shape {shape}, which has no elements there"
        )));
    }
    Ok(())
}
