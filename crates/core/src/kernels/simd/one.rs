//! A number as a vector of one lane: what is written over [`Vector`] runs on single numbers too, of either type.

use super::Vector;

macro_rules! one_lane {
    ($type:ty) => {
        impl Vector<$type> for $type {
            const LANES: usize = 1;

            #[inline(always)]
            unsafe fn splat(x: $type) -> Self {
                x
            }

            #[inline(always)]
            unsafe fn load(from: *const $type) -> Self {
                // SAFETY: the caller's promise.
                unsafe { *from }
            }

            #[inline(always)]
            unsafe fn load_partial(from: *const $type, _: usize) -> Self {
                // SAFETY: the caller's promise.
                unsafe { *from }
            }

            #[inline(always)]
            unsafe fn store(self, to: *mut $type) {
                // SAFETY: the caller's promise.
                unsafe { *to = self }
            }

            #[inline(always)]
            unsafe fn store_partial(self, to: *mut $type, _: usize) {
                // SAFETY: the caller's promise.
                unsafe { *to = self }
            }

            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                self + other
            }

            #[inline(always)]
            unsafe fn mul(self, other: Self) -> Self {
                self * other
            }

            #[inline(always)]
            unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
                self * factor + term
            }

            #[inline(always)]
            unsafe fn select_nonpositive(self, then: Self, otherwise: Self) -> Self {
                if self <= 0.0 { then } else { otherwise }
            }
        }
    };
}

one_lane!(f32);
one_lane!(f64);
