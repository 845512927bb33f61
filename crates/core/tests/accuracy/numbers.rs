//! Numbers to compute with, and how far off a result is.

use ferrograd_core::rng::Rng;

/// u: half a unit in the last place of 1.
pub const U: f64 = f32::EPSILON as f64 / 2.0;

/// Half the smallest number: what rounding to a subnormal number may cost.
pub const TINY: f64 = 7.1e-46;

/// Numbers at which something changes: zeros, subnormal and huge ones, where functions saturate, infinities, NaN.
pub fn nasty() -> Vec<f32> {
    let magnitudes = [
        0.0,
        1e-45,
        1e-40,
        1.175_494_2e-38,
        f32::MIN_POSITIVE,
        1e-30,
        1e-7,
        0.3,
        0.5,
        std::f32::consts::FRAC_1_SQRT_2,
        1.0 - f32::EPSILON / 2.0,
        1.0,
        1.0 + f32::EPSILON,
        1.5,
        2.0,
        std::f32::consts::PI,
        4.0,
        10.0,
        17.0,
        87.4,
        88.8,
        104.0,
        8_388_607.5,
        8_388_609.0,
        1e10,
        1e20,
        f32::MAX,
        f32::INFINITY,
        f32::NAN,
    ];
    magnitudes.into_iter().flat_map(|x| [x, -x]).collect()
}

/// The nasty numbers, numbers with random bits, and such as networks have.
pub fn numbers(seed: u64, n: usize) -> Vec<f32> {
    let mut rng = Rng::new(seed, 0);
    let mut numbers = nasty();
    numbers.extend((0..n).map(|_| f32::from_bits(rng.next_u32())));
    numbers.extend(normal(seed + 1, n, 3.0));
    numbers
}

/// Normally distributed numbers.
pub fn normal(seed: u64, n: usize, scale: f64) -> Vec<f32> {
    let mut rng = Rng::new(seed, 0);
    (0..n).map(|_| (rng.normal() * scale) as f32).collect()
}

/// The distance from `found` to the exact value in units of the last place of the nearest `f32`; infinite where one is
/// NaN or infinite and the other is not, or zeros differ in sign.
pub fn ulps(found: f32, exact: f64) -> f64 {
    let nearest = exact as f32;
    if found.to_bits() == nearest.to_bits() || found.is_nan() && nearest.is_nan() {
        return 0.0;
    }
    let wrong_zero = found == 0.0 && exact == 0.0;
    if wrong_zero || !(found.is_finite() && nearest.is_finite()) {
        return f64::INFINITY;
    }
    let exponent = (nearest.to_bits() >> 23 & 0xFF).max(1) as i32 - 127 - 23;
    (f64::from(found) - exact).abs() / 2f64.powi(exponent)
}

/// Whether `found` is no farther from `exact` than allowed; where `exact` is beyond the finite numbers, so must it be.
pub fn is_close(found: f32, exact: f64, allowed: f64) -> bool {
    let nearest = exact as f32;
    match nearest.is_finite() {
        true => (f64::from(found) - exact).abs() <= allowed,
        false => found == nearest || found.is_nan() && nearest.is_nan(),
    }
}
