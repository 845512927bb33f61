//! Data sets in memory.

use ferrograd_core::data::digits::synthetic_digits;
use napi_derive::napi;

use crate::boundary::{Code, guard};
use crate::buffers::Borrowed;

/// Draws digits number `first` and following of `seed`: as many images of 28×28 bytes as there are labels.
#[napi(js_name = "syntheticDigits")]
pub fn draw_synthetic_digits(seed: f64, first: f64, mut images: Borrowed, mut labels: Borrowed) -> napi::Result<(), Code> {
    guard(|| {
        synthetic_digits(seed as u64, first as usize, images.bytes_mut()?, labels.ints_mut()?)
    })
}
