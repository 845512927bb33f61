//! What every binding to a host language does alike: buffers that the host lends for the length of a call, operations
//! known by number, checks of what belongs together. A binding converts arguments and errors, and calls these.

mod buffer;
mod engine;

pub mod data;
pub mod optim;
pub mod random;
pub mod safetensors;
pub mod session;

pub use buffer::{Buffer, Element};
pub use engine::{Engine, Lent, PreparedCall};
