//! Optimizers: one call for a step of all parameters of a group.

use std::ops::Range;

use ferrograd_core::{Error, Result, optim};
use napi_derive::napi;

use crate::boundary::{Code, guard};
use crate::buffers::{Borrowed, expect_apart};

/// A step of update rule `rule` with `options`, a JSON object: parameter i has gradient i, the same number of buffers
/// as every other, and `steps[i]` earlier steps.
///
/// Everything is checked before anything is changed; without parameters, that is all that happens.
#[napi]
pub fn optimizer_step(
    rule: String,
    options: String,
    mut params: Vec<Borrowed>,
    grads: Vec<Borrowed>,
    mut buffers: Vec<Borrowed>,
    steps: Borrowed,
) -> napi::Result<(), Code> {
    guard(|| {
        let rule = optim::parse::<f32>(&rule, &options)?;
        rule.check()?;
        let (steps, each) = (steps.ints()?, rule.buffers());
        if [grads.len(), steps.len()] != [params.len(); 2] || buffers.len() != params.len() * each {
            return Err(Error::internal("step: parameters, gradients, buffers and steps differ in number"));
        }
        let mut ranges = Vec::with_capacity(params.len() * (2 + each));
        for (i, (param, grad)) in params.iter().zip(&grads).enumerate() {
            let n = param.floats()?.len();
            ranges.push((param.floats()?.as_ptr_range(), true));
            ranges.push((grad.floats()?.as_ptr_range(), false));
            for buffer in &buffers[i * each..(i + 1) * each] {
                ranges.push((buffer.floats()?.as_ptr_range(), true));
            }
            if ranges[i * (2 + each)..].iter().any(|(range, _)| length(range) != n) {
                return Err(Error::state(
                    "step: the buffer of a gradient or of the optimizer's state was detached or resized",
                ));
            }
        }
        expect_apart(
            ranges,
            "step: a parameter shares memory with another one, with a gradient or with the optimizer's state",
        )?;
        let mut buffers = buffers.iter_mut();
        for ((param, grad), &steps) in params.iter_mut().zip(&grads).zip(steps) {
            let mut own =
                buffers.by_ref().take(each).map(Borrowed::floats_mut).collect::<Result<Vec<_>>>()?;
            rule.update(steps.max(0) as u64, param.floats_mut()?, grad.floats()?, &mut own);
        }
        Ok(())
    })
}

fn length(range: &Range<*const f32>) -> usize {
    (range.end as usize - range.start as usize) / size_of::<f32>()
}
