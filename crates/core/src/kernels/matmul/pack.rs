//! Copies of blocks of A and B in the order in which tiles read them.

use super::problem::Input;
use crate::kernels::simd::Simd;

/// Packs `depth` × `cols` of B as rows of `vectors` whole vectors; the last one is filled up with zeros.
///
/// # Safety
/// The machine has the instruction set of `V`; B can be read, and `depth * vectors * LANES` numbers written.
#[inline(never)] // it is large, and called from several places
pub unsafe fn pack_b<V: Simd>(b: Input, depth: usize, cols: usize, vectors: usize, to: *mut f32) {
    // SAFETY: the caller's promises, here and in the calls.
    unsafe {
        V::enter(
            #[inline(always)]
            || {
                let stride = vectors * V::LANES;
                if b.col == 1 {
                    return copy_rows::<V>(b, depth, cols, vectors, to);
                }
                for j in 0..vectors {
                    let b = b.from(0, j * V::LANES);
                    let lanes = V::LANES.min(cols - j * V::LANES);
                    let to = to.add(j * V::LANES);
                    match b.row {
                        1 if lanes == V::LANES => transpose::<V>(b, depth, to, stride),
                        _ => gather::<V>(b, 0..depth, lanes, to, stride),
                    }
                }
            },
        );
    }
}

#[inline(always)]
unsafe fn copy_rows<V: Simd>(b: Input, depth: usize, cols: usize, vectors: usize, mut to: *mut f32) {
    let (whole, rest) = (cols / V::LANES, cols % V::LANES);
    // SAFETY: the caller's promises.
    unsafe {
        for p in 0..depth {
            let row = b.at(p, 0);
            for j in 0..whole {
                V::load(row.add(j * V::LANES)).store(to.add(j * V::LANES));
            }
            if rest > 0 {
                V::load_partial(row.add(whole * V::LANES), rest).store(to.add(whole * V::LANES));
            }
            to = to.add(vectors * V::LANES);
        }
    }
}

#[inline(always)]
unsafe fn transpose<V: Simd>(b: Input, depth: usize, to: *mut f32, stride: usize) {
    let whole = depth / 4 * 4;
    // SAFETY: the caller's promises.
    unsafe {
        for p in (0..whole).step_by(4) {
            for (i, row) in V::load_transposed(b.at(p, 0), b.col).into_iter().enumerate() {
                row.store(to.add((p + i) * stride));
            }
        }
        gather::<V>(b, whole..depth, V::LANES, to, stride);
    }
}

#[inline(always)]
unsafe fn gather<V: Simd>(b: Input, rows: std::ops::Range<usize>, lanes: usize, to: *mut f32, stride: usize) {
    // SAFETY: the caller's promises.
    unsafe {
        for p in rows {
            for j in 0..V::LANES {
                *to.add(p * stride + j) = if j < lanes { *b.at(p, j) } else { 0.0 };
            }
        }
    }
}

/// Packs `rows` × `depth` of an A whose rows are neighbours, as `depth` runs of `rows` numbers.
///
/// # Safety
/// A can be read, and `rows * depth` numbers written.
pub unsafe fn pack_a(a: Input, rows: usize, depth: usize, to: *mut f32) {
    #[inline(always)]
    unsafe fn runs<const ROWS: usize>(a: Input, depth: usize, to: *mut f32) {
        for p in 0..depth {
            // SAFETY: the caller's promises.
            unsafe { std::ptr::copy_nonoverlapping(a.at(0, p), to.add(p * ROWS), ROWS) }
        }
    }
    // SAFETY: the caller's promises.
    unsafe {
        match rows {
            1 => runs::<1>(a, depth, to),
            2 => runs::<2>(a, depth, to),
            3 => runs::<3>(a, depth, to),
            4 => runs::<4>(a, depth, to),
            5 => runs::<5>(a, depth, to),
            _ => runs::<6>(a, depth, to),
        }
    }
}
