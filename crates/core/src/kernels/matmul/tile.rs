//! The tile: a few rows × a few vectors of C, held in registers while A and B stream by.
//!
//! A step along the depth loads the vectors of one row of B, and multiplies them with one number of each row of A. Wide
//! tiles win, because loads are what limits: 6 rows × 4 vectors take 10 loads for 24 multiply-adds, 14 × 2 take 16 for 28.

use std::mem::MaybeUninit;

use super::Epilogue;
use super::problem::{Input, Output};
use crate::kernels::simd::Simd;

/// Numbers in a cache line.
const CACHE_LINE: usize = 16;

/// From this depth on, C is asked for early: it may be in no near cache, and there is time to fetch it.
const EARLY_DEPTH: usize = 48;

/// So many numbers of C are in no near cache: they are asked for early at any depth.
const EARLY_NUMBERS: usize = 128 * 1024;

/// Whether tiles of such a product ask for their part of C before they compute it.
pub fn asks_early(rows: usize, cols: usize, depth: usize) -> bool {
    depth >= EARLY_DEPTH || rows * cols >= EARLY_NUMBERS
}

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
    /// Whether C is asked for before it is computed.
    pub early: bool,
}

/// The sums of a tile, vector by vector, row by row.
#[repr(align(64))]
struct Sums(#[expect(dead_code, reason = "written and read through pointers")] [f32; MAX_SUMS]);

/// Numbers in the largest tile there is: 6 rows of 4 vectors of 16.
const MAX_SUMS: usize = 6 * 4 * 16;

/// What is compiled for an epilogue. Most tiles are of the largest shape, and its sums are finished in the registers.
/// Those of the two dozen other shapes come by memory, so that each shape is compiled once for all epilogues: with a
/// kernel for each of both, they would be a tenth of the binary.
pub struct TileKernels {
    /// Computes a tile of the largest shape.
    largest: unsafe fn(&Tile),
    /// Makes of the sums of `rows` × `vectors`, row by row, what C becomes; of the tile only C and its last lanes matter.
    pub finish: unsafe fn(&Tile, rows: usize, vectors: usize, sums: *const f32),
}

impl TileKernels {
    /// The kernels of an epilogue.
    pub const fn of<V: Simd, E: Epilogue<f32>>() -> &'static Self {
        const { &Self { largest: largest::<V, E>, finish: finish_any::<V, E> } }
    }
}

impl Tile {
    /// Computes a tile of `rows` × `vectors`, at most [`max_rows`] × [`max_vectors`].
    ///
    /// # Safety
    /// The machine has the instruction set, and the kernels are those of the epilogue; A and B can be read, and C read and
    /// written, for so many rows and vectors.
    #[inline(always)]
    pub unsafe fn compute<V: Simd>(&self, rows: usize, vectors: usize, kernels: &TileKernels) {
        // SAFETY: the caller's promises; `sums` writes what `finish` reads.
        unsafe {
            if (rows, vectors, self.last) == (max_rows::<V>(), max_vectors::<V>(), V::LANES) {
                (kernels.largest)(self);
            } else {
                let mut sums = MaybeUninit::<Sums>::uninit();
                sums_kernel::<V>(rows, vectors)(self, sums.as_mut_ptr());
                (kernels.finish)(self, rows, vectors, sums.as_ptr().cast()); // no reference: a part of them is written
            }
        }
    }
}

type SumsKernel = unsafe fn(&Tile, *mut Sums);

/// The kernel that computes the sums of `rows` × `vectors`.
fn sums_kernel<V: Simd>(rows: usize, vectors: usize) -> SumsKernel {
    const fn wide<V: Simd, const ROWS: usize>() -> [SumsKernel; 4] {
        // Shapes that are too large for the registers are never asked for: do not compile them.
        if max_vectors::<V>() == 4 {
            [write::<V, ROWS, 1>, write::<V, ROWS, 2>, write::<V, ROWS, 3>, write::<V, ROWS, 4>]
        } else {
            [write::<V, ROWS, 1>, write::<V, ROWS, 2>, write::<V, ROWS, 2>, write::<V, ROWS, 2>]
        }
    }
    debug_assert!(rows <= max_rows::<V>() && vectors <= max_vectors::<V>());
    let kernels = const {
        [wide::<V, 1>(), wide::<V, 2>(), wide::<V, 3>(), wide::<V, 4>(), wide::<V, 5>(), wide::<V, 6>()]
    };
    kernels[rows - 1][vectors - 1]
}

unsafe fn write<V: Simd, const ROWS: usize, const VECTORS: usize>(tile: &Tile, to: *mut Sums) {
    // SAFETY: the caller's promises; there is room for the largest tile.
    unsafe {
        V::enter(
            #[inline(always)]
            || {
                let sums = sums::<V, ROWS, VECTORS>(tile);
                let mut to: *mut f32 = to.cast();
                for vector in sums.as_flattened() {
                    vector.store(to);
                    to = to.add(V::LANES);
                }
            },
        )
    }
}

unsafe fn finish_any<V: Simd, E: Epilogue<f32>>(tile: &Tile, rows: usize, vectors: usize, sums: *const f32) {
    // SAFETY: the caller's promises; the last vector's lanes beyond C are neither read nor written.
    unsafe {
        V::enter(
            #[inline(always)]
            || {
                let epilogue: E = tile.c.epilogue();
                for i in 0..rows {
                    let c = Output { col: 1, ..tile.c.from(i, 0) };
                    for j in 0..vectors {
                        let lanes = if j + 1 == vectors { tile.last } else { V::LANES };
                        let place = c.place(j * V::LANES, lanes);
                        let vector = V::load(sums.add((i * vectors + j) * V::LANES));
                        place.store(epilogue.apply([vector], &place));
                    }
                }
            },
        )
    }
}

unsafe fn largest<V: Simd, E: Epilogue<f32>>(tile: &Tile) {
    // SAFETY: the caller's promises.
    unsafe {
        V::enter(
            #[inline(always)]
            || match (max_rows::<V>(), max_vectors::<V>()) {
                (6, 4) => finish(tile, tile.c.epilogue::<E>(), sums::<V, 6, 4>(tile)),
                (6, _) => finish(tile, tile.c.epilogue::<E>(), sums::<V, 6, 2>(tile)),
                (_, 4) => finish(tile, tile.c.epilogue::<E>(), sums::<V, 4, 4>(tile)),
                _ => finish(tile, tile.c.epilogue::<E>(), sums::<V, 4, 2>(tile)),
            },
        )
    }
}

#[inline(always)]
unsafe fn sums<V: Simd, const ROWS: usize, const VECTORS: usize>(tile: &Tile) -> [[V; VECTORS]; ROWS] {
    // SAFETY: the caller's promises; pointers move on only as far as there are steps.
    unsafe {
        let (mut a, mut b) = (tile.a.data, tile.b.data);
        let mut sums = [[V::splat(0.0); VECTORS]; ROWS];
        if tile.early {
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

/// What C becomes of the sums of a tile whose vectors are whole.
#[inline(always)]
unsafe fn finish<V: Simd, E: Epilogue<f32>, const ROWS: usize, const VECTORS: usize>(
    tile: &Tile,
    epilogue: E,
    sums: [[V; VECTORS]; ROWS],
) {
    // No loop: where the compiler did not unroll it, the sums would live in memory from the start.
    const { assert!(VECTORS == 2 || VECTORS == 4) }
    // SAFETY: the caller's promises.
    unsafe {
        finish_column(tile, epilogue, &sums, 0);
        finish_column(tile, epilogue, &sums, 1);
        if VECTORS > 2 {
            finish_column(tile, epilogue, &sums, 2);
            finish_column(tile, epilogue, &sums, 3);
        }
    }
}

#[inline(always)]
unsafe fn finish_column<V: Simd, E: Epilogue<f32>, const ROWS: usize, const VECTORS: usize>(
    tile: &Tile,
    epilogue: E,
    sums: &[[V; VECTORS]; ROWS],
    j: usize,
) {
    let c = Output { col: 1, ..tile.c }; // said again for the compiler
    let place = c.place(j * V::LANES, V::LANES);
    // SAFETY: the caller's promises.
    unsafe {
        let mut column = [V::splat(0.0); ROWS];
        for (x, sums) in column.iter_mut().zip(sums) {
            *x = sums[j];
        }
        place.store(epilogue.apply(column, &place));
    }
}
