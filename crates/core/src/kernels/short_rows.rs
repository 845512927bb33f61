//! Rows of a few numbers, such as the scores of ten classes, [`ROWS`] of them side by side.
//!
//! A vector holds the same column of several rows: maxima and sums go down the columns, and no vector is folded. For loops
//! inside [`vectorize`](super::vectorize), into which these functions are inlined.

use crate::real::Real;

/// Rows that are done at once.
pub const ROWS: usize = 16;
/// The longest rows for which this is worth it.
pub const LONGEST: usize = 16;

/// A number of each row.
pub type Column<T> = [T; ROWS];

/// Some rows, columns first: `columns[j][i]` is element j of row i. Rows that are not there are like the last one.
pub struct Block<T> {
    columns: [Column<T>; LONGEST],
    length: usize,
}

impl<T: Real> Block<T> {
    /// The rows of `length` elements that `x` consists of: 1 to [`ROWS`] of them.
    #[inline(always)]
    pub fn load(x: &[T], length: usize) -> Self {
        let mut block = Self { columns: [[T::ZERO; ROWS]; LONGEST], length };
        let columns = &mut block.columns[..length];
        if x.len() == ROWS * length {
            for (j, column) in columns.iter_mut().enumerate() {
                for (i, element) in column.iter_mut().enumerate() {
                    *element = x[i * length + j];
                }
            }
        } else {
            let last = x.len() / length - 1;
            for (j, column) in columns.iter_mut().enumerate() {
                for (i, element) in column.iter_mut().enumerate() {
                    *element = x[i.min(last) * length + j];
                }
            }
        }
        block
    }

    /// The largest element of each row; NaN are passed over, as in [`exponentials::max`](super::exponentials::max).
    #[inline(always)]
    fn maxima(&self) -> Column<T> {
        let mut maxima = [T::NEG_INFINITY; ROWS];
        for column in &self.columns[..self.length] {
            for (max, &x) in maxima.iter_mut().zip(column) {
                *max = if x > *max { x } else { *max };
            }
        }
        maxima
    }

    /// (m, ln Σ e^(x−m)) of each row, as [`exponentials::log_sum_exp`](super::exponentials::log_sum_exp) gives them, and
    /// as accurate.
    #[inline(always)]
    pub fn log_sum_exp(&self) -> (Column<T>, Column<T>) {
        let maxima = self.maxima();
        let mut sums = [T::ZERO; ROWS];
        for column in &self.columns[..self.length] {
            for i in 0..ROWS {
                sums[i] += (column[i] - maxima[i]).exp_up_to_40();
            }
        }
        for sum in &mut sums {
            *sum = sum.ln();
        }
        (maxima, sums)
    }

    /// The rows of `y`, as many as were loaded, become `scale · softmax` of each row.
    #[inline(always)]
    pub fn scaled_softmax(&mut self, scales: &Column<T>, y: &mut [T]) {
        let maxima = self.maxima();
        let mut sums = [T::ZERO; ROWS];
        for column in &mut self.columns[..self.length] {
            for i in 0..ROWS {
                column[i] = (column[i] - maxima[i]).exp_up_to_40();
                sums[i] += column[i];
            }
        }
        let mut factors = *scales;
        for (factor, sum) in factors.iter_mut().zip(sums) {
            *factor /= sum;
        }
        for (j, column) in self.columns[..self.length].iter().enumerate() {
            for (i, y) in y.chunks_exact_mut(self.length).enumerate() {
                y[j] = column[i] * factors[i];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::exponentials::{log_sum_exp, softmax};

    #[test]
    fn rows_are_what_they_are_one_by_one() {
        for length in [1, 2, 10, LONGEST] {
            for rows in [1, 7, ROWS] {
                let x: Vec<f64> = (0..rows * length).map(|i| (i * 37 % 101) as f64 / 10.0 - 3.0).collect();
                let mut block = Block::load(&x, length);
                let (maxima, sums) = block.log_sum_exp();
                let mut y = vec![f64::NAN; x.len()];
                block.scaled_softmax(&[2.0; ROWS], &mut y);
                for (i, row) in x.chunks(length).enumerate() {
                    let (m, s) = log_sum_exp(row);
                    assert!(maxima[i] == m && (sums[i] - s).abs() < 1e-14, "{length}, row {i} of {rows}");
                    let mut expected = vec![0.0; length];
                    softmax(row, &mut expected);
                    let close = |(y, e): (&f64, f64)| (y - 2.0 * e).abs() < 1e-14;
                    assert!(y[i * length..].iter().zip(expected).all(close), "{length}, row {i} of {rows}");
                }
            }
        }
    }

    #[test]
    fn extreme_rows_keep_their_meaning() {
        let inf = f32::INFINITY;
        let rows = [1e30, -1e30, -inf, 2.0, -inf, -inf, inf, 0.0, f32::NAN, 0.0];
        let (maxima, sums) = Block::load(&rows, 2).log_sum_exp();
        assert_eq!((maxima[0], sums[0]), (1e30, 0.0));
        assert_eq!((maxima[1], sums[1]), (2.0, 0.0));
        assert!(sums[2..5].iter().all(|sum| sum.is_nan()));
    }
}
