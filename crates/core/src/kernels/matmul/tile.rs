//! The tile: a few rows × a few vectors of C, held in registers while A and B stream by.
//!
//! A step along the depth loads the vectors of one row of B, and multiplies them with one number of each row of A. Wide
//! tiles win, because loads are what limits: 6 rows × 4 vectors take 10 loads for 24 multiply-adds, 14 × 2 take 16 for 28.

use super::problem::{Input, Output};
use crate::kernels::Mode;
use crate::kernels::simd::Simd;

/// Numbers in a cache line.
const CACHE_LINE: usize = 16;

/// From this depth on, C is asked for early: a large C is in no near cache, and there is time to fetch it.
const PREFETCH_DEPTH: usize = 128;

/// Rows of the largest tile.
pub const fn max_rows<V: Simd>() -> usize {
    if V::FUSED { 6 } else { 4 } // Without fused multiply-add, products need registers too.
}

/// Vectors in a row of the largest tile: with 16 registers, 12 sums + 2 of B + 1 of A.
pub const fn max_vectors<V: Simd>() -> usize {
    if V::REGISTERS >= 32 { 4 } else { 2 }
}

/// One tile of C.
pub struct Tile {
    pub depth: usize,
    pub a: Input,
    /// Its columns are neighbours, and the last vector may be read whole.
    pub b: Input,
    /// Its columns are neighbours.
    pub c: Output,
    /// Lanes of the last vector that belong to C.
    pub last: usize,
}

/// Computes a tile.
///
/// # Safety
/// The machine has the instruction set; A and B can be read, and C read and written, for the function's number of rows
/// and vectors.
pub type TileKernel = unsafe fn(&Tile);

/// The kernel for tiles of `rows` × `vectors`, at most [`max_rows`] × [`max_vectors`].
pub fn kernel<V: Simd>(rows: usize, vectors: usize) -> TileKernel {
    const fn wide<V: Simd, const ROWS: usize>() -> [TileKernel; 4] {
        // Shapes that are too large for the registers are never asked for: do not compile them.
        if max_vectors::<V>() == 4 {
            [tile::<V, ROWS, 1>, tile::<V, ROWS, 2>, tile::<V, ROWS, 3>, tile::<V, ROWS, 4>]
        } else {
            [tile::<V, ROWS, 1>, tile::<V, ROWS, 2>, tile::<V, ROWS, 2>, tile::<V, ROWS, 2>]
        }
    }
    debug_assert!(rows <= max_rows::<V>() && vectors <= max_vectors::<V>());
    let kernels = const {
        [wide::<V, 1>(), wide::<V, 2>(), wide::<V, 3>(), wide::<V, 4>(), wide::<V, 5>(), wide::<V, 6>()]
    };
    kernels[rows - 1][vectors - 1]
}

unsafe fn tile<V: Simd, const ROWS: usize, const VECTORS: usize>(tile: &Tile) {
    // SAFETY: the caller's promises.
    unsafe {
        V::enter(
            #[inline(always)]
            || finish::<V, ROWS, VECTORS>(tile, sums::<V, ROWS, VECTORS>(tile)),
        )
    }
}

#[inline(always)]
unsafe fn sums<V: Simd, const ROWS: usize, const VECTORS: usize>(tile: &Tile) -> [[V; VECTORS]; ROWS] {
    // SAFETY: the caller's promises; pointers move on only as far as there are steps.
    unsafe {
        let (mut a, mut b) = (tile.a.data, tile.b.data);
        let mut sums = [[V::splat(0.0); VECTORS]; ROWS];
        if tile.depth >= PREFETCH_DEPTH {
            for i in 0..ROWS {
                for j in (0..VECTORS * V::LANES).step_by(CACHE_LINE) {
                    V::prefetch(tile.c.data.wrapping_add(i * tile.c.row + j));
                }
            }
        }
        for _ in 0..tile.depth {
            let row: [V; VECTORS] = std::array::from_fn(|j| V::load(b.add(j * V::LANES)));
            for (i, sums) in sums.iter_mut().enumerate() {
                let factor = V::splat(*a.add(i * tile.a.row));
                for (sum, &x) in sums.iter_mut().zip(&row) {
                    *sum = factor.mul_add(x, *sum);
                }
            }
            a = a.wrapping_add(tile.a.col);
            b = b.wrapping_add(tile.b.row);
        }
        sums
    }
}

#[inline(always)]
unsafe fn finish<V: Simd, const ROWS: usize, const VECTORS: usize>(tile: &Tile, sums: [[V; VECTORS]; ROWS]) {
    // SAFETY: the caller's promises; the last vector's lanes beyond C are neither read nor written.
    unsafe {
        let c = &tile.c;
        for j in 0..VECTORS {
            let lanes = if j + 1 == VECTORS { tile.last } else { V::LANES };
            let load = |from: *const f32| {
                if lanes == V::LANES { V::load(from) } else { V::load_partial(from, lanes) }
            };
            let bias = if c.bias.is_null() { V::splat(0.0) } else { load(c.bias.add(j * V::LANES)) };
            for (i, sums) in sums.iter().enumerate() {
                let to = c.data.add(i * c.row + j * V::LANES);
                let value = match c.mode {
                    Mode::Write => sums[j].add(bias),
                    Mode::Add => sums[j].add(load(to)),
                };
                if lanes == V::LANES { value.store(to) } else { value.store_partial(to, lanes) }
            }
        }
    }
}
