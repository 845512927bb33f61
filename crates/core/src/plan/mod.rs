//! Compiled plans: a network's forward pass, derivative and update as one list of steps over one arena.
//!
//! A [`Program`] says what was traced; [`Plan::compile`] turns it into steps: autodiff, then rewrites that fuse
//! neighbours, then memory shared by what is not alive at the same time. Every plan is verified before it runs. A
//! [`Session`] owns parameters, optimizer state, data and plans, and runs whole epochs: nothing in a step allocates,
//! locks or calls the system.

mod buffer;
mod compile;
mod dense;
mod judge;
mod keep;
mod memory;
mod metric;
mod program;
mod rewrite;
mod run;
mod session;
mod step;
mod verify;

#[cfg(test)]
mod tests;

pub use keep::Weights;
pub use memory::Bindings;
pub use program::{Leaf, LeafKind, Metric, Program};
pub use run::Plan;
pub use session::{Column, Control, Epoch, Manner, Outcome, Session, Stopped, Streams};
pub use step::{PlanInfo, StepInfo, Updates};
