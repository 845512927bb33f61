//! Typed arrays, borrowed for the length of a call.
//!
//! Their memory belongs to V8: no finalizer, no copy. Whoever calls from TypeScript passes each array that is written
//! once only, and not among those that are read.

use std::ops::Range;
use std::ptr;

use ferrograd_core::{Data, DataMut, Error, Result};
use napi::bindgen_prelude::{FromNapiValue, TypeName, ValidateNapiValue};
use napi::{Status, ValueType, sys};

/// A typed array of JavaScript, valid until the call returns.
pub struct Borrowed {
    kind: sys::napi_typedarray_type,
    data: *mut std::ffi::c_void,
    length: usize,
}

impl TypeName for Borrowed {
    fn type_name() -> &'static str {
        "TypedArray"
    }

    fn value_type() -> ValueType {
        ValueType::Object
    }
}

impl ValidateNapiValue for Borrowed {}

impl FromNapiValue for Borrowed {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> napi::Result<Self> {
        let mut borrowed = Borrowed { kind: 0, data: ptr::null_mut(), length: 0 };
        // SAFETY: the engine writes to the three places given, or fails and says so.
        let status = unsafe {
            sys::napi_get_typedarray_info(
                env,
                value,
                &mut borrowed.kind,
                &mut borrowed.length,
                &mut borrowed.data,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        if status != sys::Status::napi_ok {
            return Err(napi::Error::new(Status::InvalidArg, "expected a typed array".to_string()));
        }
        Ok(borrowed)
    }
}

fn wrong(expected: &str) -> Error {
    Error::internal(format!("the binding expected {expected}"))
}

impl Borrowed {
    /// Pointer and length for a slice. A detached buffer has a null pointer and becomes an empty slice.
    fn parts<T>(&self) -> (*mut T, usize) {
        if self.data.is_null() || self.length == 0 {
            (ptr::NonNull::dangling().as_ptr(), 0)
        } else {
            (self.data.cast(), self.length)
        }
    }

    fn slice<T>(&self) -> &[T] {
        let (data, length) = self.parts::<T>();
        // SAFETY: V8 keeps the array's memory, of `length` elements, in place while the call runs, aligned for its
        // element type; JavaScript, the only other one to write it, waits for the call.
        unsafe { std::slice::from_raw_parts(data, length) }
    }

    fn slice_mut<T>(&mut self) -> &mut [T] {
        let (data, length) = self.parts::<T>();
        // SAFETY: as above; an array to be written is passed once.
        unsafe { std::slice::from_raw_parts_mut(data, length) }
    }

    /// The elements, to be read.
    pub fn data(&self) -> Result<Data<'_, f32>> {
        match self.kind {
            sys::TypedarrayType::float32_array => Ok(Data::Real(self.slice())),
            sys::TypedarrayType::int32_array => Ok(Data::Int(self.slice())),
            sys::TypedarrayType::uint8_array | sys::TypedarrayType::uint8_clamped_array => {
                Ok(Data::Byte(self.slice()))
            }
            _ => Err(wrong("a Float32Array, Int32Array or Uint8Array")),
        }
    }

    /// The elements, to be written.
    pub fn data_mut(&mut self) -> Result<DataMut<'_, f32>> {
        match self.kind {
            sys::TypedarrayType::float32_array => Ok(DataMut::Real(self.slice_mut())),
            sys::TypedarrayType::int32_array => Ok(DataMut::Int(self.slice_mut())),
            sys::TypedarrayType::uint8_array => Ok(DataMut::Byte(self.slice_mut())),
            _ => Err(wrong("a Float32Array, Int32Array or Uint8Array")),
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
}

/// Refuses memory that is written and at the same time read or written as something else. The range of a buffer is
/// given with whether it is written.
pub fn expect_apart(mut ranges: Vec<(Range<*const f32>, bool)>, message: &str) -> Result<()> {
    ranges.retain(|(range, _)| !range.is_empty());
    ranges.sort_by_key(|(range, _)| range.start);
    let (mut end, mut written_end) = (std::ptr::null(), std::ptr::null());
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
