//! Random numbers for JavaScript: every call names its seed and stream, whole numbers from 0 to 2⁵³.

use ferrograd_core::host::random;
use napi_derive::napi;

use crate::boundary::{Code, guard};
use crate::buffers::Borrowed;

/// Fills `out` with floats uniform in [low, high).
#[napi]
pub fn fill_uniform(
    mut out: Borrowed,
    seed: f64,
    stream: f64,
    low: f64,
    high: f64,
) -> napi::Result<(), Code> {
    guard(|| random::fill_uniform(&mut out, seed, stream, low, high))
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
    guard(|| random::fill_normal(&mut out, seed, stream, mean, deviation))
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
    guard(|| random::fill_integers(&mut out, seed, stream, low, high))
}

/// Fills `out` with a random order of 0..length.
#[napi]
pub fn fill_permutation(mut out: Borrowed, seed: f64, stream: f64) -> napi::Result<(), Code> {
    guard(|| random::fill_permutation(&mut out, seed, stream))
}
