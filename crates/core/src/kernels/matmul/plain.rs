//! The product as a plain loop: for `f64`, which only tests multiply, and for products without depth.

use super::place::Pass;
use super::{Epilogue, Matrix, MatrixMut, Place};
use crate::kernels::simd::Vector;

pub fn matmul<T: Vector<T> + Default, E: Epilogue<T>>(
    a: Matrix<T>,
    b: Matrix<T>,
    c: MatrixMut<T>,
    epilogue: E,
) {
    for row in 0..c.rows {
        for col in 0..c.cols {
            let product = |p| {
                (a.data[row * a.row_stride + p * a.col_stride], b.data[p * b.row_stride + col * b.col_stride])
            };
            let data = &raw mut c.data[row * c.row_stride + col];
            let place =
                Place { data, stride: 1, pitch: 1, lanes: 1, row, col, down: false, pass: Pass::ONLY };
            // SAFETY: a number is a vector of one lane, which takes no instruction set; the place is an element of C, and
            // the caller has checked that the epilogue fits.
            unsafe {
                let sum = (0..a.cols).map(product).fold(T::default(), |sum, (x, y)| x.mul_add(y, sum));
                place.store(epilogue.apply([sum], &place));
            }
        }
    }
}
