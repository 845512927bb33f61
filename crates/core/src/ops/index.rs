//! What the operations that take indices share.

use crate::dtype::{DType, TensorType};
use crate::error::{Error, Result};
use crate::shape::Shape;

/// A shape seen around one of its dimensions: `outer` × `size` × `inner` elements. A scalar is 1 × 1 × 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// Places before the dimension.
    pub outer: usize,
    /// Its size.
    pub size: usize,
    /// Elements after it.
    pub inner: usize,
}

impl Split {
    /// Around `dim`, which is in range: `infer` has checked it.
    pub fn new(shape: &Shape, dim: isize) -> Self {
        let dim = shape.dim(dim, "").unwrap_or(0);
        Self {
            outer: shape.iter().take(dim).product(),
            size: shape.get(dim).copied().unwrap_or(1),
            inner: shape.iter().skip(dim + 1).product(),
        }
    }
}

/// Refuses an index that is no integer.
pub fn expect_integers(name: &str, index: &TensorType) -> Result<()> {
    if matches!(index.dtype, DType::Int32 | DType::Uint8) {
        return Ok(());
    }
    Err(Error::dtype(format!(
        "{name}: indices must be int32, got {} of shape {}; cast them first: index.to('int32')",
        index.dtype, index.shape
    )))
}

/// The index, if it is one of `size`.
#[inline(always)]
pub fn within(index: i32, size: usize) -> Option<usize> {
    usize::try_from(index).ok().filter(|&index| index < size)
}

/// Refuses indices out of range.
pub fn expect_within(name: &str, index: &[i32], size: usize) -> Result<()> {
    match index.iter().position(|&index| within(index, size).is_none()) {
        None => Ok(()),
        Some(position) => Err(Error::index(format!(
            "{name}: index {} at position {position} is out of range for size {size}{}",
            index[position],
            if size > 0 { format!(", expected 0 to {}", size - 1) } else { String::new() }
        ))),
    }
}
