use std::arch::x86_64::*;

use super::{Simd, Vector};
use crate::kernels::isa::avx512;

/// The first `n` lanes.
#[inline(always)]
fn mask(n: usize) -> __mmask16 {
    ((1u32 << n) - 1) as __mmask16
}

/// Four 128-bit rows that are `stride` apart, one a quarter.
#[inline(always)]
unsafe fn quarters(from: *const f32, stride: usize) -> __m512 {
    // SAFETY: the caller's, who promises four readable rows.
    unsafe {
        let row = _mm512_castps128_ps512(_mm_loadu_ps(from));
        let row = _mm512_insertf32x4::<1>(row, _mm_loadu_ps(from.add(stride)));
        let row = _mm512_insertf32x4::<2>(row, _mm_loadu_ps(from.add(2 * stride)));
        _mm512_insertf32x4::<3>(row, _mm_loadu_ps(from.add(3 * stride)))
    }
}

impl Vector<f32> for __m512 {
    const LANES: usize = 16;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        // SAFETY: the caller's promises, here and in all that follow.
        unsafe { _mm512_set1_ps(x) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn load_partial(from: *const f32, n: usize) -> Self {
        // SAFETY: as above; masked lanes are not touched.
        unsafe { _mm512_maskz_loadu_ps(mask(n), from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as above.
        unsafe { _mm512_storeu_ps(to, self) }
    }

    #[inline(always)]
    unsafe fn store_partial(self, to: *mut f32, n: usize) {
        // SAFETY: as above; masked lanes are not touched.
        unsafe { _mm512_mask_storeu_ps(to, mask(n), self) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_add_ps(self, other) }
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_mul_ps(self, other) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_fmadd_ps(self, factor, term) }
    }

    #[inline(always)]
    unsafe fn select_nonpositive(self, then: Self, otherwise: Self) -> Self {
        // SAFETY: as above.
        unsafe {
            let nonpositive = _mm512_cmp_ps_mask::<_CMP_LE_OQ>(self, _mm512_setzero_ps());
            _mm512_mask_blend_ps(nonpositive, otherwise, then)
        }
    }
}

impl Simd for __m512 {
    const REGISTERS: usize = 32;
    const FUSED: bool = true;
    type Four = __m128;

    #[inline(always)]
    unsafe fn enter<R>(f: impl FnOnce() -> R) -> R {
        // SAFETY: the caller's promise.
        unsafe { avx512(f) }
    }

    #[inline(always)]
    unsafe fn prefetch(address: *const f32) {
        // SAFETY: as above.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
    }

    #[inline(always)]
    unsafe fn nonzero(self) -> u32 {
        // SAFETY: as above.
        unsafe { _mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(self, _mm512_setzero_ps()).into() }
    }

    #[inline(always)]
    unsafe fn sum4(vectors: [Self; 4]) -> __m128 {
        // SAFETY: as above.
        unsafe {
            let halves =
                vectors.map(|v| _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps::<1>(v)));
            __m256::sum4(halves)
        }
    }

    #[inline(always)]
    unsafe fn load_transposed(from: *const f32, stride: usize) -> [Self; 4] {
        // SAFETY: as above.
        unsafe {
            let [a, b, c, d] = [0, 1, 2, 3].map(|row| quarters(from.add(row * stride), 4 * stride));
            // Each quarter holds four rows of four: transpose there, first singles, then pairs.
            let (ab_low, ab_high) = (_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
            let (cd_low, cd_high) = (_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
            [
                _mm512_shuffle_ps::<0b01_00_01_00>(ab_low, cd_low),
                _mm512_shuffle_ps::<0b11_10_11_10>(ab_low, cd_low),
                _mm512_shuffle_ps::<0b01_00_01_00>(ab_high, cd_high),
                _mm512_shuffle_ps::<0b11_10_11_10>(ab_high, cd_high),
            ]
        }
    }
}
