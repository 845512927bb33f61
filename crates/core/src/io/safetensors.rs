//! Tensors in a file, as <https://github.com/huggingface/safetensors> lays them out: the length of a JSON header, the
//! header, the elements, little-endian. The header says for each name the type, the shape and where its bytes are.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::ops::Range;

use safetensors::tensor::{Dtype, SafeTensors, TensorInfo};
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use crate::dtype::{DType, Data, DataMut};
use crate::error::{Error, Result};
use crate::shape::Shape;

/// The bytes that hold the length of the header.
const PREFIX: usize = size_of::<u64>();

/// The key that is no tensor.
const METADATA: &str = "__metadata__";

/// What a file says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// The tensors, in the order of their bytes.
    pub entries: Vec<Entry>,
    /// What the writer wanted to be remembered.
    pub metadata: BTreeMap<String, String>,
}

/// A tensor in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its name: anything, even empty.
    pub name: String,
    /// The type of its elements in the file.
    pub stored: Dtype,
    /// Sizes.
    pub shape: Shape,
    /// Where its bytes are, from the start of the file.
    pub bytes: Range<usize>,
}

/// Reads the header of a whole file.
///
/// A format error unless everything fits: the length, the JSON, names that appear once, known types, shapes that a tensor
/// can have, byte ranges that cover the rest of the file without overlap or gap.
pub fn parse_header(file: &[u8]) -> Result<Header> {
    let wrong = |why: String| Error::format(format!("safetensors: {why}"));
    let (length, header) = SafeTensors::read_metadata(file).map_err(|e| wrong(e.to_string()))?;
    let start = PREFIX + length;
    serde_json::from_slice::<UniqueNames>(&file[PREFIX..start]).map_err(|e| wrong(e.to_string()))?;
    let mut entries = Vec::new();
    for name in header.offset_keys() {
        let Some(TensorInfo { dtype, shape, data_offsets: (from, to) }) = header.info(&name) else {
            continue;
        };
        let shape = Shape::new(shape).map_err(|e| wrong(format!("tensor {name:?}: {}", e.message)))?;
        entries.push(Entry { stored: *dtype, shape, bytes: start + from..start + to, name });
    }
    let metadata =
        header.metadata().iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect();
    Ok(Header { entries, metadata })
}

/// A JSON object in which no name appears twice: readers that differ in which one they take can be told different things.
struct UniqueNames;

impl<'de> Deserialize<'de> for UniqueNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;

        impl<'de> Visitor<'de> for Names {
            type Value = UniqueNames;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UniqueNames, A::Error> {
                let mut seen = HashSet::new();
                while let Some(name) = map.next_key::<String>()? {
                    map.next_value::<IgnoredAny>()?;
                    if let Some(name) = seen.replace(name) {
                        return Err(A::Error::custom(format!("the name {name:?} appears twice")));
                    }
                }
                Ok(UniqueNames)
            }
        }

        deserializer.deserialize_map(Names)
    }
}

impl Entry {
    /// The type that the tensor gets: floats become `float32`, integers other than `U8` become `int32`. A format error
    /// for types that have no counterpart.
    pub fn dtype(&self) -> Result<DType> {
        match self.stored {
            Dtype::F64 | Dtype::F32 | Dtype::F16 | Dtype::BF16 => Ok(DType::Float32),
            Dtype::I64 | Dtype::U64 | Dtype::I32 | Dtype::U32 | Dtype::I16 | Dtype::U16 | Dtype::I8 => {
                Ok(DType::Int32)
            }
            Dtype::U8 => Ok(DType::Uint8),
            Dtype::BOOL => Ok(DType::Bool),
            _ => Err(Error::format(format!(
                "safetensors: tensor {:?} is of type {}, expected floats of 16 to 64 bits, integers or BOOL",
                self.name, self.stored
            ))),
        }
    }

    /// Reads the elements out of the same `file` into `out`, which is of type [`Entry::dtype`] and as long as the shape
    /// says. An integer that does not fit `int32` is a data error, and nothing is written then.
    pub fn read(&self, file: &[u8], out: DataMut<'_, f32>) -> Result<()> {
        let fits = self.dtype().is_ok_and(|dtype| out.as_data().is(dtype));
        let bytes = file.get(self.bytes.clone()).unwrap_or_default();
        if !fits || out.as_data().len() != self.shape.elements() || bytes.len() != self.bytes.len() {
            return Err(Error::internal(format!(
                "safetensors: a buffer does not fit tensor {:?}",
                self.name
            )));
        }
        match (self.stored, out) {
            (Dtype::F64, DataMut::Real(out)) => convert(bytes, out, |x| f64::from_le_bytes(x) as f32),
            (Dtype::F32, DataMut::Real(out)) => convert(bytes, out, f32::from_le_bytes),
            (Dtype::F16, DataMut::Real(out)) => convert(bytes, out, |x| from_half(u16::from_le_bytes(x))),
            (Dtype::BF16, DataMut::Real(out)) => {
                convert(bytes, out, |x| f32::from_bits(u32::from(u16::from_le_bytes(x)) << 16));
            }
            (Dtype::I64, DataMut::Int(out)) => self.narrow(bytes, out, i64::from_le_bytes)?,
            (Dtype::U64, DataMut::Int(out)) => self.narrow(bytes, out, u64::from_le_bytes)?,
            (Dtype::U32, DataMut::Int(out)) => self.narrow(bytes, out, u32::from_le_bytes)?,
            (Dtype::I32, DataMut::Int(out)) => convert(bytes, out, i32::from_le_bytes),
            (Dtype::I16, DataMut::Int(out)) => convert(bytes, out, |x| i16::from_le_bytes(x).into()),
            (Dtype::U16, DataMut::Int(out)) => convert(bytes, out, |x| u16::from_le_bytes(x).into()),
            (Dtype::I8, DataMut::Int(out)) => convert(bytes, out, |x| i8::from_le_bytes(x).into()),
            (Dtype::U8, DataMut::Byte(out)) => out.copy_from_slice(bytes),
            (Dtype::BOOL, DataMut::Byte(out)) => convert(bytes, out, |[x]| u8::from(x != 0)),
            _ => return Err(Error::internal(format!("safetensors: no way to read {}", self.stored))),
        }
        Ok(())
    }

    /// Integers that may not fit.
    fn narrow<const N: usize, I: Copy + fmt::Display + TryInto<i32>>(
        &self,
        bytes: &[u8],
        out: &mut [i32],
        read: fn([u8; N]) -> I,
    ) -> Result<()> {
        let values = || bytes.as_chunks::<N>().0.iter().map(|&x| read(x));
        if let Some((position, value)) = values().enumerate().find(|(_, x)| (*x).try_into().is_err()) {
            return Err(Error::data(format!(
                "safetensors: tensor {:?}: {value} at position {position} does not fit int32",
                self.name
            )));
        }
        out.iter_mut().zip(values()).for_each(|(out, x)| *out = x.try_into().unwrap_or_default());
        Ok(())
    }
}

/// `out[i] = f(bytes of element i)`; the bytes may lie anywhere.
fn convert<const N: usize, U>(bytes: &[u8], out: &mut [U], f: impl Fn([u8; N]) -> U) {
    out.iter_mut().zip(bytes.as_chunks::<N>().0).for_each(|(out, &x)| *out = f(x));
}

/// IEEE 754 half precision: 1 bit sign, 5 bits exponent, 10 bits mantissa. Exact.
fn from_half(half: u16) -> f32 {
    let (exponent, mantissa) = (u32::from(half >> 10 & 0x1f), u32::from(half & 0x3ff));
    let magnitude = match exponent {
        0 => mantissa as f32 / 16_777_216.0, // 2²⁴
        0x1f => f32::from_bits(0x7f80_0000 | mantissa << 13),
        _ => f32::from_bits((exponent + 112) << 23 | mantissa << 13),
    };
    f32::from_bits(magnitude.to_bits() | u32::from(half & 0x8000) << 16)
}

/// A tensor to be written: its elements row-major.
#[derive(Clone, Copy, Debug)]
pub struct Output<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its type.
    pub dtype: DType,
    /// Its sizes.
    pub shape: &'a Shape,
    /// Its elements.
    pub data: Data<'a, f32>,
}

/// A whole file. The same tensors and metadata give the same bytes, in whatever order they come: wider types first, so
/// that all are aligned, then by name, as the format's own library does.
pub fn serialize(tensors: &[Output<'_>], metadata: &BTreeMap<String, String>) -> Result<Vec<u8>> {
    let mut tensors = tensors.to_vec();
    tensors.sort_unstable_by(|a, b| stored(b.dtype).cmp(&stored(a.dtype)).then(a.name.cmp(b.name)));
    let mut names = HashSet::new();
    let mut fields = Vec::new();
    if !metadata.is_empty() {
        fields.push(field(METADATA, metadata)?);
    }
    let mut end = 0;
    for tensor in &tensors {
        let Output { name, dtype, shape, data } = *tensor;
        if name == METADATA || !names.insert(name) {
            return Err(Error::argument(format!("save: the name {name:?} is reserved or appears twice")));
        }
        if !data.is(dtype) || data.len() != shape.elements() {
            return Err(Error::internal(format!("save: the elements of {name:?} do not fit shape {shape}")));
        }
        let start = end;
        end += data.len() * stored(dtype).bitsize() / 8;
        let info = TensorInfo { dtype: stored(dtype), shape: shape.to_vec(), data_offsets: (start, end) };
        fields.push(field(name, &info)?);
    }
    let mut header = format!("{{{}}}", fields.join(","));
    while header.len() % PREFIX != 0 {
        header.push(' ');
    }
    let mut file = Vec::with_capacity(PREFIX + header.len() + end);
    file.extend((header.len() as u64).to_le_bytes());
    file.extend(header.as_bytes());
    for tensor in &tensors {
        let start = file.len();
        match tensor.data {
            Data::Byte(x) => file.extend_from_slice(x),
            Data::Real(x) => {
                file.resize(start + size_of_val(x), 0);
                write(x, &mut file[start..], f32::to_le_bytes);
            }
            Data::Int(x) => {
                file.resize(start + size_of_val(x), 0);
                write(x, &mut file[start..], i32::to_le_bytes);
            }
        }
    }
    Ok(file)
}

/// `"name":value`, written one by one because a map would sort them.
fn field(name: &str, value: &impl Serialize) -> Result<String> {
    let json = |text: serde_json::Result<String>| text.map_err(|e| Error::internal(format!("save: {e}")));
    Ok(format!("{}:{}", json(serde_json::to_string(name))?, json(serde_json::to_string(value))?))
}

fn write<U: Copy>(x: &[U], bytes: &mut [u8], f: impl Fn(U) -> [u8; 4]) {
    bytes.as_chunks_mut().0.iter_mut().zip(x).for_each(|(bytes, &x)| *bytes = f(x));
}

/// The type in a file.
const fn stored(dtype: DType) -> Dtype {
    match dtype {
        DType::Float32 => Dtype::F32,
        DType::Int32 => Dtype::I32,
        DType::Uint8 => Dtype::U8,
        DType::Bool => Dtype::BOOL,
    }
}

#[cfg(test)]
mod tests;
