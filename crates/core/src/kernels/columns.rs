//! Reductions of columns: of a row-major matrix, over its rows, many columns side by side.

use std::ops::Range;

use crate::kernels::Mode;
use crate::kernels::elementwise::at;
use crate::kernels::isa::vectorize;
use crate::kernels::parallel::chunks_mut;
use crate::kernels::strided::GRAIN;
use crate::real::Real;

/// Columns that are reduced side by side: long enough stretches of each row for the hardware to fetch ahead, short enough
/// for their results to stay in the first cache.
const WIDTH: usize = 512;
/// Columns of a cache line, which no two threads should write.
const LINE: usize = 16;
/// Rows whose sum is added to the others' as one number.
const GROUP: usize = 4;
/// Rows that are added in one loop; more are halved.
const BLOCK: usize = 16 * GROUP;

/// Columns that are worth a thread of their own.
fn grain(rows: usize) -> usize {
    GRAIN.div_ceil(rows.max(1)).next_multiple_of(LINE)
}

/// `y[j] (+)= Σᵢ x[i, j]` for `x` of `y.len()` columns, in an order that the number of rows alone decides.
///
/// The error is at most (17 + ⌈log₂ rows⌉)·u·Σ|x| to first order in u = 2⁻²⁴ (2⁻⁵³ for `f64`): at most 16 additions one after the
/// other, everything else pairwise.
pub fn column_sums<T: Real>(x: &[T], y: &mut [T], mode: Mode) {
    column_sums_of(
        x,
        [],
        y,
        mode,
        #[inline(always)]
        |x, []| x,
    );
}

/// `y[j] (+)= Σᵢ f(x[i, j], [c₀[j], c₁[j], …])`, as accurate as [`column_sums`] but for the error of `f`.
pub fn column_sums_of<T: Real, const N: usize>(
    x: &[T],
    c: [&[T]; N],
    y: &mut [T],
    mode: Mode,
    f: impl Fn(T, [T; N]) -> T + Copy + Sync,
) {
    let columns = y.len();
    if columns == 0 {
        return;
    }
    let rows = x.len() / columns;
    chunks_mut(y, grain(rows), |first, y| {
        for (i, y) in y.chunks_mut(WIDTH).enumerate() {
            let first = first + i * WIDTH;
            let strip = Strip { x, columns, first };
            let c = c.map(|c| &c[first..][..y.len()]);
            match mode {
                Mode::Write => strip.sums(0..rows, c, y, f),
                Mode::Add => {
                    let sums = &mut [T::ZERO; WIDTH][..y.len()];
                    strip.sums(0..rows, c, sums, f);
                    add(sums, y);
                }
            }
        }
    });
}

/// `y[j] = f(f(x[0, j], x[1, j]), …)` for `x` of `y.len()` columns and at least one row.
pub fn column_fold<T: Real>(x: &[T], y: &mut [T], f: impl Fn(T, T) -> T + Copy + Sync) {
    let columns = y.len();
    if columns == 0 {
        return;
    }
    let rows = x.len() / columns;
    chunks_mut(y, grain(rows), |first, y| {
        for (i, y) in y.chunks_mut(WIDTH).enumerate() {
            let strip = Strip { x, columns, first: first + i * WIDTH };
            vectorize(
                #[inline(always)]
                move || {
                    let n = y.len();
                    y.copy_from_slice(strip.row(0, n));
                    let other = &mut [T::ZERO; WIDTH][..n];
                    for i in (1..rows).step_by(2) {
                        // To and fro: of an element that may stay as it is, LLVM makes a conditional store, and the next
                        // row would wait for it.
                        let x = strip.row(i, n);
                        for j in 0..n {
                            other[j] = f(y[j], x[j]);
                        }
                        if i + 1 == rows {
                            y.copy_from_slice(other);
                            break;
                        }
                        let x = strip.row(i + 1, n);
                        for j in 0..n {
                            y[j] = f(other[j], x[j]);
                        }
                    }
                },
            );
        }
    });
}

/// Where in each column the element is that `beats` all before it and that none after it beats; `x` has `y.len()` columns
/// and at least one row.
pub fn column_positions<X: Copy + Default + Sync>(
    x: &[X],
    y: &mut [i32],
    beats: impl Fn(X, X) -> bool + Copy + Sync,
) {
    let columns = y.len();
    if columns == 0 {
        return;
    }
    let rows = x.len() / columns;
    chunks_mut(y, grain(rows), |first, y| {
        for (i, y) in y.chunks_mut(WIDTH).enumerate() {
            let strip = Strip { x, columns, first: first + i * WIDTH };
            vectorize(
                #[inline(always)]
                move || {
                    let n = y.len();
                    let best = &mut [X::default(); WIDTH][..n];
                    best.copy_from_slice(strip.row(0, n));
                    y.fill(0);
                    let (other_best, other_y) = (&mut [X::default(); WIDTH][..n], &mut [0; WIDTH][..n]);
                    for i in (1..rows).step_by(2) {
                        // To and fro, as in `column_fold`.
                        let x = strip.row(i, n);
                        for j in 0..n {
                            let better = beats(x[j], best[j]);
                            other_best[j] = if better { x[j] } else { best[j] };
                            other_y[j] = if better { i as i32 } else { y[j] };
                        }
                        if i + 1 == rows {
                            y.copy_from_slice(other_y);
                            break;
                        }
                        let x = strip.row(i + 1, n);
                        for j in 0..n {
                            let better = beats(x[j], other_best[j]);
                            best[j] = if better { x[j] } else { other_best[j] };
                            y[j] = if better { (i + 1) as i32 } else { other_y[j] };
                        }
                    }
                },
            );
        }
    });
}

/// Neighbouring columns of a matrix, from column `first` on.
#[derive(Clone, Copy)]
struct Strip<'a, X> {
    x: &'a [X],
    columns: usize,
    first: usize,
}

impl<'a, X> Strip<'a, X> {
    /// Row `i` of `n` columns.
    #[inline(always)]
    fn row(&self, i: usize, n: usize) -> &'a [X] {
        &self.x[i * self.columns + self.first..][..n]
    }
}

impl<T: Real> Strip<'_, T> {
    /// Overwrites `y` with the sums of as many columns over these rows.
    fn sums<const N: usize>(
        self,
        rows: Range<usize>,
        c: [&[T]; N],
        y: &mut [T],
        f: impl Fn(T, [T; N]) -> T + Copy,
    ) {
        if rows.len() > BLOCK {
            let middle = rows.start + (rows.len() / 2).next_multiple_of(BLOCK);
            let others = &mut [T::ZERO; WIDTH][..y.len()];
            self.sums(rows.start..middle, c, y, f);
            self.sums(middle..rows.end, c, others, f);
            add(others, y);
            return;
        }
        vectorize(
            #[inline(always)]
            move || {
                y.fill(T::ZERO);
                let n = y.len();
                let whole = rows.end - rows.len() % GROUP;
                for i in (rows.start..whole).step_by(GROUP) {
                    let rows = [0, 1, 2, 3].map(|k| self.row(i + k, n));
                    for j in 0..n {
                        let [p, q, r, s] = rows.map(|row| f(row[j], at(&c, j)));
                        y[j] += (p + q) + (r + s);
                    }
                }
                for i in whole..rows.end {
                    let a = self.row(i, n);
                    for j in 0..n {
                        y[j] += f(a[j], at(&c, j));
                    }
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
    fn extremes_of_columns_are_those_of_rows() {
        use crate::kernels::reduce;
        for (rows, columns) in [(1, 1), (1, 40), (2, 3), (3, 600), (70, 65), (7, 1030)] {
            let mut x: Vec<f32> = (0..rows * columns).map(|i| (i * 37 % 11) as f32 - 5.0).collect();
            for nan in [None, Some(rows * columns / 2), Some(0)] {
                nan.into_iter().for_each(|i| x[i] = f32::NAN);
                let (mut max, mut at) = (vec![0.0; columns], vec![-1; columns]);
                column_fold(&x, &mut max, Real::maximum);
                column_positions(&x, &mut at, reduce::is_larger);
                for j in 0..columns {
                    let column: Vec<f32> = x.iter().skip(j).step_by(columns).copied().collect();
                    assert_eq!(max[j].to_bits(), reduce::max(&column).to_bits(), "{rows} × {columns}");
                    assert_eq!(at[j] as usize, reduce::argmax(&column), "{rows} × {columns}");
                }
            }
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
