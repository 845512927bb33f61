//! Sums of columns: of a row-major matrix, over its rows.

use std::ops::Range;

use crate::kernels::Mode;
use crate::kernels::isa::vectorize;
use crate::kernels::parallel::chunks_mut;
use crate::kernels::strided::GRAIN;
use crate::real::Real;

/// Columns that are summed side by side: long enough stretches of each row for the hardware to fetch ahead, short enough
/// for their sums to stay in the first cache.
const WIDTH: usize = 512;
/// Columns of a cache line, which no two threads should write.
const LINE: usize = 16;
/// Rows whose sum is added to the others' as one number.
const GROUP: usize = 4;
/// Rows that are added in one loop; more are halved.
const BLOCK: usize = 16 * GROUP;

/// `y[j] (+)= Σᵢ x[i, j]` for `x` of `y.len()` columns, in an order that the number of rows alone decides.
///
/// The error is at most (17 + ⌈log₂ rows⌉)·u·Σ|x| to first order in u = 2⁻²⁴ (2⁻⁵³ for `f64`): at most 16 additions one after the
/// other, everything else pairwise.
pub fn column_sums<T: Real>(x: &[T], y: &mut [T], mode: Mode) {
    let columns = y.len();
    if columns == 0 {
        return;
    }
    let rows = x.len() / columns;
    let grain = GRAIN.div_ceil(rows.max(1)).next_multiple_of(LINE);
    chunks_mut(y, grain, |first, y| {
        for (i, y) in y.chunks_mut(WIDTH).enumerate() {
            let strip = Strip { x, columns, first: first + i * WIDTH };
            match mode {
                Mode::Write => strip.sums(0..rows, y),
                Mode::Add => {
                    let sums = &mut [T::ZERO; WIDTH][..y.len()];
                    strip.sums(0..rows, sums);
                    add(sums, y);
                }
            }
        }
    });
}

/// Neighbouring columns of a matrix, from column `first` on.
struct Strip<'a, T> {
    x: &'a [T],
    columns: usize,
    first: usize,
}

impl<T: Real> Strip<'_, T> {
    /// Overwrites `y` with the sums of as many columns over these rows.
    fn sums(&self, rows: Range<usize>, y: &mut [T]) {
        if rows.len() > BLOCK {
            let middle = rows.start + (rows.len() / 2).next_multiple_of(BLOCK);
            let others = &mut [T::ZERO; WIDTH][..y.len()];
            self.sums(rows.start..middle, y);
            self.sums(middle..rows.end, others);
            add(others, y);
            return;
        }
        vectorize(
            #[inline(always)]
            move || {
                y.fill(T::ZERO);
                let n = y.len();
                let row = |i: usize| &self.x[i * self.columns + self.first..][..n];
                let whole = rows.end - rows.len() % GROUP;
                for i in (rows.start..whole).step_by(GROUP) {
                    let (a, b, c, d) = (row(i), row(i + 1), row(i + 2), row(i + 3));
                    for j in 0..n {
                        y[j] += (a[j] + b[j]) + (c[j] + d[j]);
                    }
                }
                for i in whole..rows.end {
                    y.iter_mut().zip(row(i)).for_each(
                        #[inline(always)]
                        |(y, &x)| *y += x,
                    );
                }
            },
        );
    }
}

/// `y += x`
fn add<T: Real>(x: &[T], y: &mut [T]) {
    vectorize(
        #[inline(always)]
        move || {
            for (y, &x) in y.iter_mut().zip(x) {
                *y += x;
            }
        },
    );
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
