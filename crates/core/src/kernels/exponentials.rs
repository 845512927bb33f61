//! Rows of exponentials that neither overflow nor waste a vector: what softmax and cross-entropy are made of.
//!
//! These functions are for loops over rows inside [`vectorize`](super::vectorize), into which they are inlined. The end
//! of a row is padded to a whole block, so that a row of ten classes costs one vector and not ten scalars.

use crate::kernels::Mode;
use crate::real::Real;

/// Elements of a block: one, two or four vectors.
const LANES: usize = 16;
/// Elements that are summed before their sum is added to the others': keeps long sums accurate.
const GROUP: usize = 128;

#[inline(always)]
fn padded<T: Real>(rest: &[T], padding: T) -> [T; LANES] {
    let mut block = [padding; LANES];
    block[..rest.len()].copy_from_slice(rest);
    block
}

/// The lanes folded into one, halves upon halves.
#[inline(always)]
fn fold<T: Real>(mut lanes: [T; LANES], f: impl Fn(T, T) -> T) -> T {
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] = f(lanes[i], lanes[i + width]);
        }
        width /= 2;
    }
    lanes[0]
}

/// The largest element of a row; NaN if there is one.
#[inline(always)]
pub fn max<T: Real>(x: &[T]) -> T {
    let (blocks, rest) = x.as_chunks::<LANES>();
    let mut lanes = padded(rest, T::NEG_INFINITY);
    for block in blocks {
        for (lane, &x) in lanes.iter_mut().zip(block) {
            *lane = lane.maximum(x);
        }
    }
    fold(lanes, T::maximum)
}

/// Σ f([x₀[i], x₁[i], …])
#[inline(always)]
pub fn sum_of<T: Real, const N: usize>(x: [&[T]; N], f: impl Fn([T; N]) -> T) -> T {
    let n = x[0].len();
    let mut lanes = [T::ZERO; LANES];
    let mut from = 0;
    while from < n {
        let length = (n - from).min(GROUP);
        // The values go through memory, where LLVM sees that a block of them is a vector.
        let mut values = [T::ZERO; GROUP];
        let mut write = |at: usize, x: [&[T; LANES]; N]| {
            for (i, value) in values[at * LANES..][..LANES].iter_mut().enumerate() {
                *value = f(x.map(|x| x[i]));
            }
        };
        let x = x.map(|x| x[from..from + length].as_chunks::<LANES>());
        let count = length / LANES;
        for at in 0..count {
            write(at, x.map(|(blocks, _)| &blocks[at]));
        }
        if length % LANES > 0 {
            write(count, x.map(|(_, rest)| padded(rest, T::ZERO)).each_ref());
            values[length..].fill(T::ZERO);
        }
        let mut sums = [T::ZERO; LANES];
        for values in &values.as_chunks::<LANES>().0[..length.div_ceil(LANES)] {
            for (sum, &value) in sums.iter_mut().zip(values) {
                *sum += value;
            }
        }
        for (lane, sum) in lanes.iter_mut().zip(sums) {
            *lane += sum;
        }
        from += length;
    }
    fold(lanes, |a, b| a + b)
}

/// `y[i] = f(y[i], x[i])`
#[inline(always)]
pub fn update<T: Real>(x: &[T], y: &mut [T], f: impl Fn(T, T) -> T) {
    let (blocks, rest) = x.as_chunks::<LANES>();
    let (y_blocks, y_rest) = y.as_chunks_mut::<LANES>();
    for (x, y) in blocks.iter().zip(y_blocks) {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = f(*y, x);
        }
    }
    if !rest.is_empty() {
        let x = padded(rest, T::ZERO);
        let mut y = padded(y_rest, T::ZERO);
        for (y, &x) in y.iter_mut().zip(&x) {
            *y = f(*y, x);
        }
        y_rest.copy_from_slice(&y[..rest.len()]);
    }
}

/// ln Σ eˣ of a row as (m, ln Σ e^(x−m)) with m the maximum: subtract them one after the other, for their sum has lost
/// the second where m is large. A row of nothing but −∞ gives NaN.
#[inline(always)]
pub fn log_sum_exp<T: Real>(x: &[T]) -> (T, T) {
    let m = max(x);
    (m, sum_of([x], |[x]| (x - m).exp()).ln())
}

/// `dx (+)= scale · softmax(x)`
#[inline(always)]
pub fn add_softmax<T: Real>(x: &[T], scale: T, dx: &mut [T], mode: Mode) {
    let m = max(x);
    match mode {
        Mode::Write => {
            update(x, dx, |_, x| (x - m).exp());
            let factor = scale / sum_of([dx], |[e]| e);
            dx.iter_mut().for_each(|dx| *dx *= factor);
        }
        Mode::Add => {
            let factor = scale / sum_of([x], |[x]| (x - m).exp());
            update(x, dx, |dx, x| dx + (x - m).exp() * factor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_any_length_are_summed() {
        for n in [1, 10, 15, 16, 17, 600, 5000] {
            let x: Vec<f64> = (0..n).map(|i| f64::from(i * 37 % 101) / 10.0).collect();
            let exact: f64 = x.iter().map(|x| x.exp()).sum();
            let (m, s) = log_sum_exp(&x);
            assert!((m + s - exact.ln()).abs() < 1e-12);
            let mut p = vec![1.0; n as usize];
            add_softmax(&x, 2.0, &mut p, Mode::Add);
            assert!(p.iter().zip(&x).all(|(p, x)| (p - (1.0 + 2.0 * x.exp() / exact)).abs() < 1e-12));
            assert!((sum_of([&x, &x], |[a, b]| a * b) - x.iter().map(|x| x * x).sum::<f64>()).abs() < 1e-9);
        }
    }

    #[test]
    fn extreme_rows_keep_their_meaning() {
        let inf = f32::INFINITY;
        assert_eq!(log_sum_exp(&[1e30f32, -1e30]), (1e30, 0.0));
        assert_eq!(log_sum_exp(&[-inf, 2.0f32]), (2.0, 0.0));
        assert!(log_sum_exp(&[-inf; 3]).1.is_nan());
        assert!(log_sum_exp(&[inf, 0.0]).1.is_nan());
        assert!(log_sum_exp(&[f32::NAN, 0.0]).1.is_nan());
    }
}
