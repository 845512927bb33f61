//! Memory that begins at a cache line.

use std::marker::PhantomData;

/// A cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([u8; LINE]);

/// Bytes of a cache line.
pub const LINE: usize = 64;

/// Elements of a plain number type, from the start of a cache line on; zero at first.
#[derive(Debug)]
pub struct Buffer<T> {
    lines: Vec<Line>,
    length: usize,
    of: PhantomData<T>,
}

impl<T: Copy + Default> Buffer<T> {
    /// `length` elements.
    pub fn new(length: usize) -> Self {
        let lines = vec![Line([0; LINE]); (length * size_of::<T>()).div_ceil(LINE)];
        Self { lines, length, of: PhantomData }
    }

    /// A copy of some elements.
    pub fn from_slice(elements: &[T]) -> Self {
        let mut buffer = Self::new(elements.len());
        buffer.as_mut_slice().copy_from_slice(elements);
        buffer
    }

    /// The elements.
    pub fn as_slice(&self) -> &[T] {
        // SAFETY: there are lines enough, aligned for any number; all bytes are set, and any are a number.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.length) }
    }

    /// The elements, to be written.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.length) }
    }
}
