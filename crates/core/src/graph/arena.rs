//! Memory for values that live no longer than a call, used again by the next.

use crate::real::Real;

/// Buffers to take and to give back. What a buffer holds when it is taken is arbitrary.
#[derive(Debug, Default)]
pub struct Arena<T> {
    reals: Free<T>,
    /// Integers.
    pub ints: Free<i32>,
    /// Bytes.
    pub bytes: Free<u8>,
}

impl<T: Real> Arena<T> {
    /// With nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// A buffer of `length` floats.
    pub fn take(&mut self, length: usize) -> Vec<T> {
        self.reals.take(length)
    }

    /// Takes a buffer of floats back.
    pub fn give(&mut self, buffer: Vec<T>) {
        self.reals.give(buffer);
    }
}

/// Buffers of one type that are free.
#[derive(Debug, Default)]
pub struct Free<E> {
    buffers: Vec<Vec<E>>,
}

/// The most buffers of a type that are kept.
const KEPT: usize = 64;

impl<E: Copy + Default> Free<E> {
    /// A buffer of `length` elements: the smallest free one that is large enough, but not wastefully so.
    pub fn take(&mut self, length: usize) -> Vec<E> {
        let fits = |buffer: &Vec<E>| buffer.capacity() >= length && buffer.capacity() / 4 <= length.max(1024);
        let free = &mut self.buffers;
        let best = (0..free.len()).filter(|&i| fits(&free[i])).min_by_key(|&i| free[i].capacity());
        let mut buffer = best.map_or_else(|| Vec::with_capacity(length), |i| free.swap_remove(i));
        if buffer.len() < length {
            buffer.resize(length, E::default());
        }
        buffer.truncate(length);
        buffer
    }

    /// Takes a buffer back.
    pub fn give(&mut self, buffer: Vec<E>) {
        if self.buffers.len() == KEPT {
            self.buffers.remove(0); // the one that has not been wanted for longest, or nearly
        }
        self.buffers.push(buffer);
    }
}
