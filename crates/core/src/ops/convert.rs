//! Elements of any class, wherever they lie, copied row-major as elements of another.

use crate::dtype::{Data, Operand};
use crate::kernels::strided::{convert, gather};
use crate::real::Real;

/// As floats.
pub fn to_real<T: Real>(x: &Operand<'_, T>, y: &mut [T]) {
    let (shape, steps) = (x.shape(), &x.layout.strides);
    match x.data {
        Data::Real(_) => gather(x.real(), shape, steps, y),
        Data::Int(_) => convert(x.int(), shape, steps, y, |x| T::from_f64(f64::from(x))),
        Data::Byte(_) => convert(x.byte(), shape, steps, y, |x| T::from_f64(f64::from(x))),
    }
}

/// As integers: floats by truncation toward 0, what is out of range as the nearest one that is not, NaN as 0.
pub fn to_int<T: Real>(x: &Operand<'_, T>, y: &mut [i32]) {
    let (shape, steps) = (x.shape(), &x.layout.strides);
    match x.data {
        Data::Real(_) => convert(x.real(), shape, steps, y, |x| x.to_f64() as i32),
        Data::Int(_) => gather(x.int(), shape, steps, y),
        Data::Byte(_) => convert(x.byte(), shape, steps, y, i32::from),
    }
}

/// As bytes: floats as [`to_int`] does, integers modulo 256.
pub fn to_byte<T: Real>(x: &Operand<'_, T>, y: &mut [u8]) {
    let (shape, steps) = (x.shape(), &x.layout.strides);
    match x.data {
        Data::Real(_) => convert(x.real(), shape, steps, y, |x| x.to_f64() as u8),
        Data::Int(_) => convert(x.int(), shape, steps, y, |x| x as u8),
        Data::Byte(_) => gather(x.byte(), shape, steps, y),
    }
}

/// As truth values: whether an element is not 0, so true for NaN.
pub fn to_bool<T: Real>(x: &Operand<'_, T>, y: &mut [u8]) {
    let (shape, steps) = (x.shape(), &x.layout.strides);
    match x.data {
        Data::Real(_) => convert(x.real(), shape, steps, y, |x| u8::from(x != T::ZERO)),
        Data::Int(_) => convert(x.int(), shape, steps, y, |x| u8::from(x != 0)),
        Data::Byte(_) => convert(x.byte(), shape, steps, y, |x| u8::from(x != 0)),
    }
}
