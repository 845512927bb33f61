//! Matrix products: C = A·B or C += A·B, with any strides of A and B.

mod blocked;
mod dot;
mod pack;
mod plain;
mod problem;
#[cfg(test)]
mod tests;
mod tile;

use super::Mode;
use super::simd::{Simd, Vectorized, dispatch};
use crate::pool::parallel_for;
use blocked::Packing;
use problem::Problem;

/// A matrix to read. Element (i, j) is `data[i * row_stride + j * col_stride]`; a stride of 0 repeats.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a, T> {
    /// Starts at element (0, 0).
    pub data: &'a [T],
    /// The number of rows.
    pub rows: usize,
    /// The number of columns.
    pub cols: usize,
    /// The distance from a row to the next, in elements.
    pub row_stride: usize,
    /// The distance from a column to the next, in elements.
    pub col_stride: usize,
}

/// A matrix to write, row-major: element (i, j) is `data[i * row_stride + j]`, with `row_stride >= cols`.
#[derive(Debug)]
pub struct MatrixMut<'a, T> {
    /// Starts at element (0, 0).
    pub data: &'a mut [T],
    /// The number of rows.
    pub rows: usize,
    /// The number of columns.
    pub cols: usize,
    /// The distance from a row to the next, in elements.
    pub row_stride: usize,
}

/// A number that [`matmul`] multiplies matrices of.
pub trait Product: Copy {
    /// What [`matmul`] does once it has checked its arguments.
    #[doc(hidden)]
    fn product(a: Matrix<Self>, b: Matrix<Self>, c: MatrixMut<Self>, mode: Mode, bias: Option<&[Self]>);
}

/// C = A·B + bias (one a column), or C += A·B.
///
/// The same bits for any number of threads. NaN and infinities spread as in a plain loop: 0·NaN is NaN.
///
/// # Panics
/// If shapes do not fit each other, a slice is too short for its matrix, or a bias comes with [`Mode::Add`].
pub fn matmul<T: Product>(a: Matrix<T>, b: Matrix<T>, c: MatrixMut<T>, mode: Mode, bias: Option<&[T]>) {
    assert!(a.rows == c.rows && b.cols == c.cols && a.cols == b.rows, "shapes do not fit");
    if c.rows == 0 || c.cols == 0 {
        return;
    }
    for m in [&a, &b] {
        let last = (m.rows.max(1) - 1) * m.row_stride + (m.cols.max(1) - 1) * m.col_stride;
        assert!(m.rows == 0 || m.cols == 0 || last < m.data.len(), "a slice is too short for its matrix");
    }
    assert!(c.row_stride >= c.cols, "rows of C overlap");
    assert!((c.rows - 1) * c.row_stride + c.cols <= c.data.len(), "C's slice is too short for its matrix");
    assert!(bias.is_none_or(|bias| mode == Mode::Write && bias.len() == c.cols), "bias does not fit");
    T::product(a, b, c, mode, bias);
}

impl Product for f64 {
    fn product(a: Matrix<Self>, b: Matrix<Self>, c: MatrixMut<Self>, mode: Mode, bias: Option<&[Self]>) {
        plain::matmul(a, b, c, mode, bias);
    }
}

impl Product for f32 {
    fn product(a: Matrix<Self>, b: Matrix<Self>, mut c: MatrixMut<Self>, mode: Mode, bias: Option<&[Self]>) {
        if a.cols == 0 {
            return plain::matmul(a, b, c, mode, bias);
        }
        dispatch(Problem::new(a, b, &mut c, mode, bias));
    }
}

/// Multiplications with an addition each that are worth a thread of their own: some 5 µs.
const GRAIN: usize = 256 * 1024;

/// The most numbers of the smaller operand that [`dot`] reads again for every group of columns of the larger: half a
/// second-level cache.
const DOT_OPERAND: u64 = 128 * 1024;

/// Whether dot products are faster than tiles for a product whose operands both lie along the depth. Counted in
/// multiply-adds of vectors: a dot product adds up its lanes in the end, tiles need B transposed first.
fn dot_pays<V: Simd>(product: &Problem) -> bool {
    let [rows, cols, depth, lanes] = [product.rows, product.cols, product.depth, V::LANES].map(|n| n as u64);
    let dot = rows * cols * (depth.div_ceil(lanes) + 4);
    let tiles = cols.div_ceil(lanes) * depth * (rows + lanes * 2 / 3);
    dot <= tiles && rows.min(cols) * depth <= DOT_OPERAND
}

/// Whether lanes cut the columns of C or its rows: what is packed is cut too, lest every lane packs all of it, unless
/// that side is much the shorter.
fn cuts_columns(product: &Problem, packing: Packing) -> bool {
    match (packing.a, packing.b) {
        (true, false) => product.cols > 8 * product.rows,
        (false, true) => 8 * product.cols >= product.rows,
        _ => product.cols >= product.rows,
    }
}

impl Vectorized for Problem {
    type Output = ();

    unsafe fn run<V: Simd>(self) {
        if let Some(product) = self.along_depth().filter(|_| dot_pays::<V>(&self)) {
            let grain = GRAIN.div_ceil(product.rows * product.depth).next_multiple_of(dot::COLS);
            parallel_for(product.cols, grain, &|cols| {
                // SAFETY: the caller's promise; lanes have different columns.
                unsafe { dot::dot::<V>(&product, cols) }
            });
            return;
        }
        let product = self.flat();
        let packing = Packing {
            a: product.a.row == 1 && product.a.col != 1 && product.cols >= 256,
            b: product.b.col != 1 || product.rows >= 256,
        };
        if cuts_columns(&product, packing) {
            let grain = GRAIN.div_ceil(product.rows * product.depth).next_multiple_of(V::LANES);
            parallel_for(product.cols, grain, &|cols| {
                // SAFETY: the caller's promise; lanes have different columns.
                unsafe { blocked::blocked::<V>(&product, 0..product.rows, cols, packing) }
            });
        } else {
            let grain = GRAIN.div_ceil(product.cols * product.depth);
            parallel_for(product.rows, grain, &|rows| {
                // SAFETY: the caller's promise; lanes have different rows.
                unsafe { blocked::blocked::<V>(&product, rows, 0..product.cols, packing) }
            });
        }
    }
}
