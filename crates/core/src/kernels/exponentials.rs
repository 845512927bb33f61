//! Rows of exponentials that neither overflow nor waste a vector: what softmax and cross-entropy are made of.
//!
//! These functions are for loops over rows inside [`vectorize`](super::vectorize), into which they are inlined. The end
//! of a row is padded to a whole block, so that a row of ten classes costs one vector and not ten scalars.

use crate::kernels::Mode;
use crate::real::Real;

/// Elements of a block: one, two or four vectors.
const LANES: usize = 16;
/// Elements that are summed before their sum is added to the others': keeps long sums accurate.
const GROUP: usize = 256;

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

/// The larger of the two, or `a` if either is NaN: one instruction.
#[inline(always)]
fn larger<T: Real>(a: T, b: T) -> T {
    if b > a { b } else { a }
}

/// The largest element of a row; −∞ if there is none. NaN are passed over: they show in every sum of exponentials.
#[inline(always)]
pub fn max<T: Real>(x: &[T]) -> T {
    let mut lanes = [T::NEG_INFINITY; LANES];
    // Four blocks among themselves first: all of them to the lanes would be a chain, and wait for itself.
    let (groups, rest) = x.as_chunks::<{ 4 * LANES }>();
    for x in groups {
        for (i, lane) in lanes.iter_mut().enumerate() {
            let low = larger(x[i], x[i + LANES]);
            let high = larger(x[i + 2 * LANES], x[i + 3 * LANES]);
            *lane = larger(*lane, larger(low, high));
        }
    }
    let (blocks, rest) = rest.as_chunks::<LANES>();
    for block in blocks {
        for (lane, &x) in lanes.iter_mut().zip(block) {
            *lane = larger(*lane, x);
        }
    }
    if !rest.is_empty() {
        for (lane, x) in lanes.iter_mut().zip(padded(rest, T::NEG_INFINITY)) {
            *lane = larger(*lane, x);
        }
    }
    fold(lanes, larger)
}

/// `y[i] = f(y[i], [x₀[i], x₁[i], …])`. One plain loop, which LLVM vectorises: of loops over blocks of lanes it makes
/// something much worse, vectors across the blocks.
#[inline(always)]
fn map<T: Real, const N: usize>(x: [&[T]; N], y: &mut [T], f: impl Fn(T, [T; N]) -> T) {
    let n = y.len();
    let x = x.map(|x| &x[..n]);
    // By index: with an iterator over `y`, LLVM keeps the bounds checks of `x`, and ends with a vector's worth of scalars.
    for i in 0..n {
        y[i] = f(y[i], x.map(|x| x[i]));
    }
}

/// The end of a row, less than a block: `f` of each element, then zeros.
#[inline(always)]
fn end<T: Real, const N: usize>(x: [&[T]; N], f: impl Fn([T; N]) -> T) -> [T; LANES] {
    let n = x[0].len();
    let x = x.map(|x| padded(x, T::ZERO));
    let mut values = [T::ZERO; LANES];
    map(
        x.each_ref().map(|x| &x[..]),
        &mut values,
        #[inline(always)]
        |_, x| f(x),
    );
    for (i, value) in values.iter_mut().enumerate() {
        *value = if i < n { *value } else { T::ZERO };
    }
    values
}

/// `y[i] = f(y[i], x[i])`
#[inline(always)]
pub fn update<T: Real>(x: &[T], y: &mut [T], f: impl Fn(T, T) -> T) {
    let whole = y.len() - y.len() % LANES;
    let (blocks, rest) = y.split_at_mut(whole);
    map(
        [x],
        blocks,
        #[inline(always)]
        |y, [x]| f(y, x),
    );
    if !rest.is_empty() {
        let end = end(
            [rest, &x[whole..]],
            #[inline(always)]
            |[y, x]| f(y, x),
        );
        rest.copy_from_slice(&end[..rest.len()]);
    }
}

/// `y[i] = f(x[i])`; returns Σ y, as accurate as [`sum_of`].
#[inline(always)]
pub fn fill<T: Real>(x: &[T], y: &mut [T], f: impl Fn(T) -> T) -> T {
    let whole = y.len() - y.len() % LANES;
    let (blocks, rest) = y.split_at_mut(whole);
    let mut lanes = [T::ZERO; LANES];
    for (x, y) in x.chunks(GROUP).zip(blocks.chunks_mut(GROUP)) {
        map(
            [x],
            y,
            #[inline(always)]
            |_, [x]| f(x),
        );
        add_lanes(y, &mut lanes);
    }
    if !rest.is_empty() {
        let end = end(
            [&x[whole..]],
            #[inline(always)]
            |[x]| f(x),
        );
        rest.copy_from_slice(&end[..rest.len()]);
        lanes.iter_mut().zip(end).for_each(|(lane, value)| *lane += value);
    }
    fold(lanes, |a, b| a + b)
}

/// Σ f([x₀[i], x₁[i], …]) of n elements.
///
/// The error is at most (21 + n/256)·u·Σ|f| to first order in u = 2⁻²⁴ (2⁻⁵³ for `f64`), plus that of f: a row is summed in groups of 256
/// by 16 lanes.
#[inline(always)]
pub fn sum_of<T: Real, const N: usize>(x: [&[T]; N], f: impl Fn([T; N]) -> T) -> T {
    let n = x[0].len();
    let count = n / LANES;
    let blocks = x.map(|x| x[..n].as_chunks::<LANES>().0);
    let mut lanes = [T::ZERO; LANES];
    for from in (0..count).step_by(GROUP / LANES) {
        let group = blocks.map(|blocks| &blocks[from..count.min(from + GROUP / LANES)]);
        // Two sums, for in one each addition would wait for the one before.
        let [mut even, mut odd] = [[T::ZERO; LANES]; 2];
        let length = group[0].len();
        for k in 0..length / 2 {
            add_block(group.map(|blocks| &blocks[2 * k]), &mut even, &f);
            add_block(group.map(|blocks| &blocks[2 * k + 1]), &mut odd, &f);
        }
        if length % 2 == 1 {
            add_block(group.map(|blocks| &blocks[length - 1]), &mut even, &f);
        }
        for i in 0..LANES {
            lanes[i] += even[i] + odd[i];
        }
    }
    if n > count * LANES {
        let end = end(x.map(|x| &x[count * LANES..]), f);
        lanes.iter_mut().zip(end).for_each(|(lane, value)| *lane += value);
    }
    fold(lanes, |a, b| a + b)
}

/// `sums[i] += f([x₀[i], x₁[i], …])`
#[inline(always)]
fn add_block<T: Real, const N: usize>(x: [&[T; LANES]; N], sums: &mut [T; LANES], f: impl Fn([T; N]) -> T) {
    for (i, sum) in sums.iter_mut().enumerate() {
        *sum += f(x.map(|x| x[i]));
    }
}

/// Adds whole blocks, summed among themselves first, to the lanes.
#[inline(always)]
fn add_lanes<T: Real>(values: &[T], lanes: &mut [T; LANES]) {
    let mut sums = [T::ZERO; LANES];
    for block in values.as_chunks::<LANES>().0 {
        for (sum, &value) in sums.iter_mut().zip(block) {
            *sum += value;
        }
    }
    for (lane, sum) in lanes.iter_mut().zip(sums) {
        *lane += sum;
    }
}

/// ln Σ eˣ of a row as (m, ln Σ e^(x−m)) with m the maximum: subtract them one after the other, for their sum has lost
/// the second where m is large. A row of nothing but −∞ gives NaN.
///
/// The error of the second is at most (itself + 26 + n/256)·u for n elements: that of [`sum_of`], of the exponentials
/// and of the logarithm.
#[inline(always)]
pub fn log_sum_exp<T: Real>(x: &[T]) -> (T, T) {
    let m = max(x);
    (
        m,
        sum_of(
            [x],
            #[inline(always)]
            |[x]| (x - m).exp_up_to_40(),
        )
        .ln(),
    )
}

/// `y = softmax(x)`; the error of y[i] is at most (max x − x[i] + 26 + n/256)·u·y[i]: a difference that was rounded is off
/// by u times itself, and the power relatively by as much.
#[inline(always)]
pub fn softmax<T: Real>(x: &[T], y: &mut [T]) {
    scaled_softmax(x, T::ONE, y);
}

/// `y = scale · softmax(x)`
#[inline(always)]
fn scaled_softmax<T: Real>(x: &[T], scale: T, y: &mut [T]) {
    let m = max(x);
    let factor = scale
        / fill(
            x,
            y,
            #[inline(always)]
            |x| (x - m).exp_up_to_40(),
        );
    for y in y {
        *y *= factor;
    }
}

/// `dx (+)= scale · softmax(x)`
#[inline(always)]
pub fn add_softmax<T: Real>(x: &[T], scale: T, dx: &mut [T], mode: Mode) {
    if mode == Mode::Write {
        return scaled_softmax(x, scale, dx);
    }
    let m = max(x);
    let factor = scale
        / sum_of(
            [x],
            #[inline(always)]
            |[x]| (x - m).exp_up_to_40(),
        );
    update(
        x,
        dx,
        #[inline(always)]
        |dx, x| dx + (x - m).exp_up_to_40() * factor,
    );
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
