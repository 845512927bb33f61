//! Batches gathered out of arrays in memory: rows in any order, images normalized on the way.

use crate::error::{Error, Result};
use crate::kernels::parallel::rows_mut;
use crate::kernels::prefetch::{prefetch, prefetch_for_later};
use crate::kernels::vectorize;

/// So many elements are worth a thread: some 5 µs.
const GRAIN: usize = 32 * 1024;

/// So many rows ahead of the one that is read, rows are asked for: memory answers several questions at once.
const AHEAD: usize = 2;

/// Bytes of the next batch that are asked for: what stays in the second cache until it is read.
const LATER: usize = 256 * 1024;

/// How bytes become numbers: `(pixel / divide − mean) / std`, rounded after each step, which is what torchvision's
/// `ToTensor` (dividing by 255) and `Normalize` do.
#[derive(Clone, Debug, PartialEq)]
pub struct Normalization {
    channels: Vec<Channel>,
}

/// The normalization of one channel, in the cheapest way that gives the same bits for each of the 256 bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Channel {
    divide: f32,
    /// 1/`divide` in two parts: a byte times `high` is exact.
    high: f32,
    low: f32,
    mean: f32,
    std: f32,
    /// 1/`std`
    scale: f32,
    method: Method,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Method {
    /// No division.
    Multiply,
    /// One division, by `std`.
    Divide,
    /// Both divisions.
    Plain,
}

impl Channel {
    fn new(divide: f32, mean: f32, std: f32) -> Self {
        let reciprocal = 1.0 / f64::from(divide);
        // 16 bits of the mantissa: with the 8 of a byte they fit the 24 of a float.
        let high = f32::from_bits((reciprocal as f32).to_bits() & !0xff);
        let low = (reciprocal - f64::from(high)) as f32;
        let mut channel = Self { divide, high, low, mean, std, scale: 1.0 / std, method: Method::Plain };
        let same = |f: fn(&Channel, u8) -> f32, channel: &Channel| {
            (0..=255).all(|p| f(channel, p).to_bits() == channel.plain(p).to_bits())
        };
        if same(Self::multiply, &channel) {
            channel.method = Method::Multiply;
        } else if same(Self::divide, &channel) {
            channel.method = Method::Divide;
        }
        channel
    }

    #[inline(always)]
    fn plain(&self, pixel: u8) -> f32 {
        (f32::from(pixel) / self.divide - self.mean) / self.std
    }

    #[inline(always)]
    fn divide(&self, pixel: u8) -> f32 {
        let pixel = f32::from(pixel);
        (pixel * self.high + pixel * self.low - self.mean) / self.std
    }

    #[inline(always)]
    fn multiply(&self, pixel: u8) -> f32 {
        let pixel = f32::from(pixel);
        (pixel * self.high + pixel * self.low - self.mean) * self.scale
    }

    #[inline(always)]
    fn apply(&self, pixels: &[u8], out: &mut [f32]) {
        let pairs = out.iter_mut().zip(pixels);
        match self.method {
            Method::Multiply => pairs.for_each(|(out, &p)| *out = self.multiply(p)),
            Method::Divide => pairs.for_each(|(out, &p)| *out = self.divide(p)),
            Method::Plain => pairs.for_each(|(out, &p)| *out = self.plain(p)),
        }
    }
}

impl Normalization {
    /// With a mean and a standard deviation for each channel, or one for all.
    pub fn new(divide: f32, mean: &[f32], std: &[f32]) -> Result<Self> {
        if mean.is_empty() || mean.len() != std.len() {
            return Err(Error::argument(format!(
                "normalize: expected a mean and a std for each channel, got {} and {}",
                mean.len(),
                std.len()
            )));
        }
        if let Some(mean) = mean.iter().find(|mean| !mean.is_finite()) {
            return Err(Error::argument(format!("normalize: invalid mean: {mean}")));
        }
        if let Some(std) = [divide].iter().chain(std).find(|x| !x.is_finite() || **x <= 0.0) {
            return Err(Error::argument(format!("normalize: invalid std: {std}, expected a number above 0")));
        }
        Ok(Self {
            channels: mean.iter().zip(std).map(|(&mean, &std)| Channel::new(divide, mean, std)).collect(),
        })
    }
}

/// The rows of `rows`, each of `row` elements, that `order` names, one after the other: bit for bit.
///
/// `next` are the rows that will be wanted after these, if that is known, else empty: they come into the cache while
/// other things are done. That is but a hint; what there names no row is passed over.
///
/// An index out of range in `order` is an index error, and nothing is written then.
pub fn gather_rows<U: Copy + Send + Sync>(
    rows: &[U],
    row: usize,
    order: &[i32],
    next: &[i32],
    out: &mut [U],
) -> Result<()> {
    check(rows.len(), row, order, out.len())?;
    if let (1, false) = (row, rows.is_empty()) {
        out.iter_mut().zip(order).for_each(|(out, &i)| *out = rows[i as usize]);
    } else {
        for_each_row(rows, row, order, out, |row, out| out.copy_from_slice(row));
    }
    ask_for_later(rows, row, next);
    Ok(())
}

/// As [`gather_rows`] for images, which become numbers: rows are channels × pixels of a channel. The numbers have the
/// bits of `(pixel / divide − mean) / std` in single precision, see docs/accuracy.md.
pub fn gather_images(
    images: &[u8],
    row: usize,
    order: &[i32],
    next: &[i32],
    normalization: &Normalization,
    out: &mut [f32],
) -> Result<()> {
    check(images.len(), row, order, out.len())?;
    let channels = &normalization.channels;
    if !row.is_multiple_of(channels.len()) {
        return Err(Error::shape(format!(
            "normalize: images of {row} pixels do not have {} channels",
            channels.len()
        )));
    }
    let plane = row / channels.len();
    for_each_row(images, row, order, out, |image, out| {
        vectorize(
            #[inline(always)]
            || {
                let planes = image.chunks_exact(plane).zip(out.chunks_exact_mut(plane));
                for (channel, (pixels, out)) in channels.iter().zip(planes) {
                    channel.apply(pixels, out);
                }
            },
        );
    });
    ask_for_later(images, row, next);
    Ok(())
}

/// Refuses lengths that do not fit, and indices that name no row.
fn check(elements: usize, row: usize, order: &[i32], out: usize) -> Result<()> {
    let count = elements.checked_div(row).unwrap_or(0);
    if count * row != elements {
        return Err(Error::shape(format!("gather: {elements} elements are no rows of {row}")));
    }
    if order.len().checked_mul(row) != Some(out) {
        return Err(Error::shape(format!(
            "gather: {} rows of {row} do not fill {out} elements",
            order.len()
        )));
    }
    match order.iter().position(|&i| usize::try_from(i).map_or(true, |i| i >= count)) {
        None => Ok(()),
        Some(position) => Err(Error::index(format!(
            "gather: index {} at position {position} is out of range for {count} rows",
            order[position]
        ))),
    }
}

/// `body(row of rows, row of out)` for the rows in `order`, which are valid, on all threads.
fn for_each_row<U: Sync, V: Send>(
    rows: &[U],
    row: usize,
    order: &[i32],
    out: &mut [V],
    body: impl Fn(&[U], &mut [V]) + Sync,
) {
    rows_mut(out, row, GRAIN, |first, out| {
        let order = &order[first..][..out.len() / row];
        let at = |i: i32| &rows[i as usize * row..][..row];
        order.iter().take(AHEAD).for_each(|&i| prefetch(at(i)));
        for (k, out) in out.chunks_exact_mut(row).enumerate() {
            // Rows in random order: the hardware cannot guess the next one.
            if let Some(&i) = order.get(k + AHEAD) {
                prefetch(at(i));
            }
            body(at(order[k]), out);
        }
    });
}

/// Starts to bring the rows that `next` names into the second cache. After the batch rather than along with it: there,
/// they would wait for each other.
fn ask_for_later<U>(rows: &[U], row: usize, next: &[i32]) {
    let row_at = |i: i32| {
        let start = usize::try_from(i).ok()?.checked_mul(row)?;
        rows.get(start..)?.get(..row)
    };
    let count = LATER / std::mem::size_of::<U>().saturating_mul(row).max(1);
    next.iter().take(count).filter_map(|&i| row_at(i)).for_each(prefetch_for_later);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_what_torchvision_makes_of_it() {
        for (mean, std) in [(0.0, 1.0), (0.5, 0.5), (0.1307, 0.3081), (0.485, 0.229), (-3.0, 1e-3)] {
            for divide in [255.0, 1.0, 256.0, 100.0] {
                let bytes: Vec<u8> = (0..=255).collect();
                let normalization = Normalization::new(divide, &[mean], &[std]).unwrap();
                let mut out = vec![f32::NAN; 256];
                for isa in crate::kernels::isa::available() {
                    out.fill(f32::NAN);
                    crate::kernels::isa::with_isa(isa, || {
                        gather_images(&bytes, 256, &[0], &[], &normalization, &mut out).unwrap();
                    });
                    for (p, x) in out.iter().enumerate() {
                        assert_eq!(*x, (p as f32 / divide - mean) / std, "{p} {mean} {std} {divide} {isa:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn no_division_is_needed_for_plain_pixels() {
        let method = |mean, std| Normalization::new(255.0, &[mean], &[std]).unwrap().channels[0].method;
        assert_eq!(method(0.0, 1.0), Method::Multiply);
        assert_eq!(method(0.5, 0.5), Method::Multiply);
        assert_eq!(method(0.1307, 0.3081), Method::Divide);
    }

    #[test]
    fn channels_have_their_own_normalization() {
        let images: Vec<u8> = (0..24).collect(); // four images of two channels of three pixels
        let normalization = Normalization::new(1.0, &[0.0, 1.0], &[1.0, 2.0]).unwrap();
        let mut out = [f32::NAN; 12];
        gather_images(&images, 6, &[3, 1], &[], &normalization, &mut out).unwrap();
        assert_eq!(out, [18.0, 19.0, 20.0, 10.0, 10.5, 11.0, 6.0, 7.0, 8.0, 4.0, 4.5, 5.0]);
    }

    #[test]
    fn rows_of_anything_are_gathered() {
        let mut labels = [0; 3];
        gather_rows(&[10, 11, 12], 1, &[2, 0, 2], &[], &mut labels).unwrap();
        assert_eq!(labels, [12, 10, 12]);
        let rows: Vec<f32> = (0..3000).map(|i| i as f32).collect();
        let order: Vec<i32> = (0..1000).rev().collect();
        let mut out = vec![0.0; 3000];
        gather_rows(&rows, 3, &order, &[], &mut out).unwrap();
        assert!((0..3000).all(|i| out[i] == rows[(999 - i / 3) * 3 + i % 3]));
        gather_rows::<f32>(&[], 0, &[], &[], &mut []).unwrap();
        gather_rows::<f32>(&[], 3, &[], &[], &mut []).unwrap();
    }

    #[test]
    fn what_comes_next_is_but_a_hint() {
        let images: Vec<u8> = (0..40).collect();
        let plain = Normalization::new(1.0, &[0.0], &[1.0]).unwrap();
        for next in [&[1, 0, 2][..], &[3; 9], &[0], &[-1, 4, i32::MAX, i32::MIN]] {
            let mut out = [f32::NAN; 30];
            gather_images(&images, 10, &[2, 0, 3], next, &plain, &mut out).unwrap();
            let expected = (20..30).chain(0..10).chain(30..40).map(|i| i as f32);
            assert!(out.into_iter().eq(expected), "{next:?}");
            for row in [1, 2] {
                let mut out = [0; 4];
                gather_rows(&images[..4 * row], row, &[3, 0, 1, 2][..4 / row], next, &mut out).unwrap();
                let expected: &[u8] = if row == 1 { &[3, 0, 1, 2] } else { &[6, 7, 0, 1] };
                assert_eq!(out, expected, "{next:?}");
            }
        }
        gather_rows::<f32>(&[], 3, &[], &[0], &mut []).unwrap();
    }

    #[test]
    fn nothing_is_written_where_something_is_wrong() {
        let plain = Normalization::new(255.0, &[0.0], &[1.0]).unwrap();
        let mut out = [7.0f32; 4];
        let error = gather_images(&[0; 6], 2, &[0, 3], &[], &plain, &mut out).unwrap_err();
        assert_eq!(error.message, "gather: index 3 at position 1 is out of range for 3 rows");
        assert!(gather_images(&[0; 6], 2, &[0, -1], &[], &plain, &mut out).is_err());
        assert!(gather_images(&[0; 5], 2, &[0, 1], &[], &plain, &mut out).is_err());
        assert!(gather_images(&[0; 6], 2, &[0], &[], &plain, &mut out).is_err());
        assert!(gather_images(&[], 0, &[0, 0], &[], &plain, &mut []).is_err());
        let rgb = Normalization::new(255.0, &[0.0; 3], &[1.0; 3]).unwrap();
        assert!(gather_images(&[0; 6], 2, &[0, 1], &[], &rgb, &mut out).is_err());
        assert_eq!(out, [7.0; 4]);
        for (mean, std) in [(f32::NAN, 1.0), (0.0, 0.0), (0.0, -1.0), (0.0, f32::NAN)] {
            assert!(Normalization::new(255.0, &[mean], &[std]).is_err());
        }
        assert!(Normalization::new(255.0, &[], &[]).is_err());
        assert!(Normalization::new(0.0, &[0.0], &[1.0]).is_err());
    }
}
