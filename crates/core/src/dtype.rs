//! Element types, and slices of them.

use std::fmt;

use crate::error::{Error, Result};
use crate::real::Real;
use crate::shape::{Layout, Shape};

/// The element type of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DType {
    /// Floating point: `float32` in use; the tests compute the same in `f64`.
    Float32,
    /// 32-bit integers: labels and indices.
    Int32,
    /// Bytes: images.
    Uint8,
    /// Truth values, a byte each, 0 or 1.
    Bool,
}

impl DType {
    /// All of them, in the order of their codes.
    pub const ALL: [DType; 4] = [DType::Float32, DType::Int32, DType::Uint8, DType::Bool];

    /// The name in the public API.
    pub const fn name(self) -> &'static str {
        match self {
            DType::Float32 => "float32",
            DType::Int32 => "int32",
            DType::Uint8 => "uint8",
            DType::Bool => "bool",
        }
    }

    /// The type with this name.
    pub fn parse(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|dtype| dtype.name() == name).ok_or_else(|| {
            Error::dtype(format!("unknown dtype {name:?}, expected float32, int32, uint8 or bool"))
        })
    }

    /// Its number in the conversation with a host: its place in [`DType::ALL`].
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// The type with this number.
    pub fn from_code(code: usize) -> Result<Self> {
        Self::ALL.get(code).copied().ok_or_else(|| Error::internal("unknown dtype"))
    }

    /// Whether gradients can flow through it.
    pub const fn is_float(self) -> bool {
        matches!(self, DType::Float32)
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What operations know of a tensor before it has values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TensorType {
    /// Element type.
    pub dtype: DType,
    /// Sizes.
    pub shape: Shape,
}

impl TensorType {
    /// A type from its parts.
    pub fn new(dtype: DType, shape: Shape) -> Self {
        Self { dtype, shape }
    }
}

/// Borrowed elements.
#[derive(Clone, Copy, Debug)]
pub enum Data<'a, T> {
    /// Floating point.
    Real(&'a [T]),
    /// Integers.
    Int(&'a [i32]),
    /// Bytes and truth values.
    Byte(&'a [u8]),
}

impl<T> Data<'_, T> {
    /// How many elements.
    pub fn len(&self) -> usize {
        match self {
            Data::Real(x) => x.len(),
            Data::Int(x) => x.len(),
            Data::Byte(x) => x.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether these are elements of `dtype`.
    pub fn is(&self, dtype: DType) -> bool {
        matches!(
            (self, dtype),
            (Data::Real(_), DType::Float32)
                | (Data::Int(_), DType::Int32)
                | (Data::Byte(_), DType::Uint8 | DType::Bool)
        )
    }
}

/// Borrowed elements to be written.
#[derive(Debug)]
pub enum DataMut<'a, T> {
    /// Floating point.
    Real(&'a mut [T]),
    /// Integers.
    Int(&'a mut [i32]),
    /// Bytes and truth values.
    Byte(&'a mut [u8]),
}

impl<T> DataMut<'_, T> {
    /// The same elements, to be read.
    pub fn as_data(&self) -> Data<'_, T> {
        match self {
            DataMut::Real(x) => Data::Real(x),
            DataMut::Int(x) => Data::Int(x),
            DataMut::Byte(x) => Data::Byte(x),
        }
    }
}

/// An input of an operation: a storage, and how the operand lies in it.
#[derive(Clone, Copy, Debug)]
pub struct Operand<'a, T> {
    /// The storage, from its first element.
    pub data: Data<'a, T>,
    /// Where the operand's elements are.
    pub layout: &'a Layout,
}

/// Operations say in [`crate::ops::Operation::takes`] what class of elements they read, and the engine converts;
/// the accessors below therefore give an empty slice for another class rather than failing.
impl<'a, T: Real> Operand<'a, T> {
    /// Sizes.
    pub fn shape(&self) -> &'a Shape {
        &self.layout.shape
    }

    /// The float storage from the operand's first element on.
    pub fn real(&self) -> &'a [T] {
        match self.data {
            Data::Real(x) => x.get(self.layout.offset..).unwrap_or_default(),
            _ => &[],
        }
    }

    /// The integer storage from the operand's first element on.
    pub fn int(&self) -> &'a [i32] {
        match self.data {
            Data::Int(x) => x.get(self.layout.offset..).unwrap_or_default(),
            _ => &[],
        }
    }

    /// The byte storage from the operand's first element on.
    pub fn byte(&self) -> &'a [u8] {
        match self.data {
            Data::Byte(x) => x.get(self.layout.offset..).unwrap_or_default(),
            _ => &[],
        }
    }
}
