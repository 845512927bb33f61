//! Reductions of a row: pairwise, with independent partial sums that vectorise. The order is fixed by the length
//! alone, so that the bits are the same with every instruction set and number of threads.

use crate::kernels::isa::vectorize;
use crate::real::Real;

const LANES: usize = 16;
const BLOCK: usize = 512;

/// Σ f(x). The rounding error grows with log n, as in NumPy and PyTorch (pairwise summation; Higham 1993).
pub fn sum_of<T: Real>(x: &[T], f: impl Fn(T) -> T + Copy) -> T {
    if x.len() > BLOCK {
        let half = (x.len() / 2).next_multiple_of(BLOCK);
        return sum_of(&x[..half], f) + sum_of(&x[half..], f);
    }
    vectorize(
        #[inline(always)]
        move || {
            let mut lanes = [T::ZERO; LANES];
            let (blocks, rest) = x.as_chunks::<LANES>();
            for block in blocks {
                for (lane, &x) in lanes.iter_mut().zip(block) {
                    *lane += f(x);
                }
            }
            for (lane, &x) in lanes.iter_mut().zip(rest) {
                *lane += f(x);
            }
            let mut width = LANES / 2;
            while width > 0 {
                for i in 0..width {
                    lanes[i] += lanes[i + width];
                }
                width /= 2;
            }
            lanes[0]
        },
    )
}

/// Σ x.
pub fn sum<T: Real>(x: &[T]) -> T {
    sum_of(x, |x| x)
}

/// Σ x / n; NaN for an empty row.
pub fn mean<T: Real>(x: &[T]) -> T {
    sum(x) / T::from_f64(x.len() as f64)
}

/// The largest element; NaN if there is one; −∞ for an empty row.
pub fn max<T: Real>(x: &[T]) -> T {
    fold(x, T::NEG_INFINITY, T::maximum)
}

/// The smallest element; NaN if there is one; +∞ for an empty row.
pub fn min<T: Real>(x: &[T]) -> T {
    fold(x, -T::NEG_INFINITY, T::minimum)
}

/// An associative and commutative fold.
pub fn fold<T: Real>(x: &[T], start: T, f: impl Fn(T, T) -> T + Copy) -> T {
    vectorize(
        #[inline(always)]
        move || {
            let mut lanes = [start; LANES];
            let (blocks, rest) = x.as_chunks::<LANES>();
            for block in blocks {
                for (lane, &x) in lanes.iter_mut().zip(block) {
                    *lane = f(*lane, x);
                }
            }
            for (lane, &x) in lanes.iter_mut().zip(rest) {
                *lane = f(*lane, x);
            }
            lanes.into_iter().fold(start, f)
        },
    )
}

/// Index of the first largest element, or of the first NaN; 0 for an empty row.
pub fn argmax<T: Real>(x: &[T]) -> usize {
    position(x, max(x))
}

/// Index of the first smallest element, or of the first NaN; 0 for an empty row.
pub fn argmin<T: Real>(x: &[T]) -> usize {
    position(x, min(x))
}

fn position<T: Real>(x: &[T], value: T) -> usize {
    x.iter().position(|&x| x == value || (value.is_nan() && x.is_nan())).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_pairwise() {
        let x = vec![0.1f32; 1 << 20];
        let exact = f64::from(0.1f32) * f64::from(1 << 20);
        assert!((f64::from(sum(&x)) - exact).abs() / exact < 1e-6);
        for n in 0..70 {
            let x: Vec<f64> = (0..n).map(f64::from).collect();
            assert_eq!(sum(&x), f64::from(n * (n - 1).max(0)) / 2.0);
        }
    }

    #[test]
    fn extremes_know_nan_and_take_the_first() {
        assert_eq!(argmax(&[1.0f32, 3.0, 3.0]), 1);
        assert_eq!(argmin(&[1.0f32, f32::NAN, 0.0]), 1);
        assert!(max(&[1.0f32, f32::NAN, 5.0]).is_nan());
        let x: Vec<f32> = (0..100).map(|i| ((i * 37) % 101) as f32).collect();
        assert_eq!((max(&x), min(&x)), (100.0, 0.0));
    }
}
