//! Loops over contiguous operands, on all threads, vectorised for the instruction set in use.

use crate::kernels::Mode;
use crate::kernels::isa::{vectorize, vectorize_narrow};
use crate::kernels::parallel::chunks_mut;
use crate::kernels::strided::{GRAIN, Walk};
use crate::real::Real;

/// `y[i] = f(i, y[i])`. The body indexes slices cut to the length of `y`: LLVM then drops the bounds checks. Every
/// closure on the way takes what it uses by value: were it behind a reference, each store to `y` might change it, and the
/// loop would stay scalar.
#[inline(always)]
fn run<Y: Copy>(y: &mut [Y], f: impl Fn(usize, Y) -> Y) {
    vectorize(
        #[inline(always)]
        move || {
            for (i, y) in y.iter_mut().enumerate() {
                *y = f(i, *y);
            }
        },
    );
}

/// As [`run`], with vectors of at most 256 bits: for the many loops of a few instructions, which wait for memory; as wide
/// as can be, they would only make the binary larger.
#[inline(always)]
fn run_narrow<Y: Copy>(y: &mut [Y], f: impl Fn(usize, Y) -> Y) {
    vectorize_narrow(
        #[inline(always)]
        move || {
            for (i, y) in y.iter_mut().enumerate() {
                *y = f(i, *y);
            }
        },
    );
}

/// The elements at `i`.
#[inline(always)]
pub(super) fn at<X: Copy, const N: usize>(x: &[&[X]; N], i: usize) -> [X; N] {
    std::array::from_fn(
        #[inline(always)]
        |n| x[n][i],
    )
}

/// `y[i] = f([x₀[i], x₁[i], …])`, every operand contiguous.
pub fn map<X: Copy + Sync, Y: Copy + Send, const N: usize>(
    x: [&[X]; N],
    y: &mut [Y],
    f: impl Fn([X; N]) -> Y + Copy + Sync,
) {
    update(
        x,
        y,
        #[inline(always)]
        move |_, x| f(x),
    );
}

/// `y[i] = f(y[i], [x₀[i], x₁[i], …])`, every operand contiguous.
pub fn update<X: Copy + Sync, Y: Copy + Send, const N: usize>(
    x: [&[X]; N],
    y: &mut [Y],
    f: impl Fn(Y, [X; N]) -> Y + Copy + Sync,
) {
    chunks_mut(y, GRAIN, |first, y| {
        let x = x.map(|x| &x[first..][..y.len()]);
        run(
            y,
            #[inline(always)]
            move |i, y| f(y, at(&x, i)),
        );
    });
}

/// As [`map`], but adding to `y` where `mode` says so.
pub fn map_into<T: Real, const N: usize>(
    x: [&[T]; N],
    y: &mut [T],
    mode: Mode,
    f: impl Fn([T; N]) -> T + Copy + Sync,
) {
    match mode {
        Mode::Write => map(x, y, f),
        Mode::Add => update(
            x,
            y,
            #[inline(always)]
            move |y, x| y + f(x),
        ),
    }
}

/// A strided operand: its elements from the first on, and its strides.
pub type Strided<'a, X> = (&'a [X], &'a [usize]);

/// `y[i] = f(y[i], a[i], [z₀[i], …])` for `a` strided, read along the row-major `y` and `z`, which have shape `shape`.
pub fn along<X: Copy + Sync, Y: Copy + Send + Sync, const N: usize>(
    (a, a_strides): Strided<'_, X>,
    z: [&[Y]; N],
    shape: &[usize],
    y: &mut [Y],
    f: impl Fn(Y, X, [Y; N]) -> Y + Copy + Sync,
) {
    let walk = Walk::new(shape, [a_strides]);
    let [step] = walk.steps();
    walk.fill(y, |first, y, [start]| {
        let n = y.len();
        let z = z.map(|z| &z[first..][..n]);
        if step == 1 {
            let a = &a[start..][..n];
            run_narrow(
                y,
                #[inline(always)]
                move |k, y| f(y, a[k], at(&z, k)),
            );
        } else {
            for (k, y) in y.iter_mut().enumerate() {
                *y = f(*y, a[start + k * step], at(&z, k));
            }
        }
    });
}

/// `y[i] = f(y[i], a[i], b[i], [z₀[i], …])` for `a` and `b` strided, read along the row-major `y` and `z`, which have
/// shape `shape`. Steps of 1 and 0, which is what broadcasting makes, have loops of their own.
pub fn zip<X: Copy + Sync, Y: Copy + Send + Sync, const N: usize>(
    (a, a_strides): Strided<'_, X>,
    (b, b_strides): Strided<'_, X>,
    z: [&[Y]; N],
    shape: &[usize],
    y: &mut [Y],
    f: impl Fn(Y, X, X, [Y; N]) -> Y + Copy + Sync,
) {
    let walk = Walk::new(shape, [a_strides, b_strides]);
    let steps = walk.steps();
    walk.fill(y, |first, y, [i, j]| {
        let n = y.len();
        let z = z.map(|z| &z[first..][..n]);
        match steps {
            [1, 1] => {
                let (a, b) = (&a[i..][..n], &b[j..][..n]);
                run_narrow(
                    y,
                    #[inline(always)]
                    move |k, y| f(y, a[k], b[k], at(&z, k)),
                );
            }
            [1, 0] => {
                let (a, b) = (&a[i..][..n], b[j]);
                run_narrow(
                    y,
                    #[inline(always)]
                    move |k, y| f(y, a[k], b, at(&z, k)),
                );
            }
            [0, 1] => {
                let (a, b) = (a[i], &b[j..][..n]);
                run_narrow(
                    y,
                    #[inline(always)]
                    move |k, y| f(y, a, b[k], at(&z, k)),
                );
            }
            [s, t] => {
                for (k, y) in y.iter_mut().enumerate() {
                    *y = f(*y, a[i + k * s], b[j + k * t], at(&z, k));
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn map_and_zip_agree_with_plain_loops() {
        let a: Vec<f32> = (0..40_000).map(|i| i as f32).collect();
        let mut y = vec![1.0f32; a.len()];
        map_into([&a, &a], &mut y, Mode::Add, |[a, b]| a * b);
        assert!(y.iter().zip(&a).all(|(&y, &a)| y == 1.0 + a * a));

        let mut y = vec![0.0f32; 200 * 200];
        zip((&a, &[200, 1]), (&a, &[0, 1]), [], &[200, 200], &mut y, |_, a, b, []| a - b);
        assert!((0..40_000).all(|i| y[i] == a[i] - a[i % 200]));
        zip((&a, &[1, 200]), (&a, &[1, 0]), [], &[200, 200], &mut y, |_, a, b, []| a - b);
        assert!((0..40_000).all(|i| y[i] == a[i % 200 * 200 + i / 200] - a[i / 200]));
    }
}
