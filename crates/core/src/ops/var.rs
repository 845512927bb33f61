use serde::Deserialize;

use crate::kernels::columns::{column_sums, column_sums_of};
use crate::kernels::{Mode, reduce};
use crate::ops::number::Number;
use crate::ops::reduction::map_columns;
use crate::ops::{ColumnFunction, Dims, Grad, Named, Reads, RowFunction};
use crate::real::Real;

/// Σ (x − mean)² / (n − `correction`) over `dims`, n elements each, in two passes; NaN where the divisor is 0 or less.
/// The derivative is 2 (x − mean) / (n − `correction`).
///
/// The error is at most (18 + ⌈log₂ n⌉)·u of the result, u = 2⁻²⁴, and twice the square of the mean's error; see
/// docs/accuracy.md.
#[derive(Debug, Deserialize)]
#[serde(from = "Attributes")]
pub struct Var {
    dims: Dims,
    correction: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Attributes {
    dims: Option<Vec<isize>>,
    #[serde(default)]
    keep_dim: bool,
    correction: Option<Number>,
}

impl From<Attributes> for Var {
    fn from(Attributes { dims, keep_dim, correction }: Attributes) -> Self {
        Self { dims: Dims { dims, keep_dim }, correction: correction.map_or(1.0, |x| x.0) }
    }
}

impl Var {
    /// What the sum of squares of n elements is divided by.
    fn divisor<T: Real>(&self, n: usize) -> T {
        T::from_f64((n as f64 - self.correction).max(0.0))
    }
}

impl Named for Var {
    const NAME: &'static str = "var";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        use super::samples::{Sample, reduction};
        let mut samples = reduction(-2.0..2.0);
        samples.retain(|sample| sample.inputs[0].values.len() > 1);
        samples.extend([
            Sample::new(r#"{"correction": 0}"#).real(&[5], 100.0..102.0),
            Sample::new(r#"{"correction": 0.5, "dims": [1], "keepDim": true}"#).real(&[2, 3], -1.0..1.0),
        ]);
        samples
    }
}

impl<T: Real> RowFunction<T> for Var {
    const READS: Reads = Reads::INPUTS;
    const EMPTY_ROWS: bool = true;

    fn dims(&self) -> &Dims {
        &self.dims
    }

    fn f(&self, x: &[T]) -> T {
        let mean = reduce::mean(x);
        let squares = reduce::sum_of(
            x,
            #[inline(always)]
            |x| (x - mean) * (x - mean),
        );
        squares / self.divisor(x.len())
    }

    fn gradient(&self, x: &[T], _: T, g: T, dx: &mut Grad<'_, T>) {
        let mean = reduce::mean(x);
        let factor = (g + g) / self.divisor(x.len());
        dx.map(
            [x],
            #[inline(always)]
            move |[x]| factor * (x - mean),
        );
    }

    fn columns(&self) -> Option<&dyn ColumnFunction<T>> {
        Some(self)
    }
}

/// The means of the columns of x, and the number of rows.
fn column_means<T: Real>(x: &[T], columns: usize) -> (Vec<T>, usize) {
    let rows = x.len() / columns;
    let mut means = vec![T::ZERO; columns];
    column_sums(x, &mut means, Mode::Write);
    let divisor = T::from_f64(rows as f64);
    means.iter_mut().for_each(|mean| *mean /= divisor);
    (means, rows)
}

impl<T: Real> ColumnFunction<T> for Var {
    fn columns(&self, x: &[T], y: &mut [T]) {
        let (means, rows) = column_means(x, y.len());
        column_sums_of(
            x,
            [&means],
            y,
            Mode::Write,
            #[inline(always)]
            |x, [mean]| (x - mean) * (x - mean),
        );
        let divisor = self.divisor(rows);
        y.iter_mut().for_each(|y| *y /= divisor);
    }

    fn columns_gradient(&self, x: &[T], g: &[T], dx: &mut Grad<'_, T>) {
        let (means, rows) = column_means(x, g.len());
        let divisor = self.divisor(rows);
        map_columns(
            [x],
            g,
            &means,
            dx,
            #[inline(always)]
            move |[x], g, mean| ((g + g) / divisor) * (x - mean),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::samples::Sample;
    use crate::ops::tests::values_f32;

    #[test]
    fn far_from_zero_no_digits_are_lost_and_one_element_has_no_variance() {
        let of = |attributes: &str, x: &[f64]| {
            values_f32("var", &Sample::new(attributes).values(&[x.len()], x))[0]
        };
        assert_eq!(of("{}", &[10_000.0, 10_001.0, 10_002.0]), 1.0);
        assert_eq!(of(r#"{"correction": 0}"#, &[5.0]), 0.0);
        assert!(of("{}", &[5.0]).is_nan());
        assert!(of("{}", &[]).is_nan());
    }
}
