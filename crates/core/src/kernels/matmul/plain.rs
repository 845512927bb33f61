//! The product as a plain loop: for `f64`, which only tests multiply, and for products without depth.

use super::place::Pass;
use super::{Epilogue, Locality, Matrix, MatrixMut, Place, blocks};
use crate::kernels::simd::Vector;

pub fn matmul<T: Vector<T> + Default, E: Epilogue<T>>(
    a: Matrix<T>,
    b: Matrix<T>,
    c: MatrixMut<T>,
    near: Locality,
    epilogue: E,
) {
    // Where element (0, col) is, and how far it is to the next row, of a matrix of so many rows that lies in blocks.
    let in_blocks = |rows: usize, col: usize| {
        let block = blocks(c.rows, c.cols, a.cols).find(|block| block.contains(&col)).unwrap_or_default();
        (block.start * rows + col - block.start, block.len())
    };
    for row in 0..c.rows {
        for col in 0..c.cols {
            let (first, pitch) =
                if near.b_blocks { in_blocks(b.rows, col) } else { (col * b.col_stride, b.row_stride) };
            let product = |p| (a.data[row * a.row_stride + p * a.col_stride], b.data[first + p * pitch]);
            let (first, pitch) = if near.c_blocks { in_blocks(c.rows, col) } else { (col, c.row_stride) };
            let data = &raw mut c.data[first + row * pitch];
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
