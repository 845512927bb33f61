//! The thread pool: work cut into fixed lanes.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, Result};

/// The most threads that may be asked for.
pub const MAX_THREADS: usize = 256;

static THREADS: AtomicUsize = AtomicUsize::new(1);

/// Sets the number of lanes that work is cut into; an error unless it is 1 to [`MAX_THREADS`].
pub fn set_num_threads(n: usize) -> Result<()> {
    if n == 0 || n > MAX_THREADS {
        return Err(Error::argument(format!("setNumThreads: expected 1 to {MAX_THREADS}, got {n}")));
    }
    THREADS.store(n, Ordering::Relaxed);
    Ok(())
}

/// The number of lanes that work is cut into.
pub fn get_num_threads() -> usize {
    THREADS.load(Ordering::Relaxed)
}

/// Runs `body` over `0..items`, cut into at most [`get_num_threads`] contiguous lanes of multiples of `grain`.
pub fn parallel_for(items: usize, grain: usize, body: &(dyn Fn(Range<usize>) + Sync)) {
    let units = items.div_ceil(grain.max(1));
    let lanes = get_num_threads().min(units);
    for lane in 0..lanes {
        let edge = |lane: usize| (units * lane / lanes * grain.max(1)).min(items);
        body(edge(lane)..edge(lane + 1));
    }
}
