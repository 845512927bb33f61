use serde::Deserialize;

use crate::kernels::reduce;
use crate::ops::number::Number;
use crate::ops::{Dims, Grad, Named, Reads, RowFunction};
use crate::real::Real;

/// Σ (x − mean)² / (n − `correction`) over `dims`, n elements each, in two passes; NaN where the divisor is 0 or less.
/// The derivative is 2 (x − mean) / (n − `correction`).
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
