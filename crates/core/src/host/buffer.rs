//! Typed arrays of the host, borrowed for the length of a call.

use std::ops::Range;
use std::{ptr, slice};

use crate::{Data, DataMut, Error, Result};

/// What a buffer has elements of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// A Float32Array's.
    Float32,
    /// An Int32Array's.
    Int32,
    /// A Uint8Array's.
    Uint8,
    /// Of none of these: refused when it is used.
    Other,
}

/// A typed array, valid until the call returns.
#[derive(Debug)]
pub struct Buffer {
    element: Element,
    data: *mut u8,
    length: usize,
    address: u64,
}

fn wrong(expected: &str) -> Error {
    Error::internal(format!("the binding expected {expected}"))
}

impl Buffer {
    /// A buffer of `length` elements at `data`; null, which a detached array has, makes an empty one. `address` is where
    /// the host has them, in bytes: it tells which buffers share memory, even where they are lent as copies.
    ///
    /// # Safety
    /// While the buffer lives, the elements stay in place, aligned for their type and initialised, and nobody else writes
    /// them; if this one is written, nobody else reads them, be it through another buffer.
    pub unsafe fn new(element: Element, data: *mut u8, length: usize, address: u64) -> Self {
        Self { element, data, length: if data.is_null() { 0 } else { length }, address }
    }

    fn slice<T>(&self) -> &[T] {
        if self.length == 0 {
            return &[];
        }
        // SAFETY: whoever made the buffer promised it.
        unsafe { slice::from_raw_parts(self.data.cast(), self.length) }
    }

    fn slice_mut<T>(&mut self) -> &mut [T] {
        if self.length == 0 {
            return &mut [];
        }
        // SAFETY: whoever made the buffer promised it.
        unsafe { slice::from_raw_parts_mut(self.data.cast(), self.length) }
    }

    /// The elements, to be read.
    pub fn data(&self) -> Result<Data<'_, f32>> {
        match self.element {
            Element::Float32 => Ok(Data::Real(self.slice())),
            Element::Int32 => Ok(Data::Int(self.slice())),
            Element::Uint8 => Ok(Data::Byte(self.slice())),
            Element::Other => Err(wrong("a Float32Array, Int32Array or Uint8Array")),
        }
    }

    /// The elements, to be written.
    pub fn data_mut(&mut self) -> Result<DataMut<'_, f32>> {
        match self.element {
            Element::Float32 => Ok(DataMut::Real(self.slice_mut())),
            Element::Int32 => Ok(DataMut::Int(self.slice_mut())),
            Element::Uint8 => Ok(DataMut::Byte(self.slice_mut())),
            Element::Other => Err(wrong("a Float32Array, Int32Array or Uint8Array")),
        }
    }

    /// Floats, to be read.
    pub fn floats(&self) -> Result<&[f32]> {
        match self.data()? {
            Data::Real(x) => Ok(x),
            _ => Err(wrong("a Float32Array")),
        }
    }

    /// Integers, to be read.
    pub fn ints(&self) -> Result<&[i32]> {
        match self.data()? {
            Data::Int(x) => Ok(x),
            _ => Err(wrong("an Int32Array")),
        }
    }

    /// Bytes, to be read.
    pub fn bytes(&self) -> Result<&[u8]> {
        match self.data()? {
            Data::Byte(x) => Ok(x),
            _ => Err(wrong("a Uint8Array")),
        }
    }

    /// Floats, to be written.
    pub fn floats_mut(&mut self) -> Result<&mut [f32]> {
        match self.data_mut()? {
            DataMut::Real(x) => Ok(x),
            _ => Err(wrong("a Float32Array")),
        }
    }

    /// Integers, to be written.
    pub fn ints_mut(&mut self) -> Result<&mut [i32]> {
        match self.data_mut()? {
            DataMut::Int(x) => Ok(x),
            _ => Err(wrong("an Int32Array")),
        }
    }

    /// Bytes, to be written.
    pub fn bytes_mut(&mut self) -> Result<&mut [u8]> {
        match self.data_mut()? {
            DataMut::Byte(x) => Ok(x),
            _ => Err(wrong("a Uint8Array")),
        }
    }

    /// The bytes that it takes at the host.
    pub(super) fn range(&self) -> Range<u64> {
        let size = if self.element == Element::Uint8 { 1 } else { 4 };
        self.address..self.address + (self.length * size) as u64
    }
}

/// Refuses memory that is written and at the same time read or written as something else. The range of a buffer is
/// given with whether it is written.
pub(super) fn expect_apart(mut ranges: Vec<(Range<u64>, bool)>, message: &str) -> Result<()> {
    ranges.retain(|(range, _)| !range.is_empty());
    ranges.sort_unstable_by_key(|(range, _)| range.start);
    let (mut end, mut written_end) = (0, 0);
    for (range, written) in ranges {
        if range.start < written_end || (written && range.start < end) {
            return Err(Error::state(message));
        }
        end = end.max(range.end);
        if written {
            written_end = written_end.max(range.end);
        }
    }
    Ok(())
}

/// A pointer to no elements of any type.
pub(super) const NOWHERE: *mut u8 = ptr::without_provenance_mut(64);
