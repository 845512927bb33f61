//! Sums of columns: of a row-major matrix, over its rows.

use crate::kernels::Mode;
use crate::kernels::isa::vectorize;
use crate::kernels::parallel::chunks_mut;
use crate::kernels::strided::GRAIN;
use crate::real::Real;

/// Columns that are summed side by side: a few vectors, and whole cache lines of each row.
const WIDTH: usize = 64;
/// Rows that are added one after the other.
const BLOCK: usize = 32;

/// `y[j] (+)= Σᵢ x[i, j]` for `x` of `y.len()` columns. Pairwise over blocks of rows, in an order that the number of
/// rows alone decides.
pub fn column_sums<T: Real>(x: &[T], y: &mut [T], mode: Mode) {
    let columns = y.len();
    if columns == 0 {
        return;
    }
    let rows = x.len() / columns;
    let grain = GRAIN.div_ceil(rows.max(1)).next_multiple_of(WIDTH);
    chunks_mut(y, grain, |first, y| {
        for (i, y) in y.chunks_mut(WIDTH).enumerate() {
            let strip = Strip { x, columns, first: first + i * WIDTH, width: y.len() };
            let sums = strip.sums(0, rows);
            match mode {
                Mode::Write => y.copy_from_slice(&sums[..y.len()]),
                Mode::Add => y.iter_mut().zip(sums).for_each(|(y, sum)| *y += sum),
            }
        }
    });
}

/// Up to [`WIDTH`] neighbouring columns of a matrix.
struct Strip<'a, T> {
    x: &'a [T],
    columns: usize,
    first: usize,
    width: usize,
}

impl<T: Real> Strip<'_, T> {
    fn sums(&self, from: usize, to: usize) -> [T; WIDTH] {
        if to - from > BLOCK {
            let middle = from + ((to - from) / 2).next_multiple_of(BLOCK);
            let mut sums = self.sums(from, middle);
            let others = self.sums(middle, to);
            sums.iter_mut().zip(others).for_each(|(sum, other)| *sum += other);
            return sums;
        }
        vectorize(
            #[inline(always)]
            || {
                let mut sums = [T::ZERO; WIDTH];
                for row in from..to {
                    let row = &self.x[row * self.columns + self.first..][..self.width];
                    // A constant length keeps the sums in registers.
                    match <&[T; WIDTH]>::try_from(row) {
                        Ok(row) => sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum += x),
                        Err(_) => sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum += x),
                    }
                }
                sums
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_summed_whatever_their_number() {
        for (rows, columns) in [(0, 3), (1, 1), (5, 10), (31, 64), (70, 65), (200, 130), (1000, 200)] {
            let x: Vec<f64> = (0..rows * columns).map(|i| f64::from((i * 7 % 31) as u32)).collect();
            let exact: Vec<f64> = (0..columns).map(|j| (0..rows).map(|i| x[i * columns + j]).sum()).collect();
            let mut y = vec![f64::NAN; columns];
            column_sums(&x, &mut y, Mode::Write);
            assert_eq!(y, exact, "{rows} × {columns}");
            column_sums(&x, &mut y, Mode::Add);
            assert!(y.iter().zip(&exact).all(|(&y, &exact)| y == 2.0 * exact));
        }
    }

    #[test]
    fn long_columns_stay_accurate() {
        let x = vec![0.1f32; 1 << 20];
        let mut y = [0.0; 2];
        column_sums(&x, &mut y, Mode::Write);
        let exact = f64::from(0.1f32) * f64::from(1 << 19);
        assert!(y.iter().all(|&y| (f64::from(y) - exact).abs() / exact < 1e-6), "{y:?}");
    }
}
