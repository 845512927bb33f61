//! Optimizers: one call for a step of all parameters of a group.

use ferrograd_core::host::optim;
use napi_derive::napi;

use crate::boundary::{Code, guard};
use crate::buffers::{Borrowed, all};

/// A step of update rule `rule` with `options`, a JSON object: parameter i has gradient i, the same number of buffers
/// as every other, and `steps[i]` earlier steps.
///
/// Everything is checked before anything is changed; without parameters, that is all that happens.
#[napi]
pub fn optimizer_step(
    rule: String,
    options: String,
    params: Vec<Borrowed>,
    grads: Vec<Borrowed>,
    buffers: Vec<Borrowed>,
    steps: Borrowed,
) -> napi::Result<(), Code> {
    guard(|| optim::step(&rule, &options, &mut all(params), &all(grads), &mut all(buffers), &steps))
}
