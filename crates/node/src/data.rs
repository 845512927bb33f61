//! Data sets in memory.

use ferrograd_core::data::digits::synthetic_digits;
use ferrograd_core::data::gather::{Normalization, gather_images, gather_rows};
use ferrograd_core::{Data, DataMut, Error};
use napi_derive::napi;

use crate::boundary::{Code, guard};
use crate::buffers::Borrowed;

/// Draws digits number `first` and following of `seed`: as many images of 28×28 bytes as there are labels.
#[napi(js_name = "syntheticDigits")]
pub fn draw_synthetic_digits(
    seed: f64,
    first: f64,
    mut images: Borrowed,
    mut labels: Borrowed,
) -> napi::Result<(), Code> {
    guard(|| synthetic_digits(seed as u64, first as usize, images.bytes_mut()?, labels.ints_mut()?))
}

/// Copies the rows, of `row` elements each, that `order` names; `rows` and `out` are arrays of one type.
#[napi(js_name = "gatherRows")]
pub fn copy_rows(rows: Borrowed, row: u32, order: Borrowed, mut out: Borrowed) -> napi::Result<(), Code> {
    guard(|| {
        let (row, order) = (row as usize, order.ints()?);
        match (rows.data()?, out.data_mut()?) {
            (Data::Real(rows), DataMut::Real(out)) => gather_rows(rows, row, order, &[], out),
            (Data::Int(rows), DataMut::Int(out)) => gather_rows(rows, row, order, &[], out),
            (Data::Byte(rows), DataMut::Byte(out)) => gather_rows(rows, row, order, &[], out),
            _ => Err(Error::internal("the binding expected two arrays of one type")),
        }
    })
}

/// As `gatherRows` for images of bytes, of which each becomes `(byte / divide − mean) / std`; `mean` and
/// `std` have a number for each channel.
#[napi(js_name = "gatherImages")]
pub fn normalize_images(
    images: Borrowed,
    row: u32,
    order: Borrowed,
    divide: f64,
    mean: Borrowed,
    std: Borrowed,
    mut out: Borrowed,
) -> napi::Result<(), Code> {
    guard(|| {
        let normalization = Normalization::new(divide as f32, mean.floats()?, std.floats()?)?;
        gather_images(images.bytes()?, row as usize, order.ints()?, &[], &normalization, out.floats_mut()?)
    })
}
