//! Sums and what is made of them, over rows and over columns.

use ferrograd_core::kernels::columns::column_sums;
use ferrograd_core::kernels::{Mode, reduce};

use crate::apply::{Operands, Unaligned, apply, on_every_isa, row_major};
use crate::numbers::{TINY, U, is_close, nasty, normal};

/// What adding n numbers costs, in u, relative to the sum of their magnitudes.
fn row_error(n: usize) -> f64 {
    12.0 + (n.max(1) as f64).log2().ceil()
}

fn column_error(rows: usize) -> f64 {
    17.0 + (rows.max(1) as f64).log2().ceil()
}

/// Lengths at which something changes: all short ones, and around blocks and pieces.
fn lengths() -> impl Iterator<Item = usize> {
    (0..=130).chain([511, 512, 513, 1024, 1025, 5000, 32_767, 32_768, 32_769, 100_003])
}

/// Ordinary numbers, numbers that cancel, that differ by many orders of magnitude, subnormal ones, and huge ones.
fn rows(n: usize) -> Vec<Vec<f32>> {
    let plain = normal(n as u64, n, 1.0);
    let spread = plain.iter().enumerate().map(|(i, x)| x * 10f32.powi(i as i32 * 7 % 60 - 30)).collect();
    let far = plain.iter().map(|x| x + 1000.0).collect();
    let cancelling = (0..n).map(|i| if i % 2 == 0 { plain[i] } else { -plain[i - 1] }).collect();
    let [small, huge] = [1e-41, 1e30].map(|scale| normal(n as u64 + 1, n, scale));
    vec![plain, spread, far, cancelling, small, huge]
}

fn sum(x: &[f32]) -> f64 {
    x.iter().copied().map(f64::from).sum()
}

fn magnitude(x: &[f32]) -> f64 {
    x.iter().map(|x| f64::from(x.abs())).sum()
}

#[test]
fn sums_and_means_are_pairwise() {
    on_every_isa(|isa| {
        for (n, x) in lengths().flat_map(|n| rows(n).into_iter().map(move |x| (n, x))) {
            let x = Unaligned::new(&x, n % 16);
            let x = x.numbers();
            let allowed = row_error(n) * U * magnitude(x);
            assert!(is_close(reduce::sum(x), sum(x), allowed), "sum of {n}, {isa:?}");
            let (mean, exact) = (reduce::mean(x), sum(x) / n as f64);
            let allowed = allowed / n as f64 + exact.abs() * U + TINY;
            assert!(is_close(mean, exact, allowed), "mean of {n}, {isa:?}");
        }
    });
}

#[test]
fn a_million_numbers_are_summed_to_some_ulps() {
    let tenths = vec![0.1f32; 1_000_000];
    let uniform: Vec<f32> = normal(3, 1_000_000, 1.0).into_iter().map(f32::abs).collect();
    on_every_isa(|isa| {
        for x in [&tenths, &uniform] {
            let error = (f64::from(reduce::sum(x)) - sum(x)).abs() / magnitude(x) / U;
            assert!(error <= 8.0, "{error} u, {isa:?}");
        }
    });
}

#[test]
fn variances_are_taken_in_two_passes() {
    on_every_isa(|isa| {
        for (n, x) in lengths().skip(2).flat_map(|n| rows(n).into_iter().map(move |x| (n, x))) {
            let (y, _) = apply(
                "var",
                "{}",
                &Operands { floats: &[(&x, row_major(&[n]))], labels: None },
                n % 16,
                None,
            );
            let mean = sum(&x) / n as f64;
            let exact = x.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / (n - 1) as f64;
            if exact * n as f64 > 1e37 {
                continue; // the squares overflow, as PyTorch's do
            }
            // An error of the mean adds its square; differences from it are rounded, relatively and where they cancel.
            let mean_error = row_error(n) * U * magnitude(&x) / n as f64;
            let allowed = exact * (row_error(n) + 6.0) * U + 2.0 * mean_error.powi(2) + TINY * n as f64;
            assert!(is_close(y[0], exact, allowed), "var of {n} is {}, {exact}, {isa:?}", y[0]);
            let columns: Vec<f32> = x.iter().zip(x.iter().rev()).flat_map(|(&a, &b)| [a, b]).collect();
            let matrix = (&columns[..], row_major(&[n, 2]));
            let operands = Operands { floats: &[matrix], labels: None };
            for y in apply("var", r#"{"dims": [0]}"#, &operands, n % 16, None).0 {
                assert!(is_close(y, exact, allowed), "var of a column of {n} is {y}, {exact}, {isa:?}");
            }
        }
    });
}

#[test]
fn columns_are_summed_pairwise() {
    on_every_isa(|isa| {
        for columns in (0..=130).chain([511, 512, 513, 1025]) {
            for rows in [0, 1, 2, 3, 4, 5, 63, 64, 65, 131, 300] {
                let x =
                    Unaligned::new(&normal((rows * 200 + columns) as u64, rows * columns, 1.0), columns % 16);
                let before = normal(columns as u64, columns, 1.0);
                for mode in [Mode::Write, Mode::Add] {
                    let mut y = Unaligned::new(&before, rows % 16);
                    column_sums(x.numbers(), y.numbers_mut(), mode);
                    y.check();
                    for (j, &y) in y.numbers().iter().enumerate() {
                        let column: Vec<f32> = (0..rows).map(|i| x.numbers()[i * columns + j]).collect();
                        let start = if mode == Mode::Add { f64::from(before[j]) } else { 0.0 };
                        let exact = start + sum(&column);
                        let allowed = column_error(rows) * U * magnitude(&column) + exact.abs() * U;
                        assert!(is_close(y, exact, allowed), "column {j} of {rows} × {columns}, {isa:?}");
                    }
                }
            }
        }
    });
}

#[test]
fn a_million_rows_are_summed_to_some_ulps() {
    let rows = 1_000_000;
    let x: Vec<f32> = normal(5, 3 * rows, 1.0).into_iter().map(f32::abs).collect();
    let exact: Vec<f64> = (0..3).map(|j| x.iter().skip(j).step_by(3).copied().map(f64::from).sum()).collect();
    on_every_isa(|isa| {
        let mut y = [f32::NAN; 3];
        column_sums(&x, &mut y, Mode::Write);
        for (y, exact) in y.iter().zip(&exact) {
            let error = (f64::from(*y) - exact).abs() / exact / U;
            assert!(error <= 8.0, "{error} u, {isa:?}");
        }
    });
}

#[test]
fn extremes_are_exact_and_know_nan() {
    on_every_isa(|isa| {
        for n in lengths().skip(1) {
            let mut x = normal(n as u64, n, 1e20);
            let mut sorted = x.clone();
            sorted.sort_by(f32::total_cmp);
            assert_eq!((reduce::max(&x), reduce::min(&x)), (sorted[n - 1], sorted[0]), "{n}, {isa:?}");
            let at = |value: f32| x.iter().position(|&x| x == value);
            assert_eq!(Some(reduce::argmax(&x)), at(sorted[n - 1]), "{n}, {isa:?}");
            assert_eq!(Some(reduce::argmin(&x)), at(sorted[0]), "{n}, {isa:?}");
            let nan = n * 7 / 11;
            x[nan] = f32::NAN;
            assert!(reduce::max(&x).is_nan() && reduce::min(&x).is_nan(), "{n}, {isa:?}");
            assert_eq!((reduce::argmax(&x), reduce::argmin(&x)), (nan, nan), "{n}, {isa:?}");
        }
    });
}

#[test]
fn infinities_and_nan_reach_every_sum() {
    let inf = f32::INFINITY;
    on_every_isa(|isa| {
        for n in [2, 3, 16, 17, 65, 130, 600, 40_000] {
            for special in nasty().into_iter().filter(|x| !x.is_finite()) {
                let mut x = normal(9, n, 1.0);
                x[n - 2] = special;
                let found = reduce::sum(&x);
                assert!(found == special || found.is_nan() && special.is_nan(), "{special} in {n}, {isa:?}");
                x[0] = inf;
                x[n - 1] = -inf;
                assert!(reduce::sum(&x).is_nan(), "∞ − ∞ in {n}, {isa:?}");
                let mut y = [0.0; 2];
                column_sums(&x[..n / 2 * 2], &mut y, Mode::Write);
                assert!(!y[0].is_finite(), "{n}, {isa:?}");
            }
        }
    });
}
