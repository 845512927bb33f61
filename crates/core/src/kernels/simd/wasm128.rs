use std::arch::wasm32::*;

use super::{Simd, Vector};

impl Vector<f32> for v128 {
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        f32x4_splat(x)
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's promise, here and in all that follow.
        unsafe { v128_load(from.cast()) }
    }

    #[inline(always)]
    unsafe fn load_partial(from: *const f32, n: usize) -> Self {
        let mut lanes = [0.0; 4];
        for (i, lane) in lanes.iter_mut().enumerate().take(n) {
            // SAFETY: as above; only the first `n` are read.
            *lane = unsafe { *from.add(i) };
        }
        // SAFETY: four numbers.
        unsafe { v128_load(lanes.as_ptr().cast()) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as above.
        unsafe { v128_store(to.cast(), self) }
    }

    #[inline(always)]
    unsafe fn store_partial(self, to: *mut f32, n: usize) {
        let mut lanes = [0.0; 4];
        // SAFETY: room for four numbers.
        unsafe { v128_store(lanes.as_mut_ptr().cast(), self) }
        for (i, &lane) in lanes.iter().enumerate().take(n) {
            // SAFETY: as above; only the first `n` are written.
            unsafe { *to.add(i) = lane }
        }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        f32x4_add(self, other)
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        f32x4_mul(self, other)
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        // Two roundings: the fused instruction is a relaxed one, which an engine may lack.
        f32x4_add(f32x4_mul(self, factor), term)
    }

    #[inline(always)]
    unsafe fn select_nonpositive(self, then: Self, otherwise: Self) -> Self {
        v128_bitselect(then, otherwise, f32x4_le(self, f32x4_splat(0.0)))
    }
}

impl Simd for v128 {
    const REGISTERS: usize = 16; // as many as the smallest machine that runs it has
    const FUSED: bool = false;
    type Four = Self;

    #[inline(always)]
    unsafe fn enter<R>(f: impl FnOnce() -> R) -> R {
        f() // The whole module is compiled for it: an engine loads all of a module or nothing.
    }

    #[inline(always)]
    unsafe fn nonzero(self) -> u32 {
        u32::from(i32x4_bitmask(f32x4_ne(self, f32x4_splat(0.0))))
    }

    #[inline(always)]
    unsafe fn sum4(vectors: [Self; 4]) -> Self {
        let [a, b, c, d] = transpose(vectors);
        f32x4_add(f32x4_add(a, b), f32x4_add(c, d))
    }

    #[inline(always)]
    unsafe fn load_transposed(from: *const f32, stride: usize) -> [Self; 4] {
        // SAFETY: as above.
        transpose([0, 1, 2, 3].map(|row| unsafe { v128_load(from.add(row * stride).cast()) }))
    }
}

/// First singles, then pairs.
#[inline(always)]
fn transpose([a, b, c, d]: [v128; 4]) -> [v128; 4] {
    let (ab_low, ab_high) = (i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<2, 6, 3, 7>(a, b));
    let (cd_low, cd_high) = (i32x4_shuffle::<0, 4, 1, 5>(c, d), i32x4_shuffle::<2, 6, 3, 7>(c, d));
    [
        i64x2_shuffle::<0, 2>(ab_low, cd_low),
        i64x2_shuffle::<1, 3>(ab_low, cd_low),
        i64x2_shuffle::<0, 2>(ab_high, cd_high),
        i64x2_shuffle::<1, 3>(ab_high, cd_high),
    ]
}
