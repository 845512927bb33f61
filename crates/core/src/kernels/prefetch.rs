//! Asking for memory before it is needed. These are hints: nothing can go wrong, and where there is no such instruction
//! nothing happens.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{_MM_HINT_T0, _MM_HINT_T1, _mm_prefetch};

/// Starts to bring these elements into the first cache: they are read in a moment.
#[inline(always)]
pub fn prefetch<U>(elements: &[U]) {
    #[cfg(target_arch = "x86_64")]
    ask_for::<_MM_HINT_T0, U>(elements);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = elements;
}

/// Starts to bring these elements into the second cache: until they are read, much else passes through the first.
#[inline(always)]
pub fn prefetch_for_later<U>(elements: &[U]) {
    #[cfg(target_arch = "x86_64")]
    ask_for::<_MM_HINT_T1, U>(elements);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = elements;
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn ask_for<const HINT: i32, U>(elements: &[U]) {
    const LINE: usize = 64;
    // The first line that holds some of it, for elements seldom start where a line does.
    let start = elements.as_ptr().cast::<i8>();
    let before = start.addr() % LINE;
    for at in (0..before + std::mem::size_of_val(elements)).step_by(LINE) {
        // SAFETY: a prefetch does not access memory in the sense of the language; part of baseline x86-64.
        unsafe { _mm_prefetch::<HINT>(start.wrapping_sub(before).wrapping_add(at)) };
    }
}
