//! Random numbers for JavaScript: every call names its seed and stream.

use ferrograd_core::Error;
use ferrograd_core::rng::Rng;
use napi_derive::napi;

use crate::boundary::{Code, guard};
use crate::buffers::Borrowed;

/// Numbers of JavaScript that are whole and not negative, up to 2⁵³.
fn rng(seed: f64, stream: f64) -> Rng {
    Rng::new(seed as u64, stream as u64)
}

/// Fills `out` with floats uniform in [low, high).
#[napi]
pub fn fill_uniform(
    mut out: Borrowed,
    seed: f64,
    stream: f64,
    low: f64,
    high: f64,
) -> napi::Result<(), Code> {
    guard(|| {
        let mut rng = rng(seed, stream);
        let (low, range) = (low as f32, (high - low) as f32);
        let last = (high as f32).next_down().max(low); // rounding must not reach `high`
        out.floats_mut()?.iter_mut().for_each(|x| *x = (low + range * rng.uniform()).min(last));
        Ok(())
    })
}

/// Fills `out` with normally distributed floats.
#[napi]
pub fn fill_normal(
    mut out: Borrowed,
    seed: f64,
    stream: f64,
    mean: f64,
    deviation: f64,
) -> napi::Result<(), Code> {
    guard(|| {
        let mut rng = rng(seed, stream);
        out.floats_mut()?.iter_mut().for_each(|x| *x = (mean + deviation * rng.normal()) as f32);
        Ok(())
    })
}

/// Fills `out` with integers uniform in low..high.
#[napi]
pub fn fill_integers(
    mut out: Borrowed,
    seed: f64,
    stream: f64,
    low: i32,
    high: i32,
) -> napi::Result<(), Code> {
    guard(|| {
        if low >= high {
            return Err(Error::argument(format!("randint: low must be below high, got {low} and {high}")));
        }
        let mut rng = rng(seed, stream);
        let range = high.wrapping_sub(low) as u32;
        out.ints_mut()?.iter_mut().for_each(|x| *x = low.wrapping_add(rng.below(range) as i32));
        Ok(())
    })
}

/// Fills `out` with a random order of 0..length.
#[napi]
pub fn fill_permutation(mut out: Borrowed, seed: f64, stream: f64) -> napi::Result<(), Code> {
    guard(|| {
        rng(seed, stream).permutation(out.ints_mut()?);
        Ok(())
    })
}
