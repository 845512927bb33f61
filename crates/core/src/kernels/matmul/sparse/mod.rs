//! Products with an operand that is mostly zeros: steps at which a tile's rows are all 0 are left out.
//!
//! Data is often so: the margins of images, categories as vectors with a single 1, the words of a text, what a relu has
//! cut off. Of the images of handwritten digits four fifths are 0, and four of them share three fifths of their zeros.
//! The sums have the bits that they have with all steps, for x + 0·y is x; unless y is NaN or infinite, and then no step
//! is left out.

mod steps;

use std::mem::MaybeUninit;
use std::ops::Range;

use super::blocked::{Limits, whole_parts};
use super::pack::pack_b;
use super::problem::{Input, Output, Problem};
use super::tile::{Tile, TileKernels, max_vectors};
use super::workspace::with_workspace;
use super::{COLUMNS, cut};
use crate::kernels::simd::Simd;
use crate::pool::{get_num_threads, lane};
use steps::{AT_ONCE, ROWS, Step};

/// Depth: the most steps between two visits to C, a panel of B is this high. Rows: of a block of A, whose steps are listed
/// at once. Columns: of a block of packed B.
const LIMITS: Limits = Limits { depth: 1024, rows: 128, cols: 512, kept_rows: usize::MAX };

/// Products with fewer multiply-adds, or fewer columns, are not worth a look at their zeros.
const LEAST: usize = 128 * 1024;
const LEAST_COLUMNS: usize = 32;
/// Multiply-adds where B is known to be finite: to look for NaN takes the time of several rows.
const LEAST_OF_FINITE: usize = 32 * 1024;

/// With so many rows, packing B pays even if its rows are contiguous.
const MANY_ROWS: usize = 256;

/// Numbers in as many rows of sums as a vector has lanes.
const MAX_SOME: usize = 16 * 4 * 16;

/// Places at which A is looked at: at half of them all rows of a tile must be 0.
const SAMPLES: u32 = 32;

/// The product, or its transpose, if steps are to be left out of it. Told from samples, which all lanes and machines take
/// at the same places: the sums depend on nothing else.
#[inline(never)] // nor is what follows: once for all epilogues
pub fn skips(product: Problem) -> Option<Problem> {
    let least = if product.near.b_finite { LEAST_OF_FINITE } else { LEAST };
    if product.near.columns || product.rows * product.cols * product.depth < least {
        return None;
    }
    let transposed = (!product.near.has_blocks()).then(|| product.transposed());
    [product].into_iter().chain(transposed).find(is_mostly_zeros)
}

fn is_mostly_zeros(product: &Problem) -> bool {
    let Problem { a, rows, cols, depth, .. } = *product;
    if (rows < ROWS && !product.near.b_finite) || cols < LEAST_COLUMNS || (a.row != 1 && a.col != 1) {
        return false;
    }
    let (groups, rows) = ((rows / ROWS).max(1), rows.min(ROWS));
    // Anywhere, but the same each time: upper halves of multiples of odd numbers are spread evenly.
    let place = |sample: u32, factor: u32, n: usize| {
        ((u64::from((sample + 1).wrapping_mul(factor)) * n as u64) >> 32) as usize
    };
    let empty = (0..SAMPLES).map(|sample| {
        let (group, step) = (place(sample, 0x9E37_79B9, groups), place(sample, 0x85EB_CA6B, depth));
        // SAFETY: the rows and the step lie in A.
        let all_zero = |zero, row| zero & (unsafe { *a.at(group * ROWS + row, step) } == 0.0);
        u32::from((0..rows).fold(true, all_zero))
    });
    2 * empty.sum::<u32>() >= SAMPLES
}

/// Computes a product, and leaves steps out.
///
/// # Safety
/// The machine has the instruction set of `V`, and the kernels are those of the epilogue.
#[inline(never)]
pub unsafe fn by_steps<V: Simd>(product: Problem, kernels: &'static TileKernels) {
    let part = |rows: Range<usize>, cols: Range<usize>| {
        // SAFETY: the caller's promise; lanes have different rows, or columns.
        unsafe { part::<V>(&product.part(lane(), rows, cols), kernels) };
    };
    // By columns, every lane has its own part of a weight in the forward pass and in its update. It lists the steps of all
    // rows then; by rows, it packs all columns.
    let by_columns = product.near.has_blocks()
        || product.cols >= COLUMNS * get_num_threads()
        || product.cols >= product.rows;
    cut(&product, by_columns, &part);
}

unsafe fn part<V: Simd>(product: &Problem, kernels: &TileKernels) {
    let depth = product.depth.min(LIMITS.depth);
    let groups = product.rows.min(LIMITS.rows).div_ceil(ROWS);
    let list = (depth + AT_ONCE).next_multiple_of(2 * AT_ONCE);
    // What lies as it would be packed, and is not read very often, is read where it is.
    let packed = product.b.col != 1 || !product.cols.is_multiple_of(V::LANES) || product.rows >= MANY_ROWS;
    let panels = if packed { depth * (product.cols.min(LIMITS.cols) + V::LANES) } else { 0 };
    let bits = steps::bitmap_bytes(depth, groups * ROWS);
    with_workspace([panels, groups * list / 2, bits.div_ceil(4)], |[panels, lists, bits]| {
        let mut finite = true;
        LIMITS.blocks::<V>(product, |product, at| {
            // SAFETY: the block lies within the product, and there is room for its panels and lists.
            unsafe {
                if at.row == 0 {
                    finite = match packed {
                        true => pack::<V>(product.b, product.depth, product.cols, panels),
                        false => {
                            product.near.b_finite
                                || are_finite::<V>(product.b, product.depth, product.cols / V::LANES)
                        }
                    };
                }
                let (packed, bits, lists) = (packed.then_some(panels), bits.cast(), lists.cast());
                let block = Block { product, finite, kernels, packed, bits, lists, list };
                V::enter(
                    #[inline(always)]
                    || block.run::<V>(),
                );
            }
        });
    });
}

/// A part of a product.
struct Block<'a> {
    product: Problem,
    kernels: &'a TileKernels,
    /// Whether B is, without NaN too.
    finite: bool,
    /// B, if it is packed.
    packed: Option<*mut f32>,
    /// Room for a bitmap of Aᵀ.
    bits: *mut u8,
    /// The steps of each group of rows.
    lists: *mut Step,
    /// The distance from a list to the next.
    list: usize,
}

impl Block<'_> {
    #[inline(always)]
    unsafe fn run<V: Simd>(&self) {
        let Problem { a, c, rows, cols, depth, .. } = self.product;
        let mut counts = [0; LIMITS.rows / ROWS];
        // SAFETY: the caller's promises, here and below.
        unsafe {
            match self.finite {
                true => steps::list::<V>(a, rows, depth, self.bits, (self.lists, self.list), &mut counts),
                false => steps::all(depth, self.lists, &mut counts),
            }
        }
        for vectors in whole_parts(cols.div_ceil(V::LANES), max_vectors::<V>()) {
            let col = vectors.start * V::LANES;
            let row = vectors.len() * V::LANES;
            let panel = Panel {
                b: match self.packed {
                    Some(panels) => Input { data: panels.wrapping_add(col * depth), row, col: 1 },
                    None => self.product.b.from(0, col),
                },
                c: c.from(0, col),
                cols: cols.min(vectors.end * V::LANES) - col,
                vectors: vectors.len(),
            };
            // SAFETY: the panel is packed, and the steps of all its groups are listed.
            unsafe { self.panel::<V>(&panel, &counts) };
        }
    }

    /// All rows of a panel.
    #[inline(always)]
    unsafe fn panel<V: Simd>(&self, panel: &Panel, counts: &[usize]) {
        let Panel { c, cols, vectors, .. } = *panel;
        let pitch = vectors * V::LANES;
        let mut some = [0.0; MAX_SOME];
        for rows in whole_parts(self.product.rows, V::LANES) {
            // SAFETY: the caller's promises.
            unsafe {
                for group in whole_parts(rows.len(), ROWS) {
                    let to = some.as_mut_ptr().add(group.start * pitch);
                    let group = rows.start + group.start..rows.start + group.end;
                    match vectors {
                        1 => self.group::<V, 1>(panel, group, counts, to),
                        2 => self.group::<V, 2>(panel, group, counts, to),
                        _ if max_vectors::<V>() == 2 => {}
                        3 => self.group::<V, 3>(panel, group, counts, to),
                        _ => self.group::<V, 4>(panel, group, counts, to),
                    }
                }
                let c = c.from(rows.start, 0);
                if c.col == 1 {
                    let tile = self.tile(c, cols - (pitch - V::LANES));
                    (self.kernels.finish)(&tile, rows.len(), vectors, some.as_ptr());
                } else {
                    self.turned::<V>(c.transposed(), some.as_ptr(), pitch, cols, rows.len());
                }
            }
        }
    }

    /// Finishes `rows` × `lanes` of C, given the sums of `lanes` × `rows`, rows of which are `pitch` apart.
    #[inline(always)]
    unsafe fn turned<V: Simd>(&self, c: Output, sums: *const f32, pitch: usize, rows: usize, lanes: usize) {
        let mut turned = MaybeUninit::<[f32; MAX_SOME]>::uninit();
        // SAFETY: the caller's promises; `pitch` is a multiple of four, and what `finish` reads is written.
        unsafe {
            let mut to: *mut f32 = turned.as_mut_ptr().cast();
            for row in (0..rows).step_by(4) {
                for vector in V::load_transposed(sums.add(row), pitch) {
                    vector.store(to);
                    to = to.add(V::LANES);
                }
            }
            (self.kernels.finish)(&self.tile(c, lanes), rows, 1, turned.as_ptr().cast());
        }
    }

    /// A tile as far as its finish needs to know it.
    fn tile(&self, c: Output, last: usize) -> Tile {
        Tile { depth: 0, a: self.product.a, b: self.product.b, c, last, early: false }
    }

    /// Writes the sums of a group of rows.
    #[inline(always)]
    unsafe fn group<V: Simd, const VECTORS: usize>(
        &self,
        panel: &Panel,
        rows: Range<usize>,
        counts: &[usize],
        mut to: *mut f32,
    ) {
        let group = rows.start / ROWS;
        let a = self.product.a.from(rows.start, 0);
        // SAFETY: the caller's promises; the group's steps are listed.
        unsafe {
            let list = self.lists.add(if self.finite { group * self.list } else { 0 });
            let steps = std::slice::from_raw_parts(list, counts[group]);
            for vector in sums::<V, VECTORS>(a, rows.len(), panel.b, steps).as_flattened() {
                vector.store(to);
                to = to.add(V::LANES);
            }
        }
    }
}

/// Some columns of a block.
struct Panel {
    /// Of B, or of packed B.
    b: Input,
    /// Of C.
    c: Output,
    cols: usize,
    /// Vectors that have all columns.
    vectors: usize,
}

/// Packs `depth` × `cols` of B as panels; whether no number is NaN or infinite.
unsafe fn pack<V: Simd>(b: Input, depth: usize, cols: usize, to: *mut f32) -> bool {
    let mut finite = true;
    for panel in whole_parts(cols.div_ceil(V::LANES), max_vectors::<V>()) {
        let col = panel.start * V::LANES;
        let cols = cols.min(panel.end * V::LANES) - col;
        // A part that is still in the first cache when it is looked at.
        for steps in whole_parts(depth, 64) {
            let to = to.wrapping_add(col * depth + steps.start * panel.len() * V::LANES);
            // SAFETY: the caller's promises.
            unsafe {
                pack_b::<V>(b.from(steps.start, col), steps.len(), cols, panel.len(), to);
                let packed = Input { data: to, row: panel.len() * V::LANES, col: 1 };
                finite &= are_finite::<V>(packed, steps.len(), panel.len());
            }
        }
    }
    finite
}

/// Whether none of `depth` × `vectors` of B is NaN or infinite.
unsafe fn are_finite<V: Simd>(b: Input, depth: usize, vectors: usize) -> bool {
    // SAFETY: the caller's promises.
    unsafe {
        V::enter(
            #[inline(always)]
            || {
                let zero = V::splat(0.0);
                let mut sums = [zero; 4]; // as each waits for its last
                for step in 0..depth {
                    for first in (0..vectors).step_by(4) {
                        for (j, sum) in sums.iter_mut().enumerate().take(vectors - first) {
                            // 0·x is 0 or NaN.
                            *sum = V::load(b.at(step, (first + j) * V::LANES)).mul_add(zero, *sum);
                        }
                    }
                }
                sums.into_iter().all(|sum| sum.nonzero() == 0)
            },
        )
    }
}

#[inline(always)]
unsafe fn sums<V: Simd, const VECTORS: usize>(
    a: Input,
    rows: usize,
    b: Input,
    steps: &[Step],
) -> [[V; VECTORS]; ROWS] {
    // SAFETY: the caller's promises; rows beyond the last are read as the last.
    unsafe {
        let rows: [*const f32; ROWS] = std::array::from_fn(|i| a.at(i.min(rows - 1), 0));
        let mut sums = [[V::splat(0.0); VECTORS]; ROWS];
        for &step in steps {
            let step = usize::from(step);
            let b = b.at(step, 0);
            let vectors: [V; VECTORS] = std::array::from_fn(|j| V::load(b.add(j * V::LANES)));
            for (row, sums) in rows.iter().zip(&mut sums) {
                let factor = V::splat(*row.add(step * a.col));
                for (sum, &x) in sums.iter_mut().zip(&vectors) {
                    *sum = factor.mul_add(x, *sum);
                }
            }
        }
        sums
    }
}
