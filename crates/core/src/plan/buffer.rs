//! Memory that begins at a cache line.

use std::marker::PhantomData;
use std::slice;

/// Bytes of a cache line.
pub const LINE: usize = 64;

/// Bytes that the system provides at once, at least.
const PAGE: usize = 4096;

/// Elements of a plain number type, from the start of a cache line on.
#[derive(Debug)]
pub struct Buffer<T> {
    /// Up to the start of a line padding, then the elements.
    bytes: Vec<u8>,
    start: usize,
    of: PhantomData<T>,
}

impl<T: Copy + Default> Buffer<T> {
    /// `length` elements, all zero. Where they are many, the system provides memory only when they are touched.
    pub fn new(length: usize) -> Self {
        let mut bytes = vec![0; length * size_of::<T>() + LINE - 1];
        let start = bytes.as_ptr().align_offset(LINE);
        bytes.truncate(start + length * size_of::<T>());
        Self { bytes, start, of: PhantomData }
    }

    /// Room for `length` elements, of which none is there yet.
    pub fn with_capacity(length: usize) -> Self {
        let mut bytes: Vec<u8> = Vec::with_capacity(length * size_of::<T>() + LINE - 1);
        let start = bytes.as_ptr().align_offset(LINE);
        bytes.resize(start, 0);
        Self { bytes, start, of: PhantomData }
    }

    /// A copy of some elements.
    pub fn from_slice(elements: &[T]) -> Self {
        let mut copy = Self::with_capacity(elements.len());
        copy.append(elements);
        copy
    }

    /// Adds a copy of some elements, for which there must be room: they are written once, not zeroed before.
    ///
    /// # Panics
    /// If there is no room, since what is there cannot move.
    pub fn append(&mut self, elements: &[T]) {
        // SAFETY: any number is as many bytes.
        let bytes = unsafe { slice::from_raw_parts(elements.as_ptr().cast(), size_of_val(elements)) };
        assert!(bytes.len() <= self.bytes.capacity() - self.bytes.len(), "a buffer is full");
        self.bytes.extend_from_slice(bytes);
    }

    /// Has the system provide the memory that is still empty, so that whoever appends does not wait for that.
    pub fn touch(&mut self) {
        for byte in self.bytes.spare_capacity_mut().iter_mut().step_by(PAGE) {
            byte.write(0);
        }
    }

    /// The elements.
    pub fn as_slice(&self) -> &[T] {
        let bytes = &self.bytes[self.start..];
        // SAFETY: the start of a line is aligned for any number; all bytes are set, and any are a number.
        unsafe { slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len() / size_of::<T>()) }
    }

    /// The elements, to be written.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        let bytes = &mut self.bytes[self.start..];
        // SAFETY: as above.
        unsafe { slice::from_raw_parts_mut(bytes.as_mut_ptr().cast(), bytes.len() / size_of::<T>()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_have_the_elements_and_start_at_a_line() {
        for n in [0, 1, 15, 16, 17, 1000] {
            let x: Vec<f32> = (0..n).map(|i| i as f32).collect();
            let mut pieces = Buffer::with_capacity(n);
            for (i, piece) in x.chunks(7).enumerate() {
                if i % 2 == 0 {
                    pieces.touch();
                }
                pieces.append(piece);
            }
            for copy in [Buffer::from_slice(&x), pieces] {
                assert_eq!(copy.as_slice(), x);
                assert!(copy.as_slice().as_ptr().addr().is_multiple_of(LINE));
            }
            let zeros = Buffer::<f32>::new(n);
            assert_eq!(zeros.as_slice(), vec![0.0; n]);
            assert!(zeros.as_slice().as_ptr().addr().is_multiple_of(LINE));
        }
    }

    #[test]
    #[should_panic(expected = "a buffer is full")]
    fn what_does_not_fit_is_refused() {
        let mut buffer = Buffer::with_capacity(1000);
        buffer.append(&[1.0_f32; 900]);
        buffer.append(&[1.0; 200]);
    }
}
