//! Handwritten-looking digits made from a seed: training data that needs no download.
//!
//! A digit is drawn as a pen would: strokes through points ([`glyphs`]), bent, slanted, turned, scaled and moved at
//! random, inked with a random width and pressure, white on black in 28 × 28 bytes as MNIST's are.
//!
//! Sample `i` depends on (seed, i) alone, and the bytes are the same on every platform: only additions,
//! multiplications, divisions and square roots of `f32`, which IEEE 754 rounds exactly, and no sum whose order a
//! compiler could choose.

mod glyphs;

use self::glyphs::{GLYPHS, MAX_POINTS, Point};
use crate::error::{Error, Result};
use crate::rng::Rng;

/// Rows and columns of an image.
pub const SIDE: usize = 28;
const PIXELS: usize = SIDE * SIDE;

/// Keep these streams apart from those that shuffle and drop out under the same seed.
const SAMPLE_STREAMS: u64 = 0x5A3F_1D00 << 32;
const LABEL_STREAMS: u64 = 0x5A3F_1D01 << 32;

/// Draws the samples `first..first + labels.len()` of `seed`.
///
/// `images` takes `[n, 28, 28]` bytes, ink on 0, and `labels` the n digits. Of every ten samples from a multiple of
/// ten on, each digit is one, in random order.
///
/// # Errors
/// `Argument` where the two lengths do not fit each other; nothing is written then.
pub fn synthetic_digits(seed: u64, first: usize, images: &mut [u8], labels: &mut [i32]) -> Result<()> {
    if labels.len().checked_mul(PIXELS) != Some(images.len()) {
        return Err(Error::argument(format!(
            "syntheticDigits: {} labels need {PIXELS} bytes of image each, got {} bytes",
            labels.len(),
            images.len()
        )));
    }
    let mut ten = [0; 10];
    let mut block = None;
    for (n, (image, label)) in images.chunks_exact_mut(PIXELS).zip(labels).enumerate() {
        let index = first as u64 + n as u64;
        if block != Some(index / 10) {
            block = Some(index / 10);
            Rng::new(seed, LABEL_STREAMS ^ (index / 10)).permutation(&mut ten);
        }
        *label = ten[(index % 10) as usize];
        draw(*label as usize, Rng::new(seed, SAMPLE_STREAMS ^ index), image);
    }
    Ok(())
}

/// Draws one `digit` in the hand that `rng` gives.
fn draw(digit: usize, mut rng: Rng, image: &mut [u8]) {
    let ways = GLYPHS[digit];
    let glyph = ways[rng.below(ways.len() as u32) as usize];
    let hand = Hand::new(&mut rng);
    let pen = Pen::new(&mut rng);
    let mut distances = [f32::INFINITY; PIXELS];
    for stroke in glyph {
        let mut points = [[0.0; 2]; MAX_POINTS];
        for (i, &point) in stroke.iter().enumerate() {
            points[i] =
                if i > 0 && point == stroke[i - 1] { points[i - 1] } else { hand.place(point, &mut rng) };
        }
        trace(&points[..stroke.len()], pen.reach(), &mut distances);
    }
    pen.ink(&distances, &mut rng, image);
}

/// A random number in (-1, 1), most often near 0: the triangular distribution, of variance 1/6. Bounded, so that no
/// digit is bent beyond recognition.
fn bell(rng: &mut Rng) -> f32 {
    rng.uniform() + rng.uniform() - 1.0
}

/// Where a hand puts the points of a glyph: a quadratic bend, then a linear map, then a shift, then a tremor.
struct Hand {
    bend: [[f32; 3]; 2],
    linear: [[f32; 2]; 2],
    shift: Point,
    tremor: f32,
}

impl Hand {
    fn new(rng: &mut Rng) -> Self {
        let bend = [(); 2].map(|()| [(); 3].map(|()| 0.022 * bell(rng)));
        let [wide, high] = [0.84 + 0.26 * bell(rng), 0.88 + 0.18 * bell(rng)];
        let slant = 0.12 + 0.45 * bell(rng);
        // A rotation by 2 atan(turn), without a transcendental function.
        let turn = 0.14 * bell(rng);
        let (cos, sin) = ((1.0 - turn * turn) / (1.0 + turn * turn), 2.0 * turn / (1.0 + turn * turn));
        // Rotation × slant (x -= slant · y: the top goes to the right) × scale.
        let linear = [[cos * wide, (-cos * slant - sin) * high], [sin * wide, (cos - sin * slant) * high]];
        let middle = (SIDE as f32 - 1.0) / 2.0;
        let shift = [middle + 2.6 * bell(rng), middle + 2.6 * bell(rng)];
        Self { bend, linear, shift, tremor: 0.5 + 0.9 * rng.uniform() }
    }

    fn place(&self, [x, y]: Point, rng: &mut Rng) -> Point {
        let [x, y] = [0, 1].map(|axis| {
            let [xx, xy, yy] = self.bend[axis];
            [x, y][axis] + xx * x * x + xy * x * y + yy * y * y
        });
        [0, 1].map(|axis| {
            let [a, b] = self.linear[axis];
            a * x + b * y + self.shift[axis] + self.tremor * bell(rng)
        })
    }
}

/// What a pen leaves along its path.
struct Pen {
    /// Half the width of the line, in pixels.
    radius: f32,
    /// The width of the grey edge, in pixels; 1 is plain anti-aliasing.
    edge: f32,
    /// The ink at full pressure, 0 to 1.
    ink: f32,
    /// How much the ink varies from pixel to pixel.
    grain: f32,
}

impl Pen {
    fn new(rng: &mut Rng) -> Self {
        Self {
            radius: 0.7 + 0.9 * rng.uniform(),
            edge: 1.0 + 0.8 * rng.uniform(),
            ink: 0.75 + 0.25 * rng.uniform(),
            grain: 0.3 * rng.uniform(),
        }
    }

    /// Beyond this distance from the path there is no ink.
    fn reach(&self) -> f32 {
        self.radius + self.edge / 2.0
    }

    /// Turns squared distances from the path into ink.
    fn ink(&self, distances: &[f32; PIXELS], rng: &mut Rng, image: &mut [u8]) {
        let reach = self.reach();
        for (pixel, &squared) in image.iter_mut().zip(distances) {
            *pixel = if squared < reach * reach {
                let cover = ((reach - squared.sqrt()) / self.edge).min(1.0);
                // In [0, 255.5): the cast cuts off what is behind the point.
                (255.0 * cover * self.ink * (1.0 - self.grain * rng.uniform()) + 0.5) as u8
            } else {
                0
            };
        }
    }
}

/// Lines that a curve between two points of a stroke is cut into.
const CUTS: usize = 5;

/// Follows the smooth curve through `points` (Catmull and Rom 1974: the slope at a point is half the way from its
/// predecessor to its successor) and notes how near it comes to each pixel, squared, where that is within `reach`.
fn trace(points: &[Point], reach: f32, distances: &mut [f32; PIXELS]) {
    for (i, pair) in points.windows(2).enumerate() {
        let [p1, p2] = [pair[0], pair[1]];
        if p1 == p2 {
            continue; // A corner: both curves end here.
        }
        let p0 = if i > 0 { points[i - 1] } else { p1 };
        let p3 = if i + 2 < points.len() { points[i + 2] } else { p2 };
        let mut from = p1;
        for cut in 1..=CUTS {
            let t = cut as f32 / CUTS as f32;
            let to = [0, 1].map(|axis| {
                let [a, b, c, d] = [p0[axis], p1[axis], p2[axis], p3[axis]];
                let square = 2.0 * a - 5.0 * b + 4.0 * c - d;
                let cube = 3.0 * (b - c) + d - a;
                b + 0.5 * t * (c - a + t * (square + t * cube))
            });
            line(from, to, reach, distances);
            from = to;
        }
    }
}

/// Lowers `distances` to the squared distance from the line between two points, within `reach` of its bounding box.
fn line(from: Point, to: Point, reach: f32, distances: &mut [f32; PIXELS]) {
    let [dx, dy] = [to[0] - from[0], to[1] - from[1]];
    let length = (dx * dx + dy * dy).max(f32::MIN_POSITIVE);
    let [step_x, step_y] = [dx / length, dy / length];
    let [columns, rows] = [0, 1].map(|axis| {
        // The casts cut at 0; the first pixel is then at most one too early, where the distance decides.
        let start = (from[axis].min(to[axis]) - reach) as usize;
        let end = (from[axis].max(to[axis]) + reach + 1.0) as usize;
        start.min(SIDE)..end.min(SIDE)
    });
    for y in rows {
        let py = y as f32 - from[1];
        for x in columns.clone() {
            let px = x as f32 - from[0];
            let along = (px * step_x + py * step_y).clamp(0.0, 1.0);
            let [ex, ey] = [px - along * dx, py - along * dy];
            let nearest = &mut distances[y * SIDE + x];
            *nearest = nearest.min(ex * ex + ey * ey);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(seed: u64, first: usize, n: usize) -> (Vec<u8>, Vec<i32>) {
        let (mut images, mut labels) = (vec![1; n * PIXELS], vec![-1; n]);
        synthetic_digits(seed, first, &mut images, &mut labels).unwrap();
        (images, labels)
    }

    /// FNV-1a, 64 bits.
    fn hash(bytes: &[u8]) -> u64 {
        bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, &b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3))
    }

    /// A change here changes everybody's generated data and the fixtures made from it.
    #[test]
    fn the_bytes_are_the_same_everywhere_and_for_ever() {
        let (images, labels) = samples(0, 0, 1000);
        assert_eq!(labels[..20], [1, 4, 7, 6, 2, 0, 8, 3, 5, 9, 0, 7, 6, 4, 1, 2, 9, 5, 8, 3]);
        assert_eq!(hash(&images), 0x2b40_1d1f_2082_2243);
        assert_eq!(hash(&samples(u64::MAX, 2_000_000_000, 100).0), 0xd525_923b_cb4b_954c);
    }

    #[test]
    fn a_sample_depends_on_seed_and_index_alone() {
        let (images, labels) = samples(7, 0, 64);
        for (first, n) in [(0, 1), (9, 2), (23, 40), (63, 1)] {
            let (part, part_labels) = samples(7, first, n);
            assert_eq!(part, images[first * PIXELS..(first + n) * PIXELS], "from {first}");
            assert_eq!(part_labels, labels[first..first + n]);
        }
        let (other, other_labels) = samples(8, 0, 64);
        assert_ne!(other_labels, labels);
        assert!(other.chunks(PIXELS).all(|a| images.chunks(PIXELS).all(|b| a != b)));
    }

    #[test]
    fn every_ten_samples_hold_each_digit_once() {
        let (_, labels) = samples(3, 0, 1000);
        for ten in labels.chunks(10) {
            let mut sorted = ten.to_vec();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        }
        assert!(labels.chunks(10).any(|ten| ten != &labels[..10]), "the order never changes");
    }

    #[test]
    fn digits_are_inked_and_stay_in_the_picture() {
        let (images, labels) = samples(1, 0, 5000);
        let (mut sum, mut cut) = (0.0, 0);
        for (image, label) in images.chunks(PIXELS).zip(&labels) {
            let inked = image.iter().filter(|&&p| p > 0).count();
            assert!((25..=350).contains(&inked), "a {label} of {inked} pixels");
            assert!(image.iter().any(|&p| p > 100), "a {label} too pale to see");
            let border = (0..SIDE).flat_map(|i| [i, PIXELS - 1 - i, i * SIDE, i * SIDE + SIDE - 1]);
            cut += usize::from(border.into_iter().any(|i| image[i] > 0));
            sum += image.iter().map(|&p| f64::from(p)).sum::<f64>();
        }
        assert!(cut < 500, "{cut} of 5000 touch the edge");
        let mean = sum / images.len() as f64;
        assert!((15.0..40.0).contains(&mean), "mean byte {mean}, MNIST has 33");
    }

    #[test]
    fn strokes_fit_the_buffer_and_the_box() {
        for (digit, ways) in GLYPHS.iter().enumerate() {
            for stroke in ways.iter().flat_map(|way| way.iter()) {
                assert!((2..=MAX_POINTS).contains(&stroke.len()), "{digit}");
                assert!(stroke.iter().all(|[x, y]| x.abs() <= 7.0 && y.abs() <= 10.0), "{digit}: {stroke:?}");
            }
        }
    }

    #[test]
    fn lengths_that_do_not_fit_are_refused() {
        let (mut images, mut labels) = (vec![9; 2 * PIXELS - 1], vec![9; 2]);
        let error = synthetic_digits(0, 0, &mut images, &mut labels).unwrap_err();
        assert_eq!(error.kind, crate::ErrorKind::Argument);
        assert!(error.message.contains("2 labels need 784 bytes of image each, got 1567"), "{error}");
        assert!(images.iter().all(|&p| p == 9) && labels == [9, 9]);
        synthetic_digits(0, 0, &mut [], &mut []).unwrap();
    }
}
