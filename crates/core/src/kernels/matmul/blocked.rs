//! Products as tiles, in blocks that stay in cache.

use std::ops::Range;

use super::COLUMNS;
use super::pack::{pack_a, pack_b};
use super::problem::{Input, Problem};
use super::tile::{Tile, TileKernels, asks_early, max_rows, max_vectors};
use super::workspace::with_workspace;
use crate::kernels::simd::Simd;

/// What is copied before it is multiplied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packing {
    pub a: bool,
    pub b: bool,
}

/// Cuts `0..n` into the fewest equal parts that are no larger than `max`: none is so small that it runs slowly.
fn parts(n: usize, max: usize) -> impl Iterator<Item = Range<usize>> {
    let count = n.div_ceil(max);
    (0..count).map(move |i| n * i / count..n * (i + 1) / count)
}

/// Cuts `0..n` into parts of `size`, and what is left: most tiles are of the largest shape.
pub fn whole_parts(n: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..n).step_by(size).map(move |start| start..n.min(start + size))
}

/// The same for the rows and the vectors of tiles. None is left with a single one: it would have too few sums for the
/// latency of an addition, and share what it loads with none.
fn tiles(n: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    let lone = n > size && n % size == 1;
    let last = if lone { n - size.div_ceil(2) } else { n };
    whole_parts(last, size).chain(lone.then_some(last..n))
}

/// The most of a product that is computed at once.
pub struct Limits {
    pub depth: usize,
    pub rows: usize,
    /// A multiple of the lanes of every vector.
    pub cols: usize,
    /// Rows of A that are copied once for all columns: a multiple of `rows`, or `usize::MAX`.
    pub kept_rows: usize,
}

/// Where a block is.
#[derive(Clone, Copy)]
pub struct At {
    /// Its first row, counted from the first whose A is kept with its own. At 0, its columns and steps of B are new.
    pub row: usize,
    /// Its first column. At 0, its rows and steps of A are new.
    pub col: usize,
}

impl Limits {
    /// Calls `body` for the blocks of a product: all rows that are kept together one after the other, for the next
    /// columns, too, then the next rows, then the next steps along the depth.
    pub fn blocks<V: Simd>(&self, product: &Problem, mut body: impl FnMut(Problem, At)) {
        for steps in parts(product.depth, self.depth) {
            for kept in whole_parts(product.rows, self.kept_rows) {
                for vectors in parts(product.cols.div_ceil(V::LANES), self.cols / V::LANES) {
                    let cols = vectors.start * V::LANES..product.cols.min(vectors.end * V::LANES);
                    for rows in whole_parts(kept.len(), self.rows) {
                        let at = At { row: rows.start, col: cols.start };
                        let rows = kept.start + rows.start..kept.start + rows.end;
                        body(product.block(rows, steps.clone(), cols.clone()), at);
                    }
                }
            }
        }
    }
}

/// Depth: the most steps between two visits to C. Rows: of a block of A, with that depth what the second-level cache holds
/// beside a panel of B. Columns: of a block of B, unless that is too large.
const LIMITS: Limits = Limits { depth: 512, rows: 120, cols: 1024, kept_rows: usize::MAX };

/// Numbers in a block of B, which is read again for each block of rows: half a second-level cache.
const B_BLOCK: usize = 256 * 1024;

/// To copy a block of A takes a tenth of its product with 512 columns; this much of A is kept for the other columns.
const KEPT_ROWS: usize = 8 * LIMITS.rows;

/// Computes a product; columns of C are neighbours.
///
/// # Safety
/// The machine has the instruction set of `V`, the kernels are those of the epilogue, and nobody else uses C meanwhile.
pub unsafe fn blocked<V: Simd>(product: &Problem, packing: Packing, kernels: &TileKernels) {
    let depth = product.depth.min(LIMITS.depth);
    let wide = max_vectors::<V>() * V::LANES >= 64;
    let cols = if wide { B_BLOCK / depth / COLUMNS * COLUMNS } else { LIMITS.cols }.min(LIMITS.cols);
    let keeps_a = wide && packing.a && product.cols > cols;
    let (kept_rows, a_rows) = if keeps_a { (KEPT_ROWS, KEPT_ROWS) } else { (LIMITS.kept_rows, LIMITS.rows) };
    let numbers = [depth * product.rows.min(a_rows), depth * (product.cols.min(cols) + V::LANES)];
    let early = asks_early(product.rows, product.cols, product.depth);
    with_workspace(numbers, |[a_space, b_space]| {
        Limits { cols, kept_rows, ..LIMITS }.blocks::<V>(product, |product, at| {
            let a_space = if keeps_a { a_space.wrapping_add(at.row * product.depth) } else { a_space };
            let (new_a, new_b) = (at.col == 0 || !keeps_a, at.row == 0);
            let block = Block { product, packing, kernels, a_space, b_space, new_a, new_b, early };
            // SAFETY: the block lies within the product, and the workspace is large enough for it.
            unsafe { block.run::<V>() }
        });
    });
}

/// A part of a product that is computed without leaving the cache.
struct Block<'a> {
    product: Problem,
    packing: Packing,
    kernels: &'a TileKernels,
    a_space: *mut f32,
    b_space: *mut f32,
    /// Whether A must still be packed, if it is at all.
    new_a: bool,
    /// Whether B must.
    new_b: bool,
    /// Whether tiles ask for C early.
    early: bool,
}

impl Block<'_> {
    unsafe fn run<V: Simd>(&self) {
        let Problem { a, b, c, rows, cols, depth, .. } = self.product;
        // SAFETY: the caller's promises.
        let a = unsafe { self.packed_a::<V>(a) };
        for vectors in tiles(cols.div_ceil(V::LANES), max_vectors::<V>()) {
            let col = vectors.start * V::LANES;
            let panel_cols = cols.min(vectors.end * V::LANES) - col;
            let ragged = panel_cols % V::LANES;
            let b = if self.packing.b || ragged > 0 {
                let space =
                    if self.packing.b { self.b_space.wrapping_add(col * depth) } else { self.b_space };
                if self.new_b || !self.packing.b {
                    // SAFETY: the panel lies within the block, and the workspace has room for all panels of a block.
                    unsafe { pack_b::<V>(b.from(0, col), depth, panel_cols, vectors.len(), space) };
                }
                Input { data: space, row: vectors.len() * V::LANES, col: 1 }
            } else {
                b.from(0, col)
            };
            for tile_rows in tiles(rows, max_rows::<V>()) {
                let tile = Tile {
                    depth,
                    a: match self.packing.a {
                        true => Input {
                            data: a.data.wrapping_add(tile_rows.start * depth),
                            row: 1,
                            col: tile_rows.len(),
                        },
                        false => a.from(tile_rows.start, 0),
                    },
                    b,
                    c: c.from(tile_rows.start, col),
                    last: if ragged > 0 { ragged } else { V::LANES },
                    early: self.early,
                };
                // SAFETY: the tile lies within the block; the last vector of B is packed, unless it is whole.
                unsafe { tile.compute::<V>(tile_rows.len(), vectors.len(), self.kernels) };
            }
        }
    }

    unsafe fn packed_a<V: Simd>(&self, a: Input) -> Input {
        if !self.packing.a {
            return a;
        }
        let Problem { rows, depth, .. } = self.product;
        let new = if self.new_a { rows } else { 0 };
        for tile_rows in tiles(new, max_rows::<V>()) {
            let space = self.a_space.wrapping_add(tile_rows.start * depth);
            // SAFETY: these rows lie within the block, and the workspace has room for all of them.
            unsafe { pack_a(a.from(tile_rows.start, 0), tile_rows.len(), depth, space) };
        }
        Input { data: self.a_space, ..a }
    }
}
