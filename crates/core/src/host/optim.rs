//! Optimizers: one call for a step of all parameters of a group.

use super::Buffer;
use super::buffer::expect_apart;
use crate::{Error, Result, optim};

/// A step of update rule `rule` with `options`, a JSON object: parameter i has gradient i, the same number of buffers
/// as every other, and `steps[i]` earlier steps.
///
/// Everything is checked before anything is changed; without parameters, that is all that happens.
pub fn step(
    rule: &str,
    options: &str,
    params: &mut [Buffer],
    grads: &[Buffer],
    buffers: &mut [Buffer],
    steps: &Buffer,
) -> Result<()> {
    let rule = optim::parse::<f32>(rule, options)?;
    rule.check()?;
    let (steps, each) = (steps.ints()?, rule.buffers());
    if [grads.len(), steps.len()] != [params.len(); 2] || buffers.len() != params.len() * each {
        return Err(Error::internal("step: parameters, gradients, buffers and steps differ in number"));
    }
    let mut ranges = Vec::with_capacity(params.len() * (2 + each));
    for (i, (param, grad)) in params.iter().zip(grads).enumerate() {
        let own = &buffers[i * each..(i + 1) * each];
        let n = param.floats()?.len();
        for buffer in [grad].into_iter().chain(own) {
            if buffer.floats()?.len() != n {
                return Err(Error::state(
                    "step: the buffer of a gradient or of the optimizer's state was detached or resized",
                ));
            }
        }
        ranges.extend([(param.range(), true), (grad.range(), false)]);
        ranges.extend(own.iter().map(|buffer| (buffer.range(), true)));
    }
    expect_apart(
        ranges,
        "step: a parameter shares memory with another one, with a gradient or with the optimizer's state",
    )?;
    let mut buffers = buffers.iter_mut();
    for ((param, grad), &steps) in params.iter_mut().zip(grads).zip(steps) {
        let mut own = buffers.by_ref().take(each).map(Buffer::floats_mut).collect::<Result<Vec<_>>>()?;
        rule.update(steps.max(0) as u64, param.floats_mut()?, grad.floats()?, &mut own);
    }
    Ok(())
}
