//! Chains of operations, and their derivatives.

mod arena;
mod backward;
mod call;
mod reverse;

pub use arena::Arena;
pub use backward::{Leaf, Node, backward};
pub use call::Call;
pub(crate) use call::Few;
pub(crate) use reverse::{Target, reverse};
