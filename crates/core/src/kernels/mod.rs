//! Kernels: slices in, slices out. No shapes, no tensors, no errors: their callers have checked everything.

pub mod columns;
pub mod elementwise;
pub mod exponentials;
pub mod isa;
pub mod math;
pub mod matmul;
mod mode;
pub mod parallel;
pub mod prefetch;
pub mod reduce;
pub mod select;
pub mod short_rows;
pub mod simd;
pub mod strided;

pub use isa::{Isa, isa, vectorize};
pub use matmul::{Matrix, MatrixMut, matmul};
pub use mode::Mode;
pub use select::select;
