//! The product as a plain loop: for `f64`, which only tests multiply, and for products without depth.

use std::ops::{Add, AddAssign, Mul};

use super::{Matrix, MatrixMut};
use crate::kernels::Mode;

pub fn matmul<T>(a: Matrix<T>, b: Matrix<T>, c: MatrixMut<T>, mode: Mode, bias: Option<&[T]>)
where
    T: Copy + Default + Add<Output = T> + AddAssign + Mul<Output = T>,
{
    for i in 0..c.rows {
        let row = &mut c.data[i * c.row_stride..][..c.cols];
        match (mode, bias) {
            (Mode::Add, _) => {}
            (Mode::Write, None) => row.fill(T::default()),
            (Mode::Write, Some(bias)) => row.copy_from_slice(bias),
        }
        for p in 0..a.cols {
            let x = a.data[i * a.row_stride + p * a.col_stride];
            for (j, sum) in row.iter_mut().enumerate() {
                *sum += x * b.data[p * b.row_stride + j * b.col_stride];
            }
        }
    }
}
