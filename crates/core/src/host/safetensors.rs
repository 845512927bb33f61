//! Files of tensors: bytes in, bytes out. The host reads and writes the files.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Buffer;
use crate::io::safetensors::{Output, parse_header, serialize};
use crate::{DType, Error, Result, Shape};

/// A tensor in a file.
#[derive(Debug, Serialize, Deserialize)]
pub struct NamedTensor {
    /// Its name.
    pub name: String,
    /// Its element type, by its place in the list of types.
    pub dtype: u32,
    /// Its sizes.
    pub shape: Vec<u32>,
}

/// What the header of a file says.
#[derive(Debug, Serialize)]
pub struct Header {
    /// The tensors, in the order of their elements.
    pub tensors: Vec<NamedTensor>,
    /// Pairs of key and value.
    pub metadata: Vec<(String, String)>,
}

impl NamedTensor {
    fn parts(&self) -> Result<(DType, Shape)> {
        let sizes: Vec<usize> = self.shape.iter().map(|&n| n as usize).collect();
        Ok((DType::from_code(self.dtype as usize)?, Shape::new(&sizes)?))
    }
}

/// A whole file, of the tensors whose elements are in `data`.
pub fn write(
    tensors: &[NamedTensor],
    data: &[Buffer],
    metadata: &BTreeMap<String, String>,
) -> Result<Vec<u8>> {
    if tensors.len() != data.len() {
        return Err(Error::internal("the binding expected the elements of each tensor"));
    }
    let parts = tensors.iter().map(NamedTensor::parts).collect::<Result<Vec<_>>>()?;
    let outputs = tensors
        .iter()
        .zip(&parts)
        .zip(data)
        .map(|((NamedTensor { name, .. }, (dtype, shape)), data)| {
            Ok(Output { name, dtype: *dtype, shape, data: data.data()? })
        })
        .collect::<Result<Vec<_>>>()?;
    serialize(&outputs, metadata)
}

/// Reads the header of a whole file, and checks that all else is as it says.
pub fn parse(file: &Buffer) -> Result<Header> {
    let header = parse_header(file.bytes()?)?;
    let tensors = header
        .entries
        .into_iter()
        .map(|entry| {
            Ok(NamedTensor {
                dtype: entry.dtype()?.code(),
                shape: entry.shape.iter().map(|&n| n as u32).collect(),
                name: entry.name,
            })
        })
        .collect::<Result<_>>()?;
    Ok(Header { tensors, metadata: header.metadata.into_iter().collect() })
}

/// Converts the elements of all tensors of a file; `outputs` are of the types and sizes that [`parse`] gave, in that
/// order.
pub fn read(file: &Buffer, outputs: &mut [Buffer]) -> Result<()> {
    let file = file.bytes()?;
    let entries = parse_header(file)?.entries;
    if entries.len() != outputs.len() {
        return Err(Error::internal("the binding expected an array for each tensor"));
    }
    entries.iter().zip(outputs).try_for_each(|(entry, output)| entry.read(file, output.data_mut()?))
}
