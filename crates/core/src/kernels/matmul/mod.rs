//! Matrix products: C = A·B or C += A·B, with any strides of A and B.

use super::Mode;

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

/// A number that matrices can be multiplied of.
pub trait Product: Sized {
    /// What [`matmul`] does for this type.
    fn matmul(a: Matrix<Self>, b: Matrix<Self>, c: MatrixMut<Self>, mode: Mode, bias: Option<&[Self]>);
}

/// C = A·B (+ bias, one a column), or C += A·B.
pub fn matmul<T: Product>(a: Matrix<T>, b: Matrix<T>, c: MatrixMut<T>, mode: Mode, bias: Option<&[T]>) {
    T::matmul(a, b, c, mode, bias);
}

macro_rules! plain {
    ($type:ty) => {
        impl Product for $type {
            fn matmul(a: Matrix<Self>, b: Matrix<Self>, c: MatrixMut<Self>, mode: Mode, bias: Option<&[Self]>) {
                for i in 0..c.rows {
                    for j in 0..c.cols {
                        let mut sum = 0.0;
                        for p in 0..a.cols {
                            sum += a.data[i * a.row_stride + p * a.col_stride]
                                * b.data[p * b.row_stride + j * b.col_stride];
                        }
                        let out = &mut c.data[i * c.row_stride + j];
                        *out = match mode {
                            Mode::Write => sum + bias.map_or(0.0, |bias| bias[j]),
                            Mode::Add => *out + sum,
                        };
                    }
                }
            }
        }
    };
}

plain!(f32);
plain!(f64);
