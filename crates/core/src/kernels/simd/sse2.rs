use std::arch::x86_64::*;

use super::{Simd, Vector};

impl Vector<f32> for __m128 {
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        // SAFETY: SSE2 is there.
        unsafe { _mm_set1_ps(x) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's promise, here and in all that follow.
        unsafe { _mm_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn load_partial(from: *const f32, n: usize) -> Self {
        let mut lanes = [0.0; 4];
        for (i, lane) in lanes.iter_mut().enumerate().take(n) {
            // SAFETY: as above; only the first `n` are read.
            *lane = unsafe { *from.add(i) };
        }
        // SAFETY: four numbers.
        unsafe { _mm_loadu_ps(lanes.as_ptr()) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as above.
        unsafe { _mm_storeu_ps(to, self) }
    }

    #[inline(always)]
    unsafe fn store_partial(self, to: *mut f32, n: usize) {
        let mut lanes = [0.0; 4];
        // SAFETY: room for four numbers.
        unsafe { _mm_storeu_ps(lanes.as_mut_ptr(), self) }
        for (i, &lane) in lanes.iter().enumerate().take(n) {
            // SAFETY: as above; only the first `n` are written.
            unsafe { *to.add(i) = lane }
        }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: SSE2 is there.
        unsafe { _mm_add_ps(self, other) }
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        // SAFETY: SSE2 is there.
        unsafe { _mm_mul_ps(self, other) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        // SAFETY: SSE2 is there.
        unsafe { _mm_add_ps(_mm_mul_ps(self, factor), term) }
    }

    #[inline(always)]
    unsafe fn select_nonpositive(self, then: Self, otherwise: Self) -> Self {
        // SAFETY: SSE2 is there.
        unsafe {
            let nonpositive = _mm_cmple_ps(self, _mm_setzero_ps());
            _mm_or_ps(_mm_and_ps(nonpositive, then), _mm_andnot_ps(nonpositive, otherwise))
        }
    }
}

impl Simd for __m128 {
    const REGISTERS: usize = 16;
    const FUSED: bool = false;
    type Four = Self;

    #[inline(always)]
    unsafe fn enter<R>(f: impl FnOnce() -> R) -> R {
        f() // SSE2 is part of the architecture's baseline.
    }

    #[inline(always)]
    unsafe fn prefetch(address: *const f32) {
        // SAFETY: as above.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
    }

    #[inline(always)]
    unsafe fn nonzero(self) -> u32 {
        // SAFETY: SSE2 is there.
        unsafe { _mm_movemask_ps(_mm_cmpneq_ps(self, _mm_setzero_ps())) as u32 }
    }

    #[inline(always)]
    unsafe fn sum4(vectors: [Self; 4]) -> Self {
        let [a, b, c, d] = transpose(vectors);
        // SAFETY: SSE2 is there.
        unsafe { _mm_add_ps(_mm_add_ps(a, b), _mm_add_ps(c, d)) }
    }

    #[inline(always)]
    unsafe fn load_transposed(from: *const f32, stride: usize) -> [Self; 4] {
        // SAFETY: as above.
        transpose([0, 1, 2, 3].map(|row| unsafe { _mm_loadu_ps(from.add(row * stride)) }))
    }
}

/// First singles, then pairs.
#[inline(always)]
fn transpose([a, b, c, d]: [__m128; 4]) -> [__m128; 4] {
    // SAFETY: SSE2 is there.
    unsafe {
        let (ab_low, ab_high) = (_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b));
        let (cd_low, cd_high) = (_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d));
        [
            _mm_movelh_ps(ab_low, cd_low),
            _mm_movehl_ps(cd_low, ab_low),
            _mm_movelh_ps(ab_high, cd_high),
            _mm_movehl_ps(cd_high, ab_high),
        ]
    }
}
