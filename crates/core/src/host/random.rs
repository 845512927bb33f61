//! Random numbers: every call names its seed and stream, whole numbers from 0 to 2⁵³ that JavaScript has as floats.

use super::Buffer;
use crate::rng::Rng;
use crate::{Error, Result};

fn rng(seed: f64, stream: f64) -> Rng {
    Rng::new(seed as u64, stream as u64)
}

/// Fills `out` with floats uniform in [low, high).
pub fn fill_uniform(out: &mut Buffer, seed: f64, stream: f64, low: f64, high: f64) -> Result<()> {
    let mut rng = rng(seed, stream);
    let (low, range) = (low as f32, (high - low) as f32);
    let last = (high as f32).next_down().max(low); // rounding must not reach `high`
    out.floats_mut()?.iter_mut().for_each(|x| *x = (low + range * rng.uniform()).min(last));
    Ok(())
}

/// Fills `out` with normally distributed floats.
pub fn fill_normal(out: &mut Buffer, seed: f64, stream: f64, mean: f64, deviation: f64) -> Result<()> {
    let mut rng = rng(seed, stream);
    out.floats_mut()?.iter_mut().for_each(|x| *x = (mean + deviation * rng.normal()) as f32);
    Ok(())
}

/// Fills `out` with integers uniform in low..high.
pub fn fill_integers(out: &mut Buffer, seed: f64, stream: f64, low: i32, high: i32) -> Result<()> {
    if low >= high {
        return Err(Error::argument(format!("randint: low must be below high, got {low} and {high}")));
    }
    let mut rng = rng(seed, stream);
    let range = high.wrapping_sub(low) as u32;
    out.ints_mut()?.iter_mut().for_each(|x| *x = low.wrapping_add(rng.below(range) as i32));
    Ok(())
}

/// Fills `out` with a random order of 0..length.
pub fn fill_permutation(out: &mut Buffer, seed: f64, stream: f64) -> Result<()> {
    rng(seed, stream).permutation(out.ints_mut()?);
    Ok(())
}
