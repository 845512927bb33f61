use super::{Simd, Vector};

/// Four numbers side by side, for targets that have no vectors of their own here.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct F32x4([f32; 4]);

impl Vector<f32> for F32x4 {
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Self([x; 4])
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { from.cast::<[f32; 4]>().read() })
    }

    #[inline(always)]
    unsafe fn load_partial(from: *const f32, n: usize) -> Self {
        // SAFETY: the caller's promise; only the first `n` are read.
        Self(std::array::from_fn(|i| if i < n { unsafe { *from.add(i) } } else { 0.0 }))
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { to.cast::<[f32; 4]>().write(self.0) }
    }

    #[inline(always)]
    unsafe fn store_partial(self, to: *mut f32, n: usize) {
        for (i, &lane) in self.0.iter().enumerate().take(n) {
            // SAFETY: the caller's promise; only the first `n` are written.
            unsafe { *to.add(i) = lane }
        }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + other.0[i]))
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] * other.0[i]))
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        // Two roundings: without the instruction, `f32::mul_add` would be a call.
        Self(std::array::from_fn(|i| self.0[i] * factor.0[i] + term.0[i]))
    }

    #[inline(always)]
    unsafe fn select_nonpositive(self, then: Self, otherwise: Self) -> Self {
        Self(std::array::from_fn(|i| if self.0[i] <= 0.0 { then.0[i] } else { otherwise.0[i] }))
    }
}

impl Simd for F32x4 {
    const REGISTERS: usize = 16;
    const FUSED: bool = false;
    type Four = Self;

    #[inline(always)]
    unsafe fn enter<R>(f: impl FnOnce() -> R) -> R {
        f()
    }

    #[inline(always)]
    unsafe fn nonzero(self) -> u32 {
        (0..4).map(|i| u32::from(self.0[i] != 0.0) << i).sum()
    }

    #[inline(always)]
    unsafe fn sum4(vectors: [Self; 4]) -> Self {
        Self(vectors.map(|Self([a, b, c, d])| (a + b) + (c + d)))
    }

    #[inline(always)]
    unsafe fn load_transposed(from: *const f32, stride: usize) -> [Self; 4] {
        // SAFETY: the caller's promise.
        std::array::from_fn(|i| Self(std::array::from_fn(|j| unsafe { *from.add(j * stride + i) })))
    }
}
