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

    /// A copy of some elements: written once, not zeroed before, for a dataset may be large.
    pub fn from_slice(elements: &[T]) -> Self {
        let bytes = size_of_val(elements);
        let mut lines: Vec<Line> = Vec::with_capacity(bytes.div_ceil(LINE));
        if bytes > 0 {
            let last = bytes.div_ceil(LINE) - 1;
            // SAFETY: there is room for `last + 1` lines, all of whose bytes are set: by the copy, and those after it by
            // the zeros that the last line begins with.
            unsafe {
                lines.as_mut_ptr().add(last).write(Line([0; LINE]));
                std::ptr::copy_nonoverlapping(
                    elements.as_ptr().cast::<u8>(),
                    lines.as_mut_ptr().cast(),
                    bytes,
                );
                lines.set_len(last + 1);
            }
        }
        Self { lines, length: elements.len(), of: PhantomData }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_have_the_elements_and_start_at_a_line() {
        for n in [0, 1, 15, 16, 17, 1000] {
            let x: Vec<f32> = (0..n).map(|i| i as f32).collect();
            let copy = Buffer::from_slice(&x);
            assert_eq!(copy.as_slice(), x);
            assert!(n == 0 || copy.as_slice().as_ptr().addr().is_multiple_of(LINE));
            assert!(Buffer::<f32>::new(n).as_slice().iter().all(|&x| x == 0.0));
        }
    }
}
