//! Reductions over dimensions: what a function of a row says of itself, and everything around it.

use std::fmt;

use serde::Deserialize;

use crate::dtype::{DType, DataMut, Operand, TensorType};
use crate::error::{Error, Result};
use crate::kernels::parallel::{chunks_mut, rows_mut};
use crate::kernels::strided::GRAIN;
use crate::kernels::{Mode, elementwise};
use crate::ops::{Class, Grad, Named, Operation, Reads, Signature, expect_inputs};
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
                    let dims = self.dims.as_deref().unwrap_or_default();
                    return Err(Error::argument(format!("{op}: dim {dim} appears twice in {dims:?}")));
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

    /// Whether an operand of `ndim` dimensions is, as it lies, matrices whose columns are reduced: the dimensions from
    /// the first to before the second of the numbers given.
    pub fn by_columns(&self, ndim: usize) -> Option<(usize, usize)> {
        let (first, end) = self.block(ndim)?;
        (first < end && end < ndim).then_some((first, end))
    }

    /// The numbers of rows and columns of each matrix; nothing for an operand that was arranged into rows, or whose
    /// columns are rows.
    pub fn matrices(&self, shape: &Shape) -> Option<(usize, usize)> {
        let (first, end) = self.by_columns(shape.len())?;
        let columns = shape[end..].iter().product();
        (columns != 1).then_some((shape[first..end].iter().product(), columns))
    }

    /// If the reduced dimensions follow each other, the first of them and the one after the last. It depends on
    /// nothing but `dims` and the number of dimensions.
    fn block(&self, ndim: usize) -> Option<(usize, usize)> {
        let Some(dims) = &self.dims else { return Some((0, ndim)) };
        let n = ndim.max(1) as isize;
        let at = |&dim: &isize| (if dim < 0 { dim + n } else { dim }) as usize;
        let first = dims.iter().map(at).min().unwrap_or(ndim);
        let end = dims.iter().map(at).max().map_or(ndim, |last| last + 1).min(ndim);
        (dims.len() == end.saturating_sub(first)).then_some((first, end))
    }

    /// The layout with the reduced dimensions last, so that a row of it is what one result is made of.
    pub fn arrange(&self, layout: &Layout) -> Layout {
        let reduced = self.reduced(&layout.shape, "").unwrap_or_default();
        let dims = 0..layout.shape.len();
        let kept = dims.clone().filter(|&dim| reduced.get(dim) == Some(&false));
        let last = dims.filter(|&dim| reduced.get(dim) == Some(&true));
        let order: Vec<usize> = kept.chain(last).collect();
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

    /// Whether rows without elements have a value; otherwise they are an error.
    const EMPTY_ROWS: bool;

    /// The dimensions that make up a row.
    fn dims(&self) -> &Dims;

    /// y from the row x.
    fn f(&self, x: &[T]) -> T;

    /// The gradient of a row: `dx (+)= g · ∂y/∂x`. `x` is empty and `y` is 0 where `READS` does not name them.
    fn gradient(&self, x: &[T], y: T, g: T, dx: &mut Grad<'_, T>);

    /// The function on rows of integers, if it stays within them.
    fn on_int(&self) -> Option<fn(&[i32]) -> i32> {
        None
    }

    /// The function for many rows at once, if it has such a form.
    fn columns(&self) -> Option<&dyn ColumnFunction<T>> {
        None
    }
}

/// A [`RowFunction`] for columns side by side, so that dimensions before others need not be moved behind them.
pub trait ColumnFunction<T: Real>: Sync {
    /// `y[j]` from the columns of x, a matrix of `y.len()` columns.
    fn columns(&self, x: &[T], y: &mut [T]);

    /// The gradient of the matrix: `dx[i, j] (+)= g[j] · ∂y[j]/∂x[i, j]`. `x` is empty where [`RowFunction::READS`] does
    /// not name it.
    fn columns_gradient(&self, x: &[T], g: &[T], dx: &mut Grad<'_, T>);
}

/// `dx[i, j] (+)= f(x[i, j], a[j], b[j])` for matrices of `a.len()` columns.
pub fn map_columns<T: Real, const N: usize>(
    x: [&[T]; N],
    a: &[T],
    b: &[T],
    dx: &mut Grad<'_, T>,
    f: impl Fn([T; N], T, T) -> T + Copy + Sync,
) {
    let add = dx.mode == Mode::Add;
    let shape = [dx.data.len() / a.len(), a.len()];
    elementwise::zip(
        (a, &[0, 1]),
        (b, &[0, 1]),
        x,
        &shape,
        dx.data,
        #[inline(always)]
        move |dx, a, b, x| {
            let change = f(x, a, b);
            if add { dx + change } else { change }
        },
    );
}

/// A [`RowFunction`] as an operation.
#[derive(Debug)]
pub struct Reduction<F>(pub F);

impl<F> Reduction<F> {
    /// Whether inputs of these types are reduced as integers.
    fn is_on_int<T: Real>(&self, inputs: &[TensorType]) -> bool
    where
        F: RowFunction<T>,
    {
        self.0.on_int().is_some() && inputs.iter().all(|x| !x.dtype.is_float())
    }

    /// The function on columns with the numbers of rows and columns of each matrix, for an operand that was not
    /// arranged into rows.
    fn matrices<T: Real>(&self, shape: &Shape) -> Option<(&dyn ColumnFunction<T>, usize, usize)>
    where
        F: RowFunction<T>,
    {
        let f = self.0.columns()?;
        let (rows, columns) = self.0.dims().matrices(shape)?;
        Some((f, rows, columns))
    }
}

impl<T: Real, F: RowFunction<T>> Operation<T> for Reduction<F> {
    fn infer(&self, inputs: &[TensorType]) -> Result<TensorType> {
        let [x] = expect_inputs(F::NAME, inputs)?;
        let shape = self.0.dims().infer(&x.shape, F::NAME)?;
        if !F::EMPTY_ROWS {
            expect_rows(&x.shape, &shape, F::NAME)?;
        }
        let integers = self.is_on_int(inputs);
        Ok(TensorType::new(if integers { DType::Int32 } else { DType::Float32 }, shape))
    }

    fn arrange(&self, _: usize, layout: &Layout, signature: &Signature) -> Layout {
        let by_columns = self.0.columns().is_some() && self.0.dims().by_columns(layout.shape.len()).is_some();
        if by_columns && !self.is_on_int(&signature.inputs) {
            return layout.clone();
        }
        self.0.dims().arrange(layout)
    }

    fn takes(&self, _: usize, inputs: &[TensorType]) -> Class {
        if self.is_on_int(inputs) { Class::Int } else { Class::Real }
    }

    fn reads(&self) -> Reads {
        F::READS
    }

    fn forward(&self, x: &[Operand<'_, T>], y: DataMut<'_, T>, shape: &Shape) -> Result<()> {
        let width = row_length(x[0].shape(), shape.elements());
        match (y, self.0.on_int()) {
            (DataMut::Real(y), _) => match self.matrices(x[0].shape()) {
                None => fill_rows(x[0].real(), width, y, |x| self.0.f(x)),
                Some((f, rows, columns)) => {
                    fill_columns(x[0].real(), rows, columns, y, |x, y| f.columns(x, y));
                }
            },
            (DataMut::Int(y), Some(f)) => fill_rows(x[0].int(), width, y, f),
            _ => return Err(Error::internal(format!("{}: unexpected output class", F::NAME))),
        }
        Ok(())
    }

    fn backward(&self, x: &[Operand<'_, T>], y: &[T], dy: &[T], dx: &mut [Option<Grad<'_, T>>]) {
        let Some(dx) = &mut dx[0] else { return };
        let mode = dx.mode;
        if let Some((f, rows, columns)) = self.matrices(x[0].shape()) {
            let (x, size) = (x[0].real(), rows * columns);
            rows_mut(dx.data, size, GRAIN, |first, part| {
                for (i, data) in part.chunks_exact_mut(size).enumerate() {
                    let i = first + i;
                    let x = if F::READS.inputs == 0 { &[] } else { &x[i * size..][..size] };
                    f.columns_gradient(x, &dy[i * columns..][..columns], &mut Grad { data, mode });
                }
            });
            return;
        }
        let width = row_length(x[0].shape(), dy.len());
        let x = x[0].real();
        rows_mut(dx.data, width, GRAIN, |first, rows| {
            for (i, row) in rows.chunks_exact_mut(width).enumerate() {
                let i = first + i;
                let x = if F::READS.inputs == 0 { &[] } else { &x[i * width..][..width] };
                let y = if F::READS.output { y[i] } else { T::ZERO };
                self.0.gradient(x, y, dy[i], &mut Grad { data: row, mode });
            }
        });
    }
}

/// `y[i] = f(row i of x)`, on all threads.
pub fn fill_rows<X: Sync, Y: Send>(x: &[X], width: usize, y: &mut [Y], f: impl Fn(&[X]) -> Y + Sync) {
    chunks_mut(y, GRAIN.div_ceil(width.max(1)), |first, y| {
        for (i, y) in y.iter_mut().enumerate() {
            *y = f(&x[(first + i) * width..][..width]);
        }
    });
}

/// `y[m] = f(matrix m of x)` for matrices of these sizes, on all threads; `y[m]` has an element for each column.
pub fn fill_columns<X: Sync, Y: Send>(
    x: &[X],
    rows: usize,
    columns: usize,
    y: &mut [Y],
    f: impl Fn(&[X], &mut [Y]) + Sync,
) {
    let size = rows * columns;
    rows_mut(y, columns, GRAIN.div_ceil(rows.max(1)), |first, part| {
        for (i, y) in part.chunks_exact_mut(columns).enumerate() {
            f(&x[(first + i) * size..][..size], y);
        }
    });
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
