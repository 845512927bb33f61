use std::arch::aarch64::*;

use super::{Simd, Vector};

impl Vector<f32> for float32x4_t {
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        // SAFETY: the caller's promises, here and in all that follow.
        unsafe { vdupq_n_f32(x) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: as above.
        unsafe { vld1q_f32(from) }
    }

    #[inline(always)]
    unsafe fn load_partial(from: *const f32, n: usize) -> Self {
        let mut lanes = [0.0; 4];
        for (i, lane) in lanes.iter_mut().enumerate().take(n) {
            // SAFETY: as above; only the first `n` are read.
            *lane = unsafe { *from.add(i) };
        }
        // SAFETY: as above.
        unsafe { vld1q_f32(lanes.as_ptr()) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as above.
        unsafe { vst1q_f32(to, self) }
    }

    #[inline(always)]
    unsafe fn store_partial(self, to: *mut f32, n: usize) {
        let mut lanes = [0.0; 4];
        // SAFETY: as above.
        unsafe { vst1q_f32(lanes.as_mut_ptr(), self) }
        for (i, &lane) in lanes.iter().enumerate().take(n) {
            // SAFETY: as above; only the first `n` are written.
            unsafe { *to.add(i) = lane }
        }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe { vaddq_f32(self, other) }
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe { vmulq_f32(self, other) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        // SAFETY: as above.
        unsafe { vfmaq_f32(term, self, factor) }
    }

    #[inline(always)]
    unsafe fn select_nonpositive(self, then: Self, otherwise: Self) -> Self {
        // SAFETY: as above.
        unsafe { vbslq_f32(vclezq_f32(self), then, otherwise) }
    }
}

impl Simd for float32x4_t {
    const REGISTERS: usize = 32;
    const FUSED: bool = true;
    type Four = Self;

    #[inline(always)]
    unsafe fn enter<R>(f: impl FnOnce() -> R) -> R {
        f() // Neon is part of the architecture's baseline.
    }

    #[inline(always)]
    unsafe fn nonzero(self) -> u32 {
        const BITS: [u32; 4] = [1, 2, 4, 8];
        // SAFETY: as above; there are four numbers.
        unsafe { vaddvq_u32(vbicq_u32(vld1q_u32(BITS.as_ptr()), vceqzq_f32(self))) }
    }

    #[inline(always)]
    unsafe fn sum4([a, b, c, d]: [Self; 4]) -> Self {
        // SAFETY: as above.
        unsafe { vpaddq_f32(vpaddq_f32(a, b), vpaddq_f32(c, d)) }
    }

    #[inline(always)]
    unsafe fn load_transposed(from: *const f32, stride: usize) -> [Self; 4] {
        // SAFETY: as above.
        unsafe {
            let [a, b, c, d] =
                [0, 1, 2, 3].map(|row| vreinterpretq_f64_f32(Self::load(from.add(row * stride))));
            // Pairs first, then singles.
            let [ac_low, ac_high] = [vzip1q_f64(a, c), vzip2q_f64(a, c)].map(|v| vreinterpretq_f32_f64(v));
            let [bd_low, bd_high] = [vzip1q_f64(b, d), vzip2q_f64(b, d)].map(|v| vreinterpretq_f32_f64(v));
            [
                vtrn1q_f32(ac_low, bd_low),
                vtrn2q_f32(ac_low, bd_low),
                vtrn1q_f32(ac_high, bd_high),
                vtrn2q_f32(ac_high, bd_high),
            ]
        }
    }
}
