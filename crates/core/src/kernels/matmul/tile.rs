//! The tile: a few rows × a few vectors of C, held in registers while A and B stream by.
//!
//! A step along the depth loads the vectors of one row of B, and multiplies them with one number of each row of A. Wide
//! tiles win, because loads are what limits: 6 rows × 4 vectors take 10 loads for 24 multiply-adds, 14 × 2 take 16 for 28.

use super::Epilogue;
use super::problem::{Input, Output};
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
pub struct Tile<E> {
    pub depth: usize,
    pub a: Input,
    /// Its columns are neighbours, and the last vector may be read whole.
    pub b: Input,
    /// Its columns are neighbours.
    pub c: Output<E>,
    /// Lanes of the last vector that belong to C.
    pub last: usize,
}

/// Computes a tile.
///
/// # Safety
/// The machine has the instruction set; A and B can be read, and C read and written, for the function's number of rows
/// and vectors.
pub type TileKernel<E> = unsafe fn(&Tile<E>);

/// The kernel for tiles of `rows` × `vectors`, at most [`max_rows`] × [`max_vectors`].
pub fn kernel<V: Simd, E: Epilogue<f32>>(rows: usize, vectors: usize) -> TileKernel<E> {
    const fn wide<V: Simd, E: Epilogue<f32>, const ROWS: usize>() -> [TileKernel<E>; 4] {
        // Shapes that are too large for the registers are never asked for: do not compile them.
        if max_vectors::<V>() == 4 {
            [tile::<V, E, ROWS, 1>, tile::<V, E, ROWS, 2>, tile::<V, E, ROWS, 3>, tile::<V, E, ROWS, 4>]
        } else {
            [tile::<V, E, ROWS, 1>, tile::<V, E, ROWS, 2>, tile::<V, E, ROWS, 2>, tile::<V, E, ROWS, 2>]
        }
    }
    debug_assert!(rows <= max_rows::<V>() && vectors <= max_vectors::<V>());
    let kernels = const {
        [
            wide::<V, E, 1>(),
            wide::<V, E, 2>(),
            wide::<V, E, 3>(),
            wide::<V, E, 4>(),
            wide::<V, E, 5>(),
            wide::<V, E, 6>(),
        ]
    };
    kernels[rows - 1][vectors - 1]
}

unsafe fn tile<V: Simd, E: Epilogue<f32>, const ROWS: usize, const VECTORS: usize>(tile: &Tile<E>) {
    // SAFETY: the caller's promises.
    unsafe {
        V::enter(
            #[inline(always)]
            || finish(tile, sums::<V, E, ROWS, VECTORS>(tile)),
        )
    }
}

#[inline(always)]
unsafe fn sums<V: Simd, E, const ROWS: usize, const VECTORS: usize>(tile: &Tile<E>) -> [[V; VECTORS]; ROWS] {
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
unsafe fn finish<V: Simd, E: Epilogue<f32>, const ROWS: usize, const VECTORS: usize>(
    tile: &Tile<E>,
    sums: [[V; VECTORS]; ROWS],
) {
    // No loop: where the compiler did not unroll it, the sums would live in memory from the start.
    const { assert!(VECTORS <= 4) }
    // SAFETY: the caller's promises.
    unsafe {
        finish_column::<V, E, ROWS, VECTORS>(tile, &sums, 0);
        if VECTORS > 1 {
            finish_column(tile, &sums, 1);
        }
        if VECTORS > 2 {
            finish_column(tile, &sums, 2);
        }
        if VECTORS > 3 {
            finish_column(tile, &sums, 3);
        }
    }
}

#[inline(always)]
unsafe fn finish_column<V: Simd, E: Epilogue<f32>, const ROWS: usize, const VECTORS: usize>(
    tile: &Tile<E>,
    sums: &[[V; VECTORS]; ROWS],
    j: usize,
) {
    let lanes = if j + 1 == VECTORS { tile.last } else { V::LANES };
    let c = Output { col: 1, ..tile.c }; // said again for the compiler
    let place = c.place(j * V::LANES, lanes);
    // SAFETY: the caller's promises; the last vector's lanes beyond C are neither read nor written.
    unsafe {
        let mut column = [V::splat(0.0); ROWS];
        for (x, sums) in column.iter_mut().zip(sums) {
            *x = sums[j];
        }
        place.store(c.epilogue.apply(column, &place));
    }
}
