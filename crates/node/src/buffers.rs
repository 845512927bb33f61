//! Typed arrays: those of JavaScript, borrowed for the length of a call, and new ones.
//!
//! Their memory belongs to V8: no finalizer, no copy, and nothing outside of the only place where Electron lets it be.
//! Whoever calls from TypeScript passes each array that is written once only, and not among those that are read.

use std::ops::{Deref, DerefMut};
use std::ptr;

use ferrograd_core::host::{Buffer, Element};
use napi::bindgen_prelude::{FromNapiValue, ToNapiValue, TypeName, ValidateNapiValue};
use napi::{Status, ValueType, sys};

/// A typed array of JavaScript, valid until the call returns.
pub struct Borrowed(Buffer);

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
        let (mut kind, mut length, mut data) = (0, 0, ptr::null_mut());
        // SAFETY: the engine writes to the three places given, or fails and says so.
        let status = unsafe {
            sys::napi_get_typedarray_info(
                env,
                value,
                &mut kind,
                &mut length,
                &mut data,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        if status != sys::Status::napi_ok {
            return Err(napi::Error::new(Status::InvalidArg, "expected a typed array".to_string()));
        }
        let element = match kind {
            sys::TypedarrayType::float32_array => Element::Float32,
            sys::TypedarrayType::int32_array => Element::Int32,
            sys::TypedarrayType::uint8_array | sys::TypedarrayType::uint8_clamped_array => Element::Uint8,
            _ => Element::Other,
        };
        // SAFETY: V8 keeps the array's memory in place while the call runs, aligned for its element type; JavaScript,
        // the only other one to write it, waits for the call. An array to be written is passed once.
        Ok(Self(unsafe { Buffer::new(element, data.cast(), length, data.addr() as u64) }))
    }
}

impl Deref for Borrowed {
    type Target = Buffer;

    fn deref(&self) -> &Buffer {
        &self.0
    }
}

impl DerefMut for Borrowed {
    fn deref_mut(&mut self) -> &mut Buffer {
        &mut self.0
    }
}

/// What the core takes of several arrays.
pub fn all(arrays: Vec<Borrowed>) -> Vec<Buffer> {
    arrays.into_iter().map(|array| array.0).collect()
}

/// As [`all`], with places left empty.
pub fn some(arrays: Vec<Option<Borrowed>>) -> Vec<Option<Buffer>> {
    arrays.into_iter().map(|array| array.map(|array| array.0)).collect()
}

/// A type that arrays of JavaScript have.
pub trait Kind: Copy {
    const KIND: i32;
}

impl Kind for f32 {
    const KIND: i32 = sys::TypedarrayType::float32_array;
}

impl Kind for u8 {
    const KIND: i32 = sys::TypedarrayType::uint8_array;
}

/// Elements that become a typed array. They are copied: an array over memory that is not V8's is refused by Electron.
pub struct Array<T>(pub Vec<T>);

impl<T: Kind> ToNapiValue for Array<T> {
    unsafe fn to_napi_value(env: sys::napi_env, Array(elements): Self) -> napi::Result<sys::napi_value> {
        let (mut data, mut buffer, mut array) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        // SAFETY: the engine writes to the places given, or fails and says so.
        napi::check_status!(unsafe {
            sys::napi_create_arraybuffer(env, size_of_val(&elements[..]), &mut data, &mut buffer)
        })?;
        if !elements.is_empty() {
            // SAFETY: the new buffer has as many bytes, and nobody else knows it yet.
            unsafe { ptr::copy_nonoverlapping(elements.as_ptr(), data.cast(), elements.len()) };
        }
        // SAFETY: as the first.
        napi::check_status!(unsafe {
            sys::napi_create_typedarray(env, T::KIND, elements.len(), buffer, 0, &mut array)
        })?;
        Ok(array)
    }
}
