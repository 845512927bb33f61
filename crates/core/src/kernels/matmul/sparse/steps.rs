//! Which steps along the depth a few rows of A take: those at which not all of them are 0.

use super::super::problem::Input;
use crate::kernels::simd::Simd;

/// Rows that take their steps together.
pub const ROWS: usize = 4;

/// A step along the depth of a block.
pub type Step = u16;

/// Steps that are written at once, of which those that do not count are written over: so much room a list needs more.
pub const AT_ONCE: usize = 8;

/// The places of the bits that are set in a byte, in order; then anything.
static PLACES: [[u8; AT_ONCE]; 256] = {
    let mut places = [[0; AT_ONCE]; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut bit, mut count) = (0, 0);
        while bit < 8 {
            if byte >> bit & 1 == 1 {
                places[byte][count] = bit;
                count += 1;
            }
            bit += 1;
        }
        byte += 1;
    }
    places
};

/// How many bits are set in a byte.
static COUNTS: [u8; 256] = {
    let mut counts = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        counts[byte] = (byte as u8).count_ones() as u8;
        byte += 1;
    }
    counts
};

/// The bytes of a [`bitmap`] of so many rows and columns.
pub const fn bitmap_bytes(rows: usize, cols: usize) -> usize {
    rows.next_multiple_of(8) * cols.div_ceil(8)
}

/// How many numbers [`nonzero`] looks at.
#[inline(always)]
const fn at_once<V: Simd>() -> usize {
    if V::LANES < 8 { 8 } else { V::LANES }
}

/// Which of so many neighbours are not 0.
#[inline(always)]
unsafe fn nonzero<V: Simd>(from: *const f32) -> u32 {
    // SAFETY: the caller's promises.
    unsafe {
        let bits = V::load(from).nonzero();
        if V::LANES < 8 { bits | V::load(from.add(4)).nonzero() << 4 } else { bits }
    }
}

/// What is not 0 in a matrix whose rows are contiguous: a bit for each number. A byte has eight columns of a row; below it
/// is that of the next row, and zeros up to a multiple of eight rows.
#[inline(always)]
unsafe fn bitmap<V: Simd>(x: Input, rows: usize, cols: usize, to: *mut u8) {
    let height = rows.next_multiple_of(8);
    let whole = cols / at_once::<V>() * at_once::<V>();
    // SAFETY: the caller's promises; there is a byte for each row and eight columns.
    unsafe {
        for row in 0..rows {
            let mut to = to.add(row);
            for col in (0..whole).step_by(at_once::<V>()) {
                let bits = nonzero::<V>(x.at(row, col));
                for byte in 0..at_once::<V>() / 8 {
                    to.write((bits >> (8 * byte)) as u8);
                    to = to.add(height);
                }
            }
            for col in (whole..cols).step_by(8) {
                let bits = (col..cols.min(col + 8)).map(|at| u8::from(*x.at(row, at) != 0.0) << (at - col));
                to.write(bits.sum());
                to = to.add(height);
            }
        }
        for row in rows..height {
            (0..cols.div_ceil(8)).for_each(|byte| to.add(byte * height + row).write(0));
        }
    }
}

/// Writes the steps of each group of [`ROWS`] rows of A to its list, and how many there are to `counts`; `bits` is room
/// for a bitmap of Aᵀ.
///
/// # Safety
/// The machine has the instruction set; A can be read, one of its strides is 1; lists are `pitch` apart, and each has room
/// for `depth` steps and [`AT_ONCE`] more.
#[inline(always)]
pub unsafe fn list<V: Simd>(
    a: Input,
    rows: usize,
    depth: usize,
    bits: *mut u8,
    (lists, pitch): (*mut Step, usize),
    counts: &mut [usize],
) {
    if a.col != 1 {
        // SAFETY: the caller's promises.
        unsafe { bitmap::<V>(a.transposed(), depth, rows, bits) };
    }
    let height = depth.next_multiple_of(8);
    for (group, count) in counts.iter_mut().enumerate().take(rows.div_ceil(ROWS)) {
        // SAFETY: the caller's promises.
        unsafe {
            let mut list = List { to: lists.add(group * pitch), count: 0 };
            if a.col == 1 {
                // Rows beyond the last are the last again.
                let rows = std::array::from_fn(|i| a.at((group * ROWS + i).min(rows - 1), 0));
                list.of_rows::<V>(rows, depth);
            } else {
                let bits = bits.add(group / 2 * height);
                for step in (0..height).step_by(8) {
                    let rows = u64::from_le_bytes(bits.add(step).cast::<[u8; 8]>().read());
                    list.append(step, nonzero_bytes(rows >> (group % 2 * ROWS) & 0x0f0f_0f0f_0f0f_0f0f));
                }
            }
            *count = list.count;
        }
    }
}

/// Which of eight bytes, all below 128, are not 0.
fn nonzero_bytes(bytes: u64) -> u8 {
    let ones = (bytes + 0x7f7f_7f7f_7f7f_7f7f) >> 7 & 0x0101_0101_0101_0101;
    // Moves bit 8·i to bit 56 + i, for each i; no two terms meet.
    (ones.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8
}

/// A list that grows.
struct List {
    to: *mut Step,
    count: usize,
}

impl List {
    /// Appends the steps at which any of the rows is not 0.
    ///
    /// # Safety
    /// The machine has the instruction set; each row has `depth` numbers, and there is room for as many steps and
    /// [`AT_ONCE`] more.
    #[inline(always)]
    unsafe fn of_rows<V: Simd>(&mut self, rows: [*const f32; ROWS], depth: usize) {
        let whole = depth / at_once::<V>() * at_once::<V>();
        // SAFETY: the caller's promises.
        unsafe {
            for step in (0..whole).step_by(at_once::<V>()) {
                let bits = rows.into_iter().fold(0, |bits, row| bits | nonzero::<V>(row.add(step)));
                for byte in 0..at_once::<V>() / 8 {
                    self.append(step + 8 * byte, (bits >> (8 * byte)) as u8);
                }
            }
            for step in (whole..depth).step_by(8) {
                let bits = (step..depth.min(step + 8))
                    .map(|at| u8::from(rows.iter().any(|row| *row.add(at) != 0.0)) << (at - step));
                self.append(step, bits.sum());
            }
        }
    }

    /// Appends the steps whose bits are set, counted from `first`.
    ///
    /// # Safety
    /// There is room for [`AT_ONCE`] steps.
    #[inline(always)]
    unsafe fn append(&mut self, first: usize, bits: u8) {
        let steps = PLACES[usize::from(bits)].map(|place| Step::from(place) + first as Step);
        // SAFETY: the caller's promise.
        unsafe { self.to.add(self.count).cast::<[Step; AT_ONCE]>().write_unaligned(steps) };
        self.count += usize::from(COUNTS[usize::from(bits)]);
    }
}

/// Writes all steps to the first list, which is then every group's.
///
/// # Safety
/// There is room for `depth` steps.
pub unsafe fn all(depth: usize, list: *mut Step, counts: &mut [usize]) {
    // SAFETY: the caller's promise.
    (0..depth).for_each(|step| unsafe { list.add(step).write(step as Step) });
    counts.fill(depth);
}
