//! Kernels: slices in, slices out. No shapes, no tensors, no errors: their callers have checked everything.

pub mod isa;
pub mod matmul;
pub mod math;
mod mode;

pub use isa::{Isa, isa, vectorize};
pub use matmul::{Matrix, MatrixMut, matmul};
pub use mode::Mode;
