//! File formats: bytes in, bytes out. TypeScript reads and writes the files.

use std::collections::BTreeMap;

use ferrograd_core::io::safetensors::{Output, parse_header, serialize};
use ferrograd_core::{DType, Error, Result, Shape};
use napi::bindgen_prelude::Buffer;
use napi_derive::napi;

use crate::boundary::{Code, guard};
use crate::buffers::Borrowed;

/// A tensor in a file.
#[napi(object)]
pub struct NamedTensor {
    /// Its name.
    pub name: String,
    /// Its element type, by its place in the list of types.
    pub dtype: u32,
    /// Its sizes.
    pub shape: Vec<u32>,
}

impl NamedTensor {
    fn parts(&self) -> Result<(DType, Shape)> {
        let dtype = DType::ALL.get(self.dtype as usize).ok_or_else(|| Error::internal("unknown dtype"))?;
        let sizes: Vec<usize> = self.shape.iter().map(|&n| n as usize).collect();
        Ok((*dtype, Shape::new(&sizes)?))
    }
}

/// What the header of a file says.
#[napi(object)]
pub struct SafetensorsHeader {
    /// The tensors, in the order of their elements.
    pub tensors: Vec<NamedTensor>,
    /// Pairs of key and value.
    pub metadata: Vec<Vec<String>>,
}

/// A whole file, of the tensors whose elements are in `data`; `metadata` holds pairs of key and value.
#[napi]
pub fn write_safetensors(
    tensors: Vec<NamedTensor>,
    data: Vec<Borrowed>,
    metadata: Vec<Vec<String>>,
) -> napi::Result<Buffer, Code> {
    guard(|| {
        if tensors.len() != data.len() {
            return Err(Error::internal("the binding expected the elements of each tensor"));
        }
        let metadata = metadata
            .into_iter()
            .map(|pair| match <[String; 2]>::try_from(pair) {
                Ok([key, value]) => Ok((key, value)),
                Err(_) => Err(Error::internal("the binding expected pairs of key and value")),
            })
            .collect::<Result<BTreeMap<_, _>>>()?;
        let parts = tensors.iter().map(NamedTensor::parts).collect::<Result<Vec<_>>>()?;
        let outputs = tensors
            .iter()
            .zip(&parts)
            .zip(&data)
            .map(|((NamedTensor { name, .. }, (dtype, shape)), data)| {
                Ok(Output { name, dtype: *dtype, shape, data: data.data()? })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(serialize(&outputs, &metadata)?.into())
    })
}

/// Reads the header of a whole file, and checks that all else is as it says.
#[napi]
pub fn parse_safetensors(file: Borrowed) -> napi::Result<SafetensorsHeader, Code> {
    guard(|| {
        let header = parse_header(file.bytes()?)?;
        let tensors = header
            .entries
            .into_iter()
            .map(|entry| {
                let dtype = entry.dtype()?;
                Ok(NamedTensor {
                    dtype: DType::ALL.iter().position(|&d| d == dtype).unwrap_or(0) as u32,
                    shape: entry.shape.iter().map(|&n| n as u32).collect(),
                    name: entry.name,
                })
            })
            .collect::<Result<_>>()?;
        let metadata = header.metadata.into_iter().map(|(key, value)| vec![key, value]).collect();
        Ok(SafetensorsHeader { tensors, metadata })
    })
}

/// Converts the elements of all tensors of a file; `outputs` are of the types and sizes that
/// `parseSafetensors` gave, in that order.
#[napi]
pub fn read_safetensors(file: Borrowed, mut outputs: Vec<Borrowed>) -> napi::Result<(), Code> {
    guard(|| {
        let file = file.bytes()?;
        let entries = parse_header(file)?.entries;
        if entries.len() != outputs.len() {
            return Err(Error::internal("the binding expected an array for each tensor"));
        }
        entries.iter().zip(&mut outputs).try_for_each(|(entry, output)| entry.read(file, output.data_mut()?))
    })
}
