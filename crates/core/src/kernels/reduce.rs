//! Reductions of a row. The order is fixed by the length alone, so that the bits are the same with every instruction
//! set and number of threads.

use crate::kernels::isa::vectorize;
use crate::kernels::parallel::chunks_mut;
use crate::kernels::strided::GRAIN;
use crate::real::Real;

/// Partial results side by side.
const LANES: usize = 16;
/// Elements that are reduced in one loop; longer rows are halved.
const BLOCK: usize = 512;
/// Pieces that threads share, of rows that are long enough for that.
const PIECES: usize = 64;

/// A row of any length: pieces for the threads, halves of pieces, blocks of at most [`BLOCK`] elements.
fn reduce<T: Real>(
    x: &[T],
    block: impl Fn(&[T]) -> T + Copy + Sync,
    join: impl Fn(T, T) -> T + Copy + Sync,
) -> T {
    if x.len() < 2 * GRAIN {
        return halves(x, block, join);
    }
    let length = x.len().div_ceil(PIECES).next_multiple_of(BLOCK);
    let mut results = [T::ZERO; PIECES];
    let results = &mut results[..x.len().div_ceil(length)];
    chunks_mut(results, GRAIN.div_ceil(length), |first, results| {
        for (piece, result) in x[first * length..].chunks(length).zip(results) {
            *result = halves(piece, block, join);
        }
    });
    pairwise(results, join)
}

fn halves<T: Real>(x: &[T], block: impl Fn(&[T]) -> T + Copy, join: impl Fn(T, T) -> T + Copy) -> T {
    if x.len() <= BLOCK {
        return block(x);
    }
    let (left, right) = x.split_at((x.len() / 2).next_multiple_of(BLOCK));
    join(halves(left, block, join), halves(right, block, join))
}

/// At least one result, joined with its like.
fn pairwise<T: Real>(results: &[T], join: impl Fn(T, T) -> T + Copy) -> T {
    if results.len() == 1 {
        return results[0];
    }
    let (left, right) = results.split_at(results.len().div_ceil(2));
    join(pairwise(left, join), pairwise(right, join))
}

/// A block, in lanes that vectorise. `start` is neutral.
#[inline(always)]
fn block<T: Real>(x: &[T], start: T, term: impl Fn(T) -> T, join: impl Fn(T, T) -> T) -> T {
    let mut lanes = [start; LANES];
    // Four blocks among themselves first: all of them to the lanes would be a chain, and wait for itself.
    let (groups, rest) = x.as_chunks::<{ 4 * LANES }>();
    for x in groups {
        for (i, lane) in lanes.iter_mut().enumerate() {
            let low = join(term(x[i]), term(x[i + LANES]));
            let high = join(term(x[i + 2 * LANES]), term(x[i + 3 * LANES]));
            *lane = join(*lane, join(low, high));
        }
    }
    let (blocks, rest) = rest.as_chunks::<LANES>();
    for block in blocks {
        for (lane, &x) in lanes.iter_mut().zip(block) {
            *lane = join(*lane, term(x));
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane = join(*lane, term(x));
    }
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] = join(lanes[i], lanes[i + width]);
        }
        width /= 2;
    }
    lanes[0]
}

/// Σ f(x) of n elements.
///
/// The error is at most (12 + ⌈log₂ n⌉)·u·Σ|f(x)| to first order in u = 2⁻²⁴ (2⁻⁵³ for `f64`), plus that of f: no more
/// than 12 additions one after the other, everything else pairwise (Higham 1993), as in NumPy and PyTorch.
pub fn sum_of<T: Real>(x: &[T], f: impl Fn(T) -> T + Copy + Sync) -> T {
    reduce(
        x,
        move |x| {
            vectorize(
                #[inline(always)]
                move || block(x, T::ZERO, f, |a, b| a + b),
            )
        },
        |a, b| a + b,
    )
}

/// Σ x, as accurate as [`sum_of`].
pub fn sum<T: Real>(x: &[T]) -> T {
    sum_of(
        x,
        #[inline(always)]
        |x| x,
    )
}

/// Σ x / n, as accurate as [`sum_of`] up to one rounding; NaN for an empty row.
pub fn mean<T: Real>(x: &[T]) -> T {
    sum(x) / T::from_f64(x.len() as f64)
}

/// The largest element; NaN if there is one; −∞ for an empty row.
pub fn max<T: Real>(x: &[T]) -> T {
    extremum(
        x,
        T::NEG_INFINITY,
        #[inline(always)]
        |a, b| if b > a { b } else { a },
        T::maximum,
    )
}

/// The smallest element; NaN if there is one; +∞ for an empty row.
pub fn min<T: Real>(x: &[T]) -> T {
    extremum(
        x,
        -T::NEG_INFINITY,
        #[inline(always)]
        |a, b| if b < a { b } else { a },
        T::minimum,
    )
}

/// NaN is looked for apart: passing over it takes one instruction, choosing it takes three.
fn extremum<T: Real>(
    x: &[T],
    start: T,
    join: impl Fn(T, T) -> T + Copy + Sync,
    join_with_nan: impl Fn(T, T) -> T + Copy + Sync,
) -> T {
    reduce(
        x,
        move |x| {
            vectorize(
                #[inline(always)]
                move || {
                    let extremum = block(x, start, |x| x, join);
                    let nan = x.iter().fold(
                        0u32,
                        #[inline(always)]
                        |nan, x| nan | u32::from(x.is_nan()),
                    );
                    if nan == 0 { extremum } else { T::from_f64(f64::NAN) }
                },
            )
        },
        join_with_nan,
    )
}

/// A fold in whatever order: `f` is associative and commutative, at least nearly, and `start` neutral.
pub fn fold<T: Real>(x: &[T], start: T, f: impl Fn(T, T) -> T + Copy + Sync) -> T {
    reduce(
        x,
        move |x| {
            vectorize(
                #[inline(always)]
                move || block(x, start, |x| x, f),
            )
        },
        f,
    )
}

/// Whether `x` is larger than all that `best` was the largest of, NaN being larger than any number.
#[inline(always)]
pub fn is_larger<T: Real>(x: T, best: T) -> bool {
    ((x > best) | x.is_nan()) & !best.is_nan()
}

/// Whether `x` is smaller than all that `best` was the smallest of, NaN being smaller than any number.
#[inline(always)]
pub fn is_smaller<T: Real>(x: T, best: T) -> bool {
    ((x < best) | x.is_nan()) & !best.is_nan()
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
