//! Elementary functions of `f32`.
//!
//! They choose between values, never between branches, and use only operations that round alike everywhere: a loop over them becomes vector instructions under [`vectorize`](super::vectorize), and gives the same bits with every
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
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // Beyond this, the value is infinite: n stays below 129.
    let x = if x > 89.0 { 89.0 } else { x };
    let (shift, back) = if x > 0.0 { (-SHIFT, TWO_TO_SHIFT) } else { (SHIFT, 1.0 / TWO_TO_SHIFT) };
    exp_shifted(x, shift, back)
}

/// As [`exp`], with the same bits, for x up to 40: there are fewer steps, as no value is too large.
#[inline(always)]
pub fn exp_up_to_40(x: f32) -> f32 {
    exp_shifted(x, SHIFT, 1.0 / TWO_TO_SHIFT)
}

/// Odd, so that rounding to the nearest integer, which prefers even sums, prefers even integers.
const SHIFT: f32 = 65.0;
const TWO_TO_SHIFT: f32 = 36_893_488_147_419_103_232.0;

/// e to the power of x = n·ln 2 + r with |r| ≤ ½·ln 2: eˣ = 2ⁿ·eʳ, and eʳ = 1 + r + r²·p(r).
///
/// 2ⁿ alone may be no normal number, so it is 2^(n + shift) · 2^−shift, and the second factor is `back`: only the last
/// product rounds.
#[inline(always)]
fn exp_shifted(x: f32, shift: f32, back: f32) -> f32 {
    // Below this, the value rounds to 0: n stays above −151.
    let x = if x < -104.0 { -104.0 } else { x };
    // Not only n is in the lowest bits, but the exponent's bits of 2^(n + shift).
    let round = ROUND + 127.0 + shift;
    let rounded = x * LOG2_E + round;
    let n = rounded - round;
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    // 2^−28.3
    let p = 1.381_459_9e-3;
    let p = p * r + 8.368_717e-3;
    let p = p * r + 4.166_839e-2;
    let p = p * r + 1.666_652_1e-1;
    let p = p * r + 4.999_999_4e-1;
    let mantissa = (p * (r * r) + r) + 1.0;
    mantissa * f32::from_bits(rounded.to_bits() << 23) * back
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

/// Distribution function of the normal distribution, Φ(x) = ½·(1 + erf(x/√2)), to 3.5·2⁻²⁴; 0 up to −5.45, and 1 from 5.45 on.
///
/// ½ + x·p(x²)/q(x²): one formula for all numbers, so that nothing is computed only to be thrown away. The polynomials are
/// summed by pairs of terms, which wait less for each other than Horner's scheme would.
#[inline(always)]
pub fn normal_distribution(x: f32) -> f32 {
    const LIMIT: f32 = 5.45; // where the fraction is ½
    let x = if x > LIMIT { LIMIT } else { x };
    let x = if x < -LIMIT { -LIMIT } else { x };
    let z = x * x;
    let w = z * z;
    // 2^−27.2 for the value; coefficients as they round best, found by search.
    let p = (5.874_086e-6 + 2.132_021e-8 * z) * w + (4.310_960_4e-3 + 1.539_184_9e-4 * z);
    let p = p * w + (3.687_746_2e-1 + 3.106_58e-2 * z);
    let q = (6.747_871_5e-5 + 1.115_582_1e-6 * z) * w + (2.635_314_5e-2 + 1.729_827_6e-3 * z);
    let q = q * w + (9.243_809e-1 + 2.319_333_3e-1 * z);
    let s = (x * p) / q;
    // Rounding may carry it a little beyond, but there is no negative probability.
    let s = if s > 0.5 { 0.5 } else { s };
    let s = if s < -0.5 { -0.5 } else { s };
    0.5 + s
}

/// x to the power of y, correctly rounded but for one case in thousands, with the special cases of C's `powf`.
///
/// 2^(y·log₂|x|) in double precision, whose range no result and no argument leaves.
#[inline(always)]
pub fn pow(x: f32, y: f32) -> f32 {
    let (magnitude, exponent) = (x.abs(), y.abs());
    // 1.0·2²³ leaves the nearest integer in the lowest bits; from there on, every number is one, and from 2²⁴ on an even one.
    const INTEGERS: f32 = 8_388_608.0;
    let rounded = if exponent < INTEGERS { exponent + INTEGERS } else { exponent };
    let integer = exponent >= INTEGERS || rounded - INTEGERS == exponent;
    let odd = integer && exponent < 2.0 * INTEGERS && rounded.to_bits() & 1 == 1;

    let log = log2(f64::from(magnitude));
    let log = if magnitude < f32::INFINITY { log } else { f64::from(magnitude) }; // ∞ and NaN
    let log = if magnitude == 0.0 { f64::NEG_INFINITY } else { log };
    let power = exp2(f64::from(y) * log) as f32;
    let power = if odd { power.copysign(x) } else { power };
    let power = if x < 0.0 && magnitude < f32::INFINITY && !integer { f32::NAN } else { power };
    let power = if magnitude == 1.0 && exponent == f32::INFINITY { 1.0 } else { power };
    if x == 1.0 || y == 0.0 { 1.0 } else { power }
}

/// Binary logarithm of a positive normal number, to 2^−45 of itself.
///
/// x = 2ⁿ·m with √½ ≤ m < √2, and with s = (m − 1) / (m + 1): log₂ m = s·p(s²).
#[inline(always)]
fn log2(x: f64) -> f64 {
    const ONE: u64 = 0x3FF0_0000_0000_0000;
    const SQRT_HALF: u64 = 0x3FE6_A09E_667F_3BCD;
    const TWO_TO_52: u64 = 0x4330_0000_0000_0000;
    let bits = x.to_bits();
    let biased = bits.wrapping_add(ONE - SQRT_HALF) >> 52; // n + 1023
    // An integer as the low bits of 2⁵² + n: converting it takes an instruction that few machines have.
    let n = f64::from_bits(biased | TWO_TO_52) - (4_503_599_627_370_496.0 + 1023.0);
    let m = f64::from_bits(bits.wrapping_sub(biased.wrapping_sub(1023) << 52));
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let p = 0.282_912_501_218_756_44;
    let p = p * z + 0.319_904_813_987_260_7;
    let p = p * z + 0.412_209_274_474_525_16;
    let p = p * z + 0.577_077_942_139_226_8;
    let p = p * z + 0.961_796_694_114_148_6;
    let p = p * z + 2.885_390_081_777_849_5;
    s * p + n
}

/// 2 to the power of x, to 2^−40 of itself; beyond 2^±160, something beyond it.
///
/// x = n + r with |r| ≤ ½, and 2ˣ = 2ⁿ·p(r).
#[inline(always)]
fn exp2(x: f64) -> f64 {
    const ROUND: f64 = 6_755_399_441_055_744.0; // 1.5 · 2⁵²
    let x = if x > 160.0 { 160.0 } else { x };
    let x = if x < -160.0 { -160.0 } else { x };
    let rounded = x + ROUND;
    let r = x - (rounded - ROUND);
    let p = 1.317_585_817_618_649_8e-6;
    let p = p * r + 1.530_973_742_356_987e-5;
    let p = p * r + 1.540_385_074_845_050_7e-4;
    let p = p * r + 1.333_345_206_224_541_7e-3;
    let p = p * r + 9.618_128_542_862_732e-3;
    let p = p * r + 5.550_410_939_341_709e-2;
    let p = p * r + 2.402_265_069_888_036_8e-1;
    let p = p * r + 6.931_471_805_465_141e-1;
    let p = p * r + 0.999_999_999_999_762_3;
    let n = rounded.to_bits().wrapping_sub(ROUND.to_bits());
    p * f64::from_bits(n.wrapping_add(1023) << 52)
}

#[cfg(test)]
mod tests;
