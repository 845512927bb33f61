use serde::Deserialize;

use crate::kernels::exponentials::{max, sum_of};
use crate::kernels::vectorize;
use crate::ops::{Dims, Grad, Named, Reads, RowFunction};
use crate::real::Real;

/// ln Σ eˣ over `dims`, computed from the largest element so that nothing overflows; −∞ where there is nothing, or
/// nothing but −∞. The derivative is eˣ⁻ʸ.
#[derive(Debug, Deserialize)]
pub struct LogSumExp(Dims);

impl Named for LogSumExp {
    const NAME: &'static str = "logSumExp";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        super::samples::reduction(-2.0..2.0)
    }
}

impl<T: Real> RowFunction<T> for LogSumExp {
    const READS: Reads = Reads::ALL;
    const EMPTY_ROWS: bool = true;

    fn dims(&self) -> &Dims {
        &self.0
    }

    fn f(&self, x: &[T]) -> T {
        vectorize(
            #[inline(always)]
            || {
                let largest = max(x);
                let m = if largest.abs() == -T::NEG_INFINITY { T::ZERO } else { largest };
                let sum = sum_of(
                    [x],
                    #[inline(always)]
                    |[x]| (x - m).exp(), // ∞ where m is 0
                );
                m + sum.ln()
            },
        )
    }

    fn gradient(&self, x: &[T], y: T, g: T, dx: &mut Grad<'_, T>) {
        let y = if y == T::NEG_INFINITY { T::ZERO } else { y }; // a row of −∞: e⁻∞ is 0, where −∞ + ∞ is NaN
        dx.map(
            [x],
            #[inline(always)]
            move |[x]| g * (x - y).exp_up_to_40(),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::samples::Sample;
    use crate::ops::tests::{gradients_f32, values_f32};

    #[test]
    fn infinities_and_large_numbers_do_not_become_nan() {
        const INF: f64 = f64::INFINITY;
        let rows = [-INF, -INF, 1000.0, -INF, INF, 0.0];
        let sample = Sample::new(r#"{"dims": [1]}"#).values(&[3, 2], &rows);
        assert_eq!(values_f32("logSumExp", &sample), [-INF, 1000.0, INF]);
        let gradient = gradients_f32("logSumExp", &sample, 1.0).remove(0);
        assert_eq!(gradient[..4], [0.0, 0.0, 1.0, 0.0]);
    }
}
