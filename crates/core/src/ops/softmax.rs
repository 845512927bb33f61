//! Softmax and its logarithm, over the last dimension.

use serde::Deserialize;

use crate::kernels::Mode;
use crate::kernels::exponentials::{log_sum_exp, softmax, sum_of, update};
use crate::ops::{Named, RowMapFunction};
use crate::real::Real;

/// eˣⁱ / Σ eˣʲ over the last dimension, computed from the largest element so that nothing overflows; NaN for a row of
/// nothing but −∞. dxᵢ = yᵢ · (gᵢ − Σ gⱼ yⱼ).
///
/// The error of yᵢ is at most (max x − xᵢ + 26 + n/256)·u·yᵢ for n elements, u = 2⁻²⁴.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Softmax {}

impl Named for Softmax {
    const NAME: &'static str = "softmax";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        samples()
    }
}

impl<T: Real> RowMapFunction<T> for Softmax {
    #[inline(always)]
    fn f(&self, x: &[T], y: &mut [T]) {
        softmax(x, y);
    }

    #[inline(always)]
    fn gradient(&self, y: &[T], g: &[T], dx: &mut [T], mode: Mode) {
        let mean = sum_of(
            [y, g],
            #[inline(always)]
            |[y, g]| y * g,
        );
        for ((dx, &y), &g) in dx.iter_mut().zip(y).zip(g) {
            let change = y * (g - mean);
            *dx = if mode == Mode::Add { *dx + change } else { change };
        }
    }
}

/// xᵢ − ln Σ eˣʲ over the last dimension, computed from the largest element so that nothing overflows; NaN for a row of
/// nothing but −∞. dxᵢ = gᵢ − e^yᵢ · Σ gⱼ.
///
/// The error of yᵢ is at most (max x − xᵢ + |yᵢ| + s + 26 + n/256)·u for n elements, with s = ln Σ e^(x − max x) and
/// u = 2⁻²⁴.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSoftmax {}

impl Named for LogSoftmax {
    const NAME: &'static str = "logSoftmax";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        samples()
    }
}

impl<T: Real> RowMapFunction<T> for LogSoftmax {
    #[inline(always)]
    fn f(&self, x: &[T], y: &mut [T]) {
        let (m, log_sum) = log_sum_exp(x);
        for (y, &x) in y.iter_mut().zip(x) {
            *y = (x - m) - log_sum;
        }
    }

    #[inline(always)]
    fn gradient(&self, y: &[T], g: &[T], dx: &mut [T], mode: Mode) {
        let sum = sum_of(
            [g],
            #[inline(always)]
            |[g]| g,
        );
        update(
            y,
            dx,
            #[inline(always)]
            |dx, y| {
                let start = if mode == Mode::Add { dx } else { T::ZERO };
                start - y.exp_up_to_40() * sum
            },
        );
        dx.iter_mut().zip(g).for_each(|(dx, &g)| *dx += g);
    }
}

#[cfg(test)]
fn samples() -> Vec<super::samples::Sample> {
    use super::samples::Sample;
    [&[10][..], &[3, 5], &[2, 3, 17], &[2, 16], &[], &[1], &[0, 3], &[3, 0]]
        .map(|shape| Sample::new("{}").real(shape, -3.0..3.0))
        .into()
}

#[cfg(test)]
mod tests {
    use crate::ops::samples::Sample;
    use crate::ops::tests::{gradients_f32, values_f32};

    const INF: f64 = f64::INFINITY;

    #[test]
    fn extreme_rows_keep_their_meaning() {
        let rows = [0.0, -INF, 0.0, 1e30, -1e30, 1e30, -INF, -INF, -INF];
        let sample = Sample::new("{}").values(&[3, 3], &rows);
        let y = values_f32("softmax", &sample);
        assert_eq!(y[..6], [0.5, 0.0, 0.5, 0.5, 0.0, 0.5]);
        assert!(y[6..].iter().all(|y| y.is_nan()));
        let y = values_f32("logSoftmax", &sample);
        let half = f64::from(-std::f32::consts::LN_2);
        assert_eq!((y[0], y[1], y[2], y[3], y[5]), (half, -INF, half, half, half));
        assert!(y[6..].iter().all(|y| y.is_nan()));
    }

    #[test]
    fn what_is_impossible_gets_no_gradient() {
        let sample = Sample::new("{}").values(&[3], &[0.0, -INF, 0.0]);
        assert_eq!(gradients_f32("softmax", &sample, 1.0)[0], [0.0, 0.0, 0.0]);
        assert_eq!(gradients_f32("logSoftmax", &sample, 1.0)[0][1], 1.0); // e⁻∞ · Σ g is 0; g itself passes
    }
}
