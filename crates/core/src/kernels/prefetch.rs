//! Asking for memory before it is needed.

/// Starts to bring these elements into the cache. A hint: nothing can go wrong, and where there is no such instruction
/// nothing happens.
#[inline(always)]
pub fn prefetch<U>(elements: &[U]) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        const LINE: usize = 64;
        let bytes = std::mem::size_of_val(elements);
        for at in (0..bytes).step_by(LINE) {
            // SAFETY: a prefetch does not access memory in the sense of the language; part of baseline x86-64.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(elements.as_ptr().cast::<i8>().wrapping_add(at)) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = elements;
}
