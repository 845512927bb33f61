//! Elementary functions of `f32`.
//!
//! All but [`pow`] choose between values, never between branches, and use only operations that round alike everywhere:
//! a loop over them becomes vector instructions under [`vectorize`](super::vectorize), and gives the same bits with every
//! instruction set. There is no fused multiply-add: without the instruction, it would be a call. Polynomials are minimax
//! fits of the relative error (Remez exchange), with that error given beside them; the rest of a bound is rounding.
//!
//! NaN gives NaN. None of the constants is subnormal, and no result depends on subnormal numbers being kept, except where
//! the argument or the value itself is one.

use std::f32::consts::LOG2_E;

/// ln 2 in two parts: multiples of the first up to ±511 are exact.
const LN_2_HIGH: f32 = 0.693_145_75;
const LN_2_LOW: f32 = 1.428_606_8e-6;

/// 1.5 · 2²³: added to a number below 2²², it leaves the nearest integer in the lowest bits.
const ROUND: f32 = 12_582_912.0;

/// e to the power of x, to 1 unit in the last place.
///
/// x = n·ln 2 + r with |r| ≤ ½·ln 2, eˣ = 2ⁿ·eʳ, and eʳ = 1 + r + r²·p(r).
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // Beyond these, the value is infinite or rounds to 0: n stays in −150..=128.
    let x = if x > 89.0 { 89.0 } else { x };
    let x = if x < -104.0 { -104.0 } else { x };
    let rounded = x * LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    // 2^−28.3
    let p = 1.381_459_9e-3;
    let p = p * r + 8.368_717e-3;
    let p = p * r + 4.166_839e-2;
    let p = p * r + 1.666_652_1e-1;
    let p = p * r + 4.999_999_4e-1;
    let mantissa = (p * (r * r) + r) + 1.0;
    // 2ⁿ as two factors: alone it may be no normal number. Only the last product rounds.
    let n = (rounded.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let half = n >> 1;
    let power = |n: i32| f32::from_bits((n.wrapping_add(127) << 23) as u32);
    mantissa * power(half) * power(n.wrapping_sub(half))
}

/// Natural logarithm, to 1 unit in the last place; −∞ at ±0, NaN below.
///
/// x = 2ⁿ·(1 + f) with √½ ≤ 1 + f < √2, and with s = f / (2 + f): ln(1 + f) = f − s·(f − s²·p(s²)), evaluated so that
/// the largest term is added last.
#[inline(always)]
pub fn log(x: f32) -> f32 {
    const SQRT_HALF: i32 = 0x3F35_04F3;
    let subnormal = x < f32::MIN_POSITIVE;
    let bits = (if subnormal { x * 8_388_608.0 } else { x }).to_bits() as i32;
    let scaled = bits.wrapping_sub(SQRT_HALF);
    let n = (scaled >> 23) as f32 - if subnormal { 23.0 } else { 0.0 };
    let f = f32::from_bits(((scaled & 0x007F_FFFF) + SQRT_HALF) as u32) - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    // 2^−30.2
    let p = 2.987_442_3e-1;
    let p = p * z + 3.997_745e-1;
    let p = p * z + 6.666_677_6e-1;
    let half_square = 0.5 * f * f;
    let log = n * LN_2_HIGH + (f - (half_square - (s * (half_square + z * p) + n * LN_2_LOW)));
    let log = if x < f32::INFINITY { log } else { x }; // ∞ and NaN
    let log = if x < 0.0 { f32::NAN } else { log };
    if x == 0.0 { f32::NEG_INFINITY } else { log }
}

/// Hyperbolic tangent, to 2 units in the last place.
///
/// x + x³·p(x²) near 0, else 1 − 2 / (e^2x + 1).
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    let t = x.abs();
    let z = x * x;
    // 2^−27.8 up to 0.625
    let p = -5.717_042_4e-3;
    let p = p * z + 2.065_058_4e-2;
    let p = p * z + -5.374_349_7e-2;
    let p = p * z + 1.333_149_1e-1;
    let p = p * z + -3.333_328_4e-1;
    let small = x + x * (z * p);
    let large = 1.0 - 2.0 / (exp(t + t) + 1.0);
    let tanh = if t > 0.625 { large } else { small };
    tanh.copysign(x) // −0 too, whose cube is +0
}

/// Error function, to 2 units in the last place.
///
/// x + x·p(x²) near 0, else 1 − e^q(x).
#[inline(always)]
pub fn erf(x: f32) -> f32 {
    let t = x.abs();
    let z = x * x;
    // 2^−25.8 up to 0.93
    let p = -5.976_895e-4;
    let p = p * z + 4.990_980_5e-3;
    let p = p * z + -2.676_556_8e-2;
    let p = p * z + 1.128_180_3e-1;
    let p = p * z + -3.761_249_5e-1;
    let p = p * z + 1.283_791_5e-1;
    let small = x + x * p;
    // 2^−29.3 from 0.92 to 4, where the value rounds to 1
    let t = if t > 4.0 { 4.0 } else { t };
    let q = 1.959_371_9e-4;
    let q = q * t + -3.043_217e-3;
    let q = q * t + 2.222_691_8e-2;
    let q = q * t + -1.039_315_9e-1;
    let q = q * t + -6.371_822_4e-1;
    let q = q * t + -1.127_675_7;
    let q = q * t + -1.956_759_5e-4;
    let large = (1.0 - exp(q)).copysign(x);
    if t > 0.925 { large } else { small }
}

/// x to the power of y, to 1 unit in the last place, with the special cases of C's `powf`; too slow for a loop that knows
/// its exponent.
#[inline(always)]
pub fn pow(x: f32, y: f32) -> f32 {
    libm::pow(f64::from(x), f64::from(y)) as f32
}

#[cfg(test)]
mod tests;
