//! Data sets in memory.

use super::Buffer;
use crate::data::{digits, gather};
use crate::{Data, DataMut, Error, Result};

/// Draws digits number `first` and following of `seed`: as many images of 28×28 bytes as there are labels.
pub fn synthetic_digits(seed: u64, first: usize, images: &mut Buffer, labels: &mut Buffer) -> Result<()> {
    digits::synthetic_digits(seed, first, images.bytes_mut()?, labels.ints_mut()?)
}

/// Copies the rows, of `row` elements each, that `order` names; `rows` and `out` are arrays of one type. Those that `next`
/// names are brought near.
pub fn gather_rows(
    rows: &Buffer,
    row: usize,
    (order, next): (&Buffer, Option<&Buffer>),
    out: &mut Buffer,
) -> Result<()> {
    let (order, next) = (order.ints()?, next.map_or(Ok(&[][..]), Buffer::ints)?);
    match (rows.data()?, out.data_mut()?) {
        (Data::Real(rows), DataMut::Real(out)) => gather::gather_rows(rows, row, order, next, out),
        (Data::Int(rows), DataMut::Int(out)) => gather::gather_rows(rows, row, order, next, out),
        (Data::Byte(rows), DataMut::Byte(out)) => gather::gather_rows(rows, row, order, next, out),
        _ => Err(Error::internal("the binding expected two arrays of one type")),
    }
}

/// As [`gather_rows`] for images of bytes, of which each becomes `(byte / divide − mean) / std`; `mean` and `std` have a
/// number for each channel.
pub fn gather_images(
    images: &Buffer,
    row: usize,
    (order, next): (&Buffer, Option<&Buffer>),
    divide: f64,
    mean: &Buffer,
    std: &Buffer,
    out: &mut Buffer,
) -> Result<()> {
    let normalization = gather::Normalization::new(divide as f32, mean.floats()?, std.floats()?)?;
    let next = next.map_or(Ok(&[][..]), Buffer::ints)?;
    gather::gather_images(images.bytes()?, row, order.ints()?, next, &normalization, out.floats_mut()?)
}
