//! The engine behind ferrograd: kernels, operations, automatic differentiation and optimizers, in pure Rust.
//!
//! Imports go upward only: [`error`], [`shape`], [`rng`] know nothing of what follows; `kernels` take slices;
//! `ops` give them shapes and derivatives; `graph` chains operations; `optim`, `data` and `io` stand beside;
//! `plan` compiles whole trainings out of them; `host` is what bindings share. `roofline` measures the machine.

mod clock;
pub mod data;
pub mod dtype;
pub mod error;
pub mod graph;
pub mod host;
pub mod io;
pub mod kernels;
pub mod ops;
pub mod optim;
pub mod plan;
pub mod pool;
pub mod real;
pub mod rng;
pub mod roofline;
pub mod shape;

pub use dtype::{DType, Data, DataMut, Operand, TensorType};
pub use error::{Error, ErrorKind, Result};
pub use real::Real;
pub use shape::{Layout, Shape, Strides};
