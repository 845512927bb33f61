//! A product as the kernels see it: pointers and strides, already checked.

use super::{Matrix, MatrixMut};
use crate::kernels::Mode;

/// A matrix to read: element (i, j) is `data[i * row + j * col]`.
#[derive(Clone, Copy)]
pub struct Input {
    pub data: *const f32,
    pub row: usize,
    pub col: usize,
}

impl Input {
    /// Where element (i, j) is.
    #[inline(always)]
    pub fn at(self, i: usize, j: usize) -> *const f32 {
        self.data.wrapping_add(i * self.row + j * self.col)
    }

    /// The matrix without its first `i` rows and `j` columns.
    #[inline(always)]
    pub fn from(self, i: usize, j: usize) -> Self {
        Self { data: self.at(i, j), ..self }
    }

    fn transposed(self) -> Self {
        Self { row: self.col, col: self.row, ..self }
    }
}

/// A matrix to write, with what becomes of its former values and what is added to the product.
#[derive(Clone, Copy)]
pub struct Output {
    pub data: *mut f32,
    pub row: usize,
    pub col: usize,
    /// Whether the product is added to the former values, or overwrites them.
    pub mode: Mode,
    /// Null, or what is added to element (i, j): `bias[i * bias_row + j * bias_col]`.
    pub bias: *const f32,
    pub bias_row: usize,
    pub bias_col: usize,
}

impl Output {
    /// The matrix without its first `i` rows and `j` columns.
    #[inline(always)]
    pub fn from(self, i: usize, j: usize) -> Self {
        let bias = match self.bias.is_null() {
            true => self.bias,
            false => self.bias.wrapping_add(i * self.bias_row + j * self.bias_col),
        };
        Self { data: self.data.wrapping_add(i * self.row + j * self.col), bias, ..self }
    }

    /// The same matrix, for the products that come after the first: they add to it.
    pub fn adding(self) -> Self {
        Self { mode: Mode::Add, bias: std::ptr::null(), ..self }
    }

    fn transposed(self) -> Self {
        Self { row: self.col, col: self.row, bias_row: self.bias_col, bias_col: self.bias_row, ..self }
    }
}

/// C = A·B: `rows` × `depth` times `depth` × `cols`.
#[derive(Clone, Copy)]
pub struct Problem {
    pub a: Input,
    pub b: Input,
    pub c: Output,
    pub rows: usize,
    pub cols: usize,
    pub depth: usize,
}

// SAFETY: lanes of a product read A, B and the bias, which are borrowed for its length, and write parts of C that do
// not overlap.
unsafe impl Send for Problem {}
// SAFETY: as above.
unsafe impl Sync for Problem {}

impl Problem {
    /// The product of these matrices, whose shapes and lengths the caller has checked.
    pub fn new(
        a: Matrix<f32>,
        b: Matrix<f32>,
        c: &mut MatrixMut<f32>,
        mode: Mode,
        bias: Option<&[f32]>,
    ) -> Self {
        Self {
            a: Input { data: a.data.as_ptr(), row: a.row_stride, col: a.col_stride },
            b: Input { data: b.data.as_ptr(), row: b.row_stride, col: b.col_stride },
            c: Output {
                data: c.data.as_mut_ptr(),
                row: c.row_stride,
                col: 1,
                mode,
                bias: bias.map_or(std::ptr::null(), <[f32]>::as_ptr),
                bias_row: 0,
                bias_col: 1,
            },
            rows: a.rows,
            cols: b.cols,
            depth: a.cols,
        }
    }

    /// The same product as Cᵀ = Bᵀ·Aᵀ.
    pub fn transposed(self) -> Self {
        Self {
            a: self.b.transposed(),
            b: self.a.transposed(),
            c: self.c.transposed(),
            rows: self.cols,
            cols: self.rows,
            depth: self.depth,
        }
    }

    /// The product with fewer rows than columns, if rows of A and columns of B are contiguous.
    pub fn along_depth(self) -> Option<Self> {
        let contiguous = self.a.col == 1 && self.b.row == 1;
        contiguous.then(|| if self.rows > self.cols { self.transposed() } else { self })
    }

    /// A column of C as a row, where that makes B a matrix with contiguous rows.
    pub fn flat(self) -> Self {
        let column = self.cols == 1 && self.c.row == 1 && self.a.row == 1 && self.c.bias.is_null();
        if column { self.transposed() } else { self }
    }
}
