//! Choosing between two operands, element by element.

use crate::kernels::elementwise::Strided;
use crate::kernels::isa::vectorize_narrow;
use crate::kernels::strided::Walk;

/// `y[i] = f(y[i], if c[i] ≠ 0 { a[i] } else { b[i] })` for `c`, `a` and `b` strided, read along the row-major `y` of
/// shape `shape`.
pub fn select<C: Copy + Default + PartialEq + Sync, X: Copy + Send + Sync>(
    (c, c_strides): Strided<'_, C>,
    (a, a_strides): Strided<'_, X>,
    (b, b_strides): Strided<'_, X>,
    shape: &[usize],
    y: &mut [X],
    f: impl Fn(X, X) -> X + Copy + Sync,
) {
    let walk = Walk::new(shape, [c_strides, a_strides, b_strides]);
    let steps = walk.steps();
    walk.fill(y, |_, y, [i, j, k]| {
        let n = y.len();
        // What broadcasting makes is worth loops of its own: everything along, and one or both choices constant.
        match steps {
            [1, 1, 1] => {
                let (c, a, b) = (&c[i..][..n], &a[j..][..n], &b[k..][..n]);
                run(y, f, move |i| c[i], move |i| a[i], move |i| b[i]);
            }
            [1, 1, 0] => {
                let (c, a, b) = (&c[i..][..n], &a[j..][..n], b[k]);
                run(y, f, move |i| c[i], move |i| a[i], move |_| b);
            }
            [1, 0, 1] => {
                let (c, a, b) = (&c[i..][..n], a[j], &b[k..][..n]);
                run(y, f, move |i| c[i], move |_| a, move |i| b[i]);
            }
            [1, 0, 0] => {
                let (c, a, b) = (&c[i..][..n], a[j], b[k]);
                run(y, f, move |i| c[i], move |_| a, move |_| b);
            }
            [s, t, u] => {
                run(y, f, move |n| c[i + n * s], move |n| a[j + n * t], move |n| b[k + n * u]);
            }
        }
    });
}

/// As [`select`], by one loop for all strides: for what is seldom chosen by.
pub fn select_seldom<C: Copy + Default + PartialEq + Sync, X: Copy + Send + Sync>(
    (c, c_strides): Strided<'_, C>,
    (a, a_strides): Strided<'_, X>,
    (b, b_strides): Strided<'_, X>,
    shape: &[usize],
    y: &mut [X],
    f: impl Fn(X, X) -> X + Copy + Sync,
) {
    let walk = Walk::new(shape, [c_strides, a_strides, b_strides]);
    let [s, t, u] = walk.steps();
    walk.fill(y, |_, y, [i, j, k]| {
        for (n, y) in y.iter_mut().enumerate() {
            let chosen = if c[i + n * s] != C::default() { a[j + n * t] } else { b[k + n * u] };
            *y = f(*y, chosen);
        }
    });
}

#[inline(always)]
fn run<C: Copy + Default + PartialEq, X: Copy>(
    y: &mut [X],
    f: impl Fn(X, X) -> X,
    c: impl Fn(usize) -> C,
    a: impl Fn(usize) -> X,
    b: impl Fn(usize) -> X,
) {
    vectorize_narrow(
        #[inline(always)]
        move || {
            for (i, y) in y.iter_mut().enumerate() {
                let (a, b) = (a(i), b(i)); // both are read, so that the choice is no branch
                *y = f(*y, if c(i) != C::default() { a } else { b });
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_step_agrees_with_a_plain_loop() {
        let c: Vec<u8> = (0..12).map(|i| u8::from(i % 3 == 0)).collect();
        let a: Vec<i32> = (0..12).collect();
        let b: Vec<i32> = (0..12).map(|i| -i).collect();
        let steps: [&[usize]; 4] = [&[4, 1], &[0, 1], &[0, 0], &[1, 3]];
        for s in steps {
            for t in steps {
                for u in steps {
                    let mut y = vec![100; 12];
                    select((&c, s), (&a, t), (&b, u), &[3, 4], &mut y, |old, new| old + new);
                    let mut again = vec![100; 12];
                    select_seldom((&c, s), (&a, t), (&b, u), &[3, 4], &mut again, |old, new| old + new);
                    assert_eq!(again, y);
                    for (i, y) in y.into_iter().enumerate() {
                        let at = |steps: &[usize]| i / 4 * steps[0] + i % 4 * steps[1];
                        let chosen = if c[at(s)] != 0 { a[at(t)] } else { b[at(u)] };
                        assert_eq!(y, 100 + chosen, "{s:?} {t:?} {u:?}");
                    }
                }
            }
        }
    }
}
