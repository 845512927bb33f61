//! Data sets in memory.

use ferrograd_core::host::data;
use napi_derive::napi;

use crate::boundary::{Code, guard};
use crate::buffers::Borrowed;

/// Draws digits number `first` and following of `seed`: as many images of 28×28 bytes as there are labels.
#[napi]
pub fn synthetic_digits(
    seed: f64,
    first: f64,
    mut images: Borrowed,
    mut labels: Borrowed,
) -> napi::Result<(), Code> {
    guard(|| data::synthetic_digits(seed as u64, first as usize, &mut images, &mut labels))
}

/// Copies the rows, of `row` elements each, that `order` names; `rows` and `out` are arrays of one type. Those that `next`
/// names are brought near, if they exist.
#[napi]
pub fn gather_rows(
    rows: Borrowed,
    row: u32,
    order: Borrowed,
    next: Borrowed,
    mut out: Borrowed,
) -> napi::Result<(), Code> {
    guard(|| data::gather_rows(&rows, row as usize, (&order, Some(&next)), &mut out))
}

/// As `gatherRows` for images of bytes, of which each becomes `(byte / divide − mean) / std`; `mean` and
/// `std` have a number for each channel.
#[napi]
#[allow(clippy::too_many_arguments, reason = "an object would cost more than it tells")]
pub fn gather_images(
    images: Borrowed,
    row: u32,
    order: Borrowed,
    next: Borrowed,
    divide: f64,
    mean: Borrowed,
    std: Borrowed,
    mut out: Borrowed,
) -> napi::Result<(), Code> {
    guard(|| data::gather_images(&images, row as usize, (&order, Some(&next)), divide, &mean, &std, &mut out))
}
