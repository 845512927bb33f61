//! What glibc's allocator is to know of results that come and go.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::Once;

/// Below the largest block whose release glibc learns from, on 64-bit machines (`DEFAULT_MMAP_THRESHOLD_MAX`).
const LARGE: usize = 32 * 1024 * 1024 - 64 * 1024;

/// Has glibc keep what results leave behind for the next ones, instead of giving it back to the system, which hands out
/// pages of zeros again: that takes longer than most operations do.
///
/// It does so by itself once a block as large has been freed: blocks of that size then count as short-lived, and up to
/// twice as much is kept (mallopt(3), `M_MMAP_THRESHOLD`). Here one is freed that was never touched. Where the environment
/// sets `MALLOC_MMAP_THRESHOLD_` or the like, glibc learns nothing, and what was set holds.
pub fn expect_large_blocks() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let Ok(layout) = Layout::from_size_align(LARGE, 8) else { return };
        // SAFETY: the layout is not empty, and what is freed is what was allocated, or nothing.
        unsafe {
            let block = black_box(System.alloc(layout));
            if !block.is_null() {
                System.dealloc(block, layout);
            }
        }
    });
}
