//! A product as the kernels see it: pointers and strides, already checked.

use std::ops::Range;
use std::ptr;

use super::place::{Pass, Place};
use super::{Epilogue, Locality, Matrix, MatrixMut};

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

    /// The same matrix with rows for columns.
    pub fn transposed(self) -> Self {
        Self { row: self.col, col: self.row, ..self }
    }
}

/// A matrix to write, with what becomes of the sums.
#[derive(Clone, Copy)]
pub struct Output {
    pub data: *mut f32,
    pub row: usize,
    pub col: usize,
    /// Its first element's row in the whole of C.
    pub first_row: usize,
    /// Its first element's column in the whole of C.
    pub first_col: usize,
    /// Whether this is Cᵀ; the whole, as its epilogue knows it, is C.
    pub transposed: bool,
    pub pass: Pass,
    /// Of a type that the kernels know which are chosen for it: whatever leads to them is compiled once for all.
    pub epilogue: *const (),
}

impl Output {
    /// What becomes of the sums.
    ///
    /// # Safety
    /// It is of type `E`, and still alive.
    #[inline(always)]
    pub unsafe fn epilogue<E: Epilogue<f32>>(&self) -> E {
        // SAFETY: the caller's promise.
        unsafe { *self.epilogue.cast() }
    }

    /// The matrix without its first `i` rows and `j` columns.
    #[inline(always)]
    pub fn from(self, i: usize, j: usize) -> Self {
        let Self { data, row, col, first_row, first_col, .. } = self;
        let data = data.wrapping_add(i * row + j * col);
        Self { data, first_row: first_row + i, first_col: first_col + j, ..self }
    }

    /// The place of `lanes` neighbours in a row from column `j` on, in each of some rows.
    #[inline(always)]
    pub fn place(&self, j: usize, lanes: usize) -> Place<f32> {
        let Self { row: pitch, col: stride, first_row, first_col, transposed: down, pass, .. } = *self;
        let data = self.data.wrapping_add(j * stride);
        let (row, col) = if down { (first_col + j, first_row) } else { (first_row, first_col + j) };
        Place { data, stride, pitch, lanes, row, col, down, pass }
    }

    /// The same matrix with rows for columns.
    pub fn transposed(self) -> Self {
        Self {
            row: self.col,
            col: self.row,
            first_row: self.first_col,
            first_col: self.first_row,
            transposed: !self.transposed,
            ..self
        }
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
    pub near: Locality,
}

// SAFETY: lanes of a product read A, B and what the epilogue reads, which are borrowed for its length, and write parts of
// C that do not overlap.
unsafe impl Send for Problem {}
// SAFETY: as above; epilogues are `Sync`.
unsafe impl Sync for Problem {}

impl Problem {
    /// The product of these matrices, whose shapes and lengths the caller has checked. It must not outlive any of them.
    pub fn new<E: Epilogue<f32>>(
        a: Matrix<f32>,
        b: Matrix<f32>,
        c: MatrixMut<f32>,
        near: Locality,
        epilogue: &E,
    ) -> Self {
        Self {
            a: Input { data: a.data.as_ptr(), row: a.row_stride, col: a.col_stride },
            b: Input { data: b.data.as_ptr(), row: b.row_stride, col: b.col_stride },
            c: Output {
                data: c.data.as_mut_ptr(),
                row: c.row_stride,
                col: 1,
                first_row: 0,
                first_col: 0,
                transposed: false,
                pass: Pass::ONLY,
                epilogue: ptr::from_ref(epilogue).cast(),
            },
            rows: a.rows,
            cols: b.cols,
            depth: a.cols,
            near,
        }
    }

    /// What a lane computes: some rows and columns, from its own copies, in its own blocks.
    #[inline(never)] // as the next: nothing is gained by a copy for each instruction set and epilogue
    pub fn part(&self, lane: usize, rows: Range<usize>, cols: Range<usize>) -> Self {
        let Self { mut a, mut b, mut c, near, depth, .. } = *self;
        a.data = a.data.wrapping_add(lane * near.a_copies);
        b.data = b.data.wrapping_add(lane * near.b_copies);
        b = match near.b_blocks {
            true => Input { data: b.data.wrapping_add(cols.start * depth), row: cols.len(), col: 1 },
            false => b.from(0, cols.start),
        };
        c = match near.c_blocks {
            true => {
                let data = c.data.wrapping_add(cols.start * self.rows);
                Output { data, row: cols.len(), first_col: c.first_col + cols.start, ..c }
            }
            false => c.from(0, cols.start),
        };
        Self {
            a: a.from(rows.start, 0),
            b,
            c: c.from(rows.start, 0),
            rows: rows.len(),
            cols: cols.len(),
            depth,
            near: Locality { columns: near.columns, b_finite: near.b_finite, ..Locality::default() },
        }
    }

    /// Some of its rows and columns, and of the steps along the depth.
    #[inline(never)]
    pub fn block(&self, rows: Range<usize>, steps: Range<usize>, cols: Range<usize>) -> Self {
        let pass = Pass { first: steps.start == 0, last: steps.end == self.depth };
        Self {
            a: self.a.from(rows.start, steps.start),
            b: self.b.from(steps.start, cols.start),
            c: Output { pass, ..self.c.from(rows.start, cols.start) },
            rows: rows.len(),
            cols: cols.len(),
            depth: steps.len(),
            near: self.near,
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
            near: Locality {
                a_copies: self.near.b_copies,
                b_copies: self.near.a_copies,
                b_finite: false,
                ..self.near
            },
        }
    }

    /// The product with fewer rows than columns, if rows of A and columns of B are contiguous.
    pub fn along_depth(self) -> Option<Self> {
        let contiguous = self.a.col == 1 && self.b.row == 1;
        contiguous.then(|| if self.rows > self.cols { self.transposed() } else { self })
    }

    /// A column of C as a row, where that makes B a matrix with contiguous rows.
    pub fn flat(self) -> Self {
        let column = self.cols == 1 && self.c.row == 1 && self.a.row == 1;
        if column { self.transposed() } else { self }
    }
}
