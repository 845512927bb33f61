//! Memory for values that live no longer than a call, used again by the next.

use crate::real::Real;

/// Buffers to take and to give back. What a buffer holds when it is taken is arbitrary.
#[derive(Debug, Default)]
pub struct Arena<T> {
    free: Vec<Vec<T>>,
}

/// The most buffers that are kept.
const KEPT: usize = 64;

impl<T: Real> Arena<T> {
    /// With nothing in it.
    pub fn new() -> Self {
        Self { free: Vec::new() }
    }

    /// A buffer of `length` elements: the smallest free one that is large enough, but not wastefully so.
    pub fn take(&mut self, length: usize) -> Vec<T> {
        let fits = |buffer: &Vec<T>| buffer.capacity() >= length && buffer.capacity() / 4 <= length.max(1024);
        let best =
            (0..self.free.len()).filter(|&i| fits(&self.free[i])).min_by_key(|&i| self.free[i].capacity());
        let mut buffer = best.map_or_else(|| Vec::with_capacity(length), |i| self.free.swap_remove(i));
        if buffer.len() < length {
            buffer.resize(length, T::ZERO);
        }
        buffer.truncate(length);
        buffer
    }

    /// Takes a buffer back.
    pub fn give(&mut self, buffer: Vec<T>) {
        if self.free.len() == KEPT {
            self.free.remove(0); // the one that has not been wanted for longest, or nearly
        }
        self.free.push(buffer);
    }
}
