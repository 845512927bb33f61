//! Products whose operands both lie along the depth: each element of C is the dot product of two contiguous runs, so
//! vectors run along the depth, and neither operand is repacked. A few rows × 4 columns of C are held in registers, each
//! as a vector of partial sums, which are added up at the end: what that costs is little if the depth is large.

use super::Epilogue;
use super::problem::{Input, Output, Problem};
use crate::kernels::simd::{Simd, Vector};

/// Columns of a group.
pub const COLS: usize = 4;

/// Rows of the largest group: with 16 registers, 12 sums + 3 of A + 1 of B.
const fn max_rows<V: Simd>() -> usize {
    match (V::REGISTERS, V::FUSED) {
        (32.., _) => 6,
        (_, true) => 3,
        _ => 2,
    }
}

/// Some rows × `cols` of C; rows of A and columns of B are contiguous.
pub struct Group {
    depth: usize,
    a: Input,
    b: Input,
    c: Output,
    cols: usize,
}

/// The totals of a group, row by row, [`COLS`] each.
type Totals = [[f32; COLS]; 6];

/// Makes of the totals of so many rows what C becomes. They come by memory, so that the kernels are compiled once for all
/// epilogues.
pub type Finish = unsafe fn(&Group, rows: usize, totals: &Totals);

/// Computes a product in which rows of A and columns of B are contiguous.
///
/// # Safety
/// The machine has the instruction set of `V`, `finish` is that of the epilogue, and nobody else uses C meanwhile.
pub unsafe fn dot<V: Simd>(product: &Problem, finish: Finish) {
    let tiles = product.rows.div_ceil(max_rows::<V>());
    for j in (0..product.cols).step_by(COLS) {
        for tile in 0..tiles {
            // Equal tiles: none is so small that it waits for its own sums.
            let i = product.rows * tile / tiles;
            let rows = product.rows * (tile + 1) / tiles - i;
            let group = Group {
                depth: product.depth,
                a: product.a.from(i, 0),
                b: product.b.from(0, j),
                c: product.c.from(i, j),
                cols: COLS.min(product.cols - j),
            };
            let kernel = match rows {
                1 => totals::<V, 1>,
                2 => totals::<V, 2>,
                3 => totals::<V, 3>,
                4 => totals::<V, 4>,
                5 => totals::<V, 5>,
                _ => totals::<V, 6>,
            };
            // SAFETY: the group lies within the product.
            unsafe { finish(&group, rows, &kernel(&group)) };
        }
    }
}

unsafe fn totals<V: Simd, const ROWS: usize>(group: &Group) -> Totals {
    let mut totals = [[0.0; COLS]; 6];
    // SAFETY: the caller's promises.
    unsafe {
        V::enter(
            #[inline(always)]
            || {
                for (total, vectors) in totals.iter_mut().zip(sums::<V, ROWS>(group)) {
                    V::sum4(vectors).store(total.as_mut_ptr());
                }
            },
        );
    }
    totals
}

#[inline(always)]
unsafe fn sums<V: Simd, const ROWS: usize>(group: &Group) -> [[V; COLS]; ROWS] {
    // SAFETY: the caller's promises; columns beyond the last are read as the last.
    unsafe {
        let (a, b) = (group.a, group.b);
        let cols: [*const f32; COLS] = std::array::from_fn(|j| b.at(0, j.min(group.cols - 1)));
        let mut sums = [[V::splat(0.0); COLS]; ROWS];
        let whole = group.depth / V::LANES * V::LANES;
        for p in (0..whole).step_by(V::LANES) {
            let cols = cols.map(|col| col.add(p));
            accumulate(
                &mut sums,
                a.from(0, p),
                cols,
                #[inline(always)]
                |from| V::load(from),
            );
        }
        let rest = group.depth - whole;
        if rest > 0 {
            let cols = cols.map(|col| col.add(whole));
            accumulate(
                &mut sums,
                a.from(0, whole),
                cols,
                #[inline(always)]
                |from| V::load_partial(from, rest),
            );
        }
        sums
    }
}

/// One step along the depth. Rows stay in registers, while one column after the other is loaded.
#[inline(always)]
unsafe fn accumulate<V: Simd, const ROWS: usize>(
    sums: &mut [[V; COLS]; ROWS],
    a: Input,
    cols: [*const f32; COLS],
    load: impl Fn(*const f32) -> V,
) {
    let xs: [V; ROWS] = std::array::from_fn(|i| load(a.at(i, 0)));
    for (j, col) in cols.into_iter().enumerate() {
        let y = load(col);
        for (x, sums) in xs.iter().zip(sums.iter_mut()) {
            // SAFETY: the caller's promises.
            sums[j] = unsafe { x.mul_add(y, sums[j]) };
        }
    }
}

/// The [`Finish`] of an epilogue.
///
/// # Safety
/// The machine has the instruction set of `V`, the epilogue is an `E`, and nobody else uses these columns of C meanwhile.
pub unsafe fn finish<V: Simd, E: Epilogue<f32>>(group: &Group, rows: usize, totals: &Totals) {
    // SAFETY: the caller's promises; only the group's columns are touched.
    unsafe {
        V::enter(
            #[inline(always)]
            || {
                for (i, totals) in totals.iter().enumerate().take(rows) {
                    let place = group.c.from(i, 0).place(0, group.cols);
                    let total = V::Four::load(totals.as_ptr());
                    place.store(group.c.epilogue::<E>().apply([total], &place));
                }
            },
        );
    }
}
