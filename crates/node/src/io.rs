//! File formats: bytes in, bytes out. TypeScript reads and writes the files.

use std::collections::BTreeMap;

use ferrograd_core::host::safetensors;
use ferrograd_core::{Error, Result};
use napi_derive::napi;

use crate::boundary::{Code, guard};
use crate::buffers::{Array, Borrowed, all};

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
) -> napi::Result<Array<u8>, Code> {
    guard(|| {
        let metadata = metadata
            .into_iter()
            .map(|pair| match <[String; 2]>::try_from(pair) {
                Ok([key, value]) => Ok((key, value)),
                Err(_) => Err(Error::internal("the binding expected pairs of key and value")),
            })
            .collect::<Result<BTreeMap<_, _>>>()?;
        let tensors: Vec<_> = tensors
            .into_iter()
            .map(|NamedTensor { name, dtype, shape }| safetensors::NamedTensor { name, dtype, shape })
            .collect();
        Ok(Array(safetensors::write(&tensors, &all(data), &metadata)?))
    })
}

/// Reads the header of a whole file, and checks that all else is as it says.
#[napi]
pub fn parse_safetensors(file: Borrowed) -> napi::Result<SafetensorsHeader, Code> {
    guard(|| {
        let safetensors::Header { tensors, metadata } = safetensors::parse(&file)?;
        let tensors = tensors
            .into_iter()
            .map(|safetensors::NamedTensor { name, dtype, shape }| NamedTensor { name, dtype, shape })
            .collect();
        let metadata = metadata.into_iter().map(|(key, value)| vec![key, value]).collect();
        Ok(SafetensorsHeader { tensors, metadata })
    })
}

/// Converts the elements of all tensors of a file; `outputs` are of the types and sizes that
/// `parseSafetensors` gave, in that order.
#[napi]
pub fn read_safetensors(file: Borrowed, outputs: Vec<Borrowed>) -> napi::Result<(), Code> {
    guard(|| safetensors::read(&file, &mut all(outputs)))
}
