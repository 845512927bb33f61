use super::{exp, exp_up_to_40, log, normal_distribution, pow, tanh};
use crate::kernels::isa::{Isa, available, vectorize, with_isa};
use crate::rng::Rng;

/// Every `step`-th of all 2³² numbers, NaNs and infinities among them.
fn sweep(step: usize) -> impl Iterator<Item = f32> {
    (0..=u32::MAX).step_by(if cfg!(miri) { step * 4099 } else { step }).map(f32::from_bits)
}

/// The distance from `found` to the exact value in units of the last place of the nearest `f32`.
fn ulps(found: f32, exact: f64) -> f64 {
    let nearest = exact as f32;
    if found == nearest || found.is_nan() && nearest.is_nan() {
        return 0.0;
    }
    if !(found.is_finite() && nearest.is_finite()) {
        return f64::INFINITY;
    }
    let exponent = (nearest.to_bits() >> 23 & 0xFF).max(1) as i32 - 127 - 23;
    (f64::from(found) - exact).abs() / 2f64.powi(exponent)
}

fn largest_error(function: fn(f32) -> f32, exact: fn(f64) -> f64) -> (f64, f32) {
    let error = |x: f32| (ulps(function(x), exact(f64::from(x))), x);
    sweep(977).map(error).fold((0.0, 0.0), |worst, error| if error.0 > worst.0 { error } else { worst })
}

#[test]
fn errors_are_within_the_documented_bounds() {
    for (name, function, exact, bound) in [
        ("exp", exp as fn(f32) -> f32, libm::exp as fn(f64) -> f64, 1.0),
        ("log", log, libm::log, 1.0),
        ("tanh", tanh, libm::tanh, 2.0),
    ] {
        let (error, x) = largest_error(function, exact);
        println!("{name}: {error:.3} ulp at {x:e}");
        assert!(error <= bound, "{name}({x:e}) is {error} ulp off");
    }
}

#[test]
fn the_normal_distribution_is_exact_relative_to_1() {
    for x in sweep(977).filter(|x| !x.is_nan()) {
        let found = normal_distribution(x);
        let exact = 0.5 * libm::erfc(f64::from(-x) * std::f64::consts::FRAC_1_SQRT_2);
        let error = (f64::from(found) - exact).abs() / f64::from(f32::EPSILON / 2.0);
        assert!(error <= 3.5, "Φ({x:e}) is {found:e}, expected {exact:e}: {error} u");
        assert!((0.0..=1.0).contains(&found), "Φ({x:e}) is {found:e}");
    }
}

#[test]
fn numbers_up_to_40_have_the_same_exponential() {
    for x in sweep(977).filter(|&x| x <= 40.0).chain([f32::NEG_INFINITY, -104.1, -0.0, 40.0]) {
        assert_eq!(exp_up_to_40(x).to_bits(), exp(x).to_bits(), "{x:e}");
    }
    assert!(exp_up_to_40(f32::NAN).is_nan());
}

#[test]
fn special_values() {
    let inf = f32::INFINITY;
    for function in [exp, log, tanh, normal_distribution] {
        assert!(function(f32::NAN).is_nan());
        assert!(function(-f32::NAN).is_nan());
    }
    assert_eq!([exp(0.0), exp(-0.0), exp(inf), exp(-inf)], [1.0, 1.0, inf, 0.0]);
    assert_eq!([exp(88.73), exp(-104.1), exp(f32::MAX), exp(f32::MIN)], [inf, 0.0, inf, 0.0]);
    assert_eq!(exp(-103.2), 1e-45); // the smallest number there is
    assert_eq!([log(1.0), log(inf), log(0.0), log(-0.0)], [0.0, inf, -inf, -inf]);
    assert!(log(-1.0).is_nan() && log(-inf).is_nan() && log(-1e-45).is_nan());
    assert_eq!(log(1e-45), -103.278_93);
    assert_eq!([tanh(inf), tanh(-inf), tanh(20.0), tanh(-20.0)], [1.0, -1.0, 1.0, -1.0]);
    assert_eq!([tanh(0.0), tanh(-0.0)].map(f32::to_bits), [0.0f32, -0.0].map(f32::to_bits));
    assert_eq!([inf, 5.45, 0.0, -0.0, -5.45, -inf].map(normal_distribution), [1.0, 1.0, 0.5, 0.5, 0.0, 0.0]);
    assert_eq!(tanh(1e-45), 1e-45);
}

/// Pairs whose powers are finite, subnormal, zero or infinite, and everything special.
fn pairs() -> Vec<(f32, f32)> {
    let mut rng = Rng::new(1, 0);
    let mut pairs: Vec<(f32, f32)> = (0..if cfg!(miri) { 100 } else { 1_000_000 })
        .map(|_| {
            let x = f32::from_bits(rng.next_u32()).abs();
            let log2 = libm::log2(f64::from(x));
            let y = (f64::from(rng.uniform()) * 310.0 - 155.0) / log2;
            (x, y as f32)
        })
        .collect();
    let magnitudes = [
        0.0,
        1e-45,
        1e-40,
        f32::MIN_POSITIVE,
        1e-10,
        0.5,
        0.75,
        1.0 - f32::EPSILON / 2.0,
        1.0,
        1.0 + f32::EPSILON,
        1.5,
        2.0,
        2.5,
        3.0,
        7.0,
        8_388_607.0,
        8_388_607.5,
        8_388_608.0,
        8_388_609.0,
        16_777_215.0,
        16_777_216.0,
        1e20,
        f32::MAX,
        f32::INFINITY,
        f32::NAN,
    ];
    let special: Vec<f32> = magnitudes.into_iter().flat_map(|x| [x, -x]).collect();
    pairs.extend(special.iter().flat_map(|&x| special.iter().map(move |&y| (x, y))));
    pairs
}

#[test]
fn pow_agrees_with_double_precision_everywhere() {
    let mut inexact = 0;
    let pairs = pairs();
    for &(x, y) in &pairs {
        let (found, exact) = (pow(x, y), libm::pow(f64::from(x), f64::from(y)));
        let error = ulps(found, exact);
        assert!(error <= 0.51, "{x:e} to the power of {y:e} is {found:e}, expected {exact:e}: {error} ulp");
        assert!(
            found.is_nan() || found.is_sign_negative() == exact.is_sign_negative(),
            "{x:e} to the power of {y:e}"
        );
        inexact += usize::from(error > 0.0);
    }
    assert!(inexact < pairs.len() / 1000, "{inexact} of {} are not correctly rounded", pairs.len());
}

#[test]
fn pow_knows_the_cases_of_c() {
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    for (x, y, expected) in [
        (nan, 0.0, 1.0),
        (1.0, nan, 1.0),
        (-1.0, inf, 1.0),
        (0.0, -1.0, inf),
        (-0.0, -1.0, -inf),
        (-0.0, -2.0, inf),
        (-0.0, 3.0, -0.0),
        (-2.0, 3.0, -8.0),
        (-2.0, -2.0, 0.25),
        (0.5, inf, 0.0),
        (2.0, -inf, 0.0),
        (-inf, 3.0, -inf),
        (-inf, -3.0, -0.0),
        (inf, -0.5, 0.0),
        (10.0, 39.0, inf),
        (-10.0, 39.0, -inf),
        (10.0, -46.0, 0.0),
        (2.0, -149.0, 1e-45),
    ] {
        assert_eq!(pow(x, y).to_bits(), f32::to_bits(expected), "{x} to the power of {y}");
    }
    for (x, y) in [(nan, 1.0), (2.0, nan), (-2.0, 0.5), (-1e-3, 1e-3)] {
        assert!(pow(x, y).is_nan(), "{x} to the power of {y}");
    }
}

#[inline(always)]
fn square_root_and_more(x: f32) -> f32 {
    pow(x, 0.5 + x.abs() * 1e-9)
}

#[test]
fn every_instruction_set_gives_the_same_bits() {
    let x: Vec<f32> = sweep(40_009).collect();
    macro_rules! check {
        ($($function:path),*) => {$(
            let run = |isa| {
                let mut y = vec![0.0; x.len()];
                with_isa(isa, || {
                    vectorize(
                        #[inline(always)]
                        || {
                            for (y, &x) in y.iter_mut().zip(&x) {
                                *y = $function(x);
                            }
                        },
                    );
                });
                // The payload and sign of a NaN are nobody's business.
                y.into_iter().map(|y| if y.is_nan() { f32::NAN.to_bits() } else { y.to_bits() }).collect::<Vec<_>>()
            };
            let portable = run(Isa::Portable);
            for isa in available() {
                assert!(run(isa) == portable, "{}: {} differs", stringify!($function), isa.name());
            }
        )*};
    }
    check!(exp, exp_up_to_40, log, tanh, normal_distribution, square_root_and_more);
}
