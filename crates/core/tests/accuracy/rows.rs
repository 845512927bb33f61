//! Functions of rows: softmax and its kin.

use crate::apply::{Operands, apply, on_every_isa, row_major};
use crate::numbers::{TINY, U, is_close, normal};

/// What summing n exponentials costs, in u.
fn sum_error(n: usize) -> f64 {
    26.0 + n as f64 / 256.0
}

/// Rows of every length to 130 and some long ones, of several ranges, some with −∞ and subnormal numbers among them.
fn rows() -> Vec<Vec<f32>> {
    let mut rows = Vec::new();
    for n in (1..=130).chain([255, 256, 257, 1000, 4099]) {
        for (k, scale) in [0.0, 1e-40, 1.0, 30.0, 1e4, 1e37].into_iter().enumerate() {
            let mut row = normal((n * 10 + k) as u64, n, scale);
            if n % 3 == 0 {
                row[n / 2] = f32::NEG_INFINITY;
            }
            rows.push(row);
        }
    }
    rows.push(vec![f32::MAX, -f32::MAX]);
    rows.push(vec![f32::NEG_INFINITY, f32::NEG_INFINITY, 1e38]);
    rows
}

/// The maximum, and ln Σ e^(x−max).
fn log_sum_exp(x: &[f32]) -> (f64, f64) {
    let max = x.iter().copied().fold(f32::NEG_INFINITY, f32::max).into();
    let sum: f64 = x.iter().map(|&x| libm::exp(f64::from(x) - max)).sum();
    (max, libm::log(sum))
}

fn on_row(name: &str, attributes: &str, x: &[f32], dy: Option<&[f32]>) -> (Vec<f32>, Vec<f32>) {
    apply(
        name,
        attributes,
        &Operands { floats: &[(x, row_major(&[1, x.len()]))], labels: None },
        x.len() % 16,
        dy,
    )
}

#[test]
fn softmax_is_exact_relative_to_each_probability() {
    on_every_isa(|isa| {
        for x in rows() {
            let (max, log_sum) = log_sum_exp(&x);
            let (y, _) = on_row("softmax", "{}", &x, None);
            for (&x_i, y) in x.iter().zip(y) {
                let below = f64::from(x_i) - max;
                let exact = libm::exp(below - log_sum);
                let distance = if below > -200.0 { -below } else { 0.0 };
                // A rounded difference is off by u times itself, the power relatively by as much.
                let allowed = exact * (distance + sum_error(x.len())) * U + 2.0 * TINY;
                assert!(is_close(y, exact, allowed), "{y:e} for {exact:e}, {} numbers, {isa:?}", x.len());
            }
        }
    });
}

#[test]
fn logarithms_of_sums_are_exact_relative_to_their_parts() {
    on_every_isa(|isa| {
        for x in rows() {
            let n = x.len();
            let (max, log_sum) = log_sum_exp(&x);
            let common = (log_sum + sum_error(n)) * U;

            let (y, _) = on_row("logSumExp", r#"{"dims": [1]}"#, &x, None);
            let allowed = common + (max + log_sum).abs() * U;
            assert!(is_close(y[0], max + log_sum, allowed), "logSumExp of {n} numbers is {}, {isa:?}", y[0]);

            let (y, _) = on_row("logSoftmax", "{}", &x, None);
            for (i, &y) in y.iter().enumerate() {
                let below = f64::from(x[i]) - max;
                let exact = below - log_sum;
                let allowed = common + (below.abs() + exact.abs()) * U;
                assert!(
                    is_close(y, exact, allowed),
                    "logSoftmax: {y:e} for {exact:e} of {n} numbers, {isa:?}"
                );
                if i < 3 {
                    let (loss, dx) = cross_entropy(&x, i);
                    assert!(is_close(loss, -exact, allowed), "crossEntropy of {n} numbers, {isa:?}");
                    for (j, &dx) in dx.iter().enumerate() {
                        let below = f64::from(x[j]) - max;
                        let p = libm::exp(below - log_sum);
                        let exact = p - f64::from(u8::from(i == j));
                        let distance = if below > -200.0 { -below } else { 0.0 };
                        let allowed = p * (distance + sum_error(n)) * U + exact.abs() * U + 2.0 * TINY;
                        assert!(is_close(dx, exact, allowed), "crossEntropy: {dx:e} for {exact:e}, {isa:?}");
                    }
                }
            }
        }
    });
}

/// Loss and gradient of one row.
fn cross_entropy(x: &[f32], label: usize) -> (f32, Vec<f32>) {
    let labels = [label as i32];
    let operands = Operands { floats: &[(x, row_major(&[1, x.len()]))], labels: Some(&labels) };
    let (y, dx) = apply("crossEntropy", "{}", &operands, x.len() % 16, Some(&[1.0]));
    (y[0], dx)
}

#[test]
fn gradients_of_softmax_are_exact_relative_to_their_sums() {
    on_every_isa(|isa| {
        for x in rows() {
            let n = x.len();
            let g = normal(n as u64, n, 1.0);
            let (y, dx) = on_row("softmax", "{}", &x, Some(&g));
            let product = |i: usize| f64::from(y[i]) * f64::from(g[i]);
            let mean: f64 = (0..n).map(product).sum();
            let scale: f64 = (0..n).map(|i| product(i).abs()).sum();
            for i in 0..n {
                let exact = f64::from(y[i]) * (f64::from(g[i]) - mean);
                let allowed =
                    f64::from(y[i]) * (sum_error(n) * scale + 2.0 * f64::from(g[i]).abs()) * U + 2.0 * TINY;
                assert!(is_close(dx[i], exact, allowed), "{:e} for {exact:e} of {n} numbers, {isa:?}", dx[i]);
            }
        }
    });
}

#[test]
fn what_has_no_value_is_nan() {
    let inf = f32::INFINITY;
    on_every_isa(|isa| {
        for n in [2, 3, 16, 17, 130, 300] {
            for at in [0, n / 2, n - 1] {
                for special in [f32::NAN, -f32::NAN, inf] {
                    let mut x = normal(7, n, 1.0);
                    x[at] = special;
                    for name in ["softmax", "logSoftmax"] {
                        let (y, _) = on_row(name, "{}", &x, None);
                        assert!(
                            y.iter().all(|y| y.is_nan()),
                            "{name} with {special} at {at} of {n}, {isa:?}: {y:?}"
                        );
                    }
                    let (loss, dx) = cross_entropy(&x, (at + 1) % n);
                    assert!(
                        loss.is_nan() && dx.iter().all(|dx| dx.is_nan()),
                        "{special} at {at} of {n}, {isa:?}"
                    );
                    let (y, _) = on_row("logSumExp", r#"{"dims": [1]}"#, &x, None);
                    assert!(y[0] == special || y[0].is_nan() && special.is_nan(), "{special} at {at} of {n}");
                }
            }
            let nothing = vec![-inf; n];
            assert!(on_row("softmax", "{}", &nothing, None).0.iter().all(|y| y.is_nan()));
            assert_eq!(on_row("logSumExp", r#"{"dims": [1]}"#, &nothing, None).0, [-inf]);
        }
    });
}
