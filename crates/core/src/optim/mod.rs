//! Optimizers: what a step does to a parameter, given its gradient.

mod adam;
mod sgd;

pub use adam::Adam;
pub use sgd::Sgd;

use std::fmt;

use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::kernels::strided::GRAIN;
use crate::kernels::{elementwise, parallel, vectorize};
use crate::real::Real;

/// An update rule: stateless; what it remembers of a parameter is handed to it.
pub trait UpdateRule<T: Real>: fmt::Debug + Send + Sync {
    /// The number of buffers that it keeps for each parameter, each as long as the parameter.
    fn buffers(&self) -> usize;

    /// Refuses options that make no sense.
    fn check(&self) -> Result<()>;

    /// One step. `steps` counts the earlier steps of this parameter; at 0 the buffers may hold anything.
    ///
    /// # Panics
    /// If `grad`, or one of [`UpdateRule::buffers`] buffers, is not as long as `parameter`.
    fn update(&self, steps: u64, parameter: &mut [T], grad: &[T], buffers: &mut [&mut [T]]);

    /// The step as plain gradient descent, if it is nothing more: a plan then takes it where the gradient is computed.
    fn descent(&self) -> Option<Descent> {
        None
    }
}

/// p ← keep·p − rate·g
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Descent {
    /// What the gradient is multiplied by.
    pub rate: f64,
    /// What the parameter is multiplied by.
    pub keep: f64,
}

/// The update rule with this name and these options, a JSON object. [`UpdateRule::check`] judges the values.
pub fn parse<T: Real>(name: &str, options: &str) -> Result<Box<dyn UpdateRule<T>>> {
    match name {
        "adam" => Ok(Box::new(options_of::<Adam>(name, options)?)),
        "adamw" => Ok(Box::new(Adam { decoupled: true, ..options_of(name, options)? })),
        "sgd" => Ok(Box::new(options_of::<Sgd>(name, options)?)),
        _ => Err(Error::argument(format!("there is no optimizer named {name:?}"))),
    }
}

fn options_of<O: DeserializeOwned>(name: &str, options: &str) -> Result<O> {
    serde_json::from_str(options).map_err(|e| Error::argument(format!("{name}: {e}")))
}

/// `p[i] = body(grad[i], p[i])` on all threads, vectorised.
fn update_each<T: Real>(grad: &[T], p: &mut [T], body: impl Fn(T, T) -> T + Sync) {
    assert!(p.len() == grad.len(), "a gradient is not as long as its parameter");
    elementwise::update(
        [grad],
        p,
        #[inline(always)]
        |p, [g]| body(g, p),
    );
}

/// `(p[i], b[i]) = body(grad[i], p[i], b[i])` on all threads, vectorised.
fn update_pairs<T: Real>(
    grad: &[T],
    p: &mut [T],
    b: &mut [T],
    body: impl Fn(T, T, T) -> (T, T) + Copy + Sync,
) {
    assert!(p.len() == grad.len() && b.len() == grad.len(), "a buffer is not as long as its parameter");
    parallel::lockstep_mut([p, b], GRAIN, |first, [p, b]| {
        let grad = &grad[first..];
        vectorize(
            #[inline(always)]
            || {
                let new = body; // a copy: what it captures stays in registers, where no write to `p` can reach it
                for ((p, b), &g) in p.iter_mut().zip(b.iter_mut()).zip(grad) {
                    (*p, *b) = new(g, *p, *b);
                }
            },
        );
    });
}

/// Averages of gradients count as 0 below 2⁻¹¹⁰. Where the gradient stays 0, as of the weights of a pixel at the margin,
/// they would sink to the smallest number there is and stay, and x86 takes some hundred cycles for each product that is
/// subnormal: an epoch of a net whose margins have sunk took 1.5 times as long.
const NOTHING: f64 = 1.0 / (1u128 << 110) as f64;

/// `x`, but 0 where it is nearer to 0 than `least`.
#[inline(always)]
fn or_nothing<T: Real>(x: T, least: T) -> T {
    if x.abs() < least { T::ZERO } else { x }
}

/// A number of 0 or more; NaN and infinity are none.
fn expect_nonnegative(name: &str, what: &str, value: f64) -> Result<()> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(Error::argument(format!("{name}: invalid {what}: {value}, expected a finite number of 0 or more")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_of_nothing_end_at_zero() {
        let rules: [Box<dyn UpdateRule<f32>>; 3] = [
            Box::new(Adam { amsgrad: true, ..Adam::new(1e-3) }),
            Box::new(Adam { betas: [0.9, 0.95], ..Adam::new(1e-3) }),
            Box::new(Sgd { momentum: 0.9, ..Sgd::new(0.1) }),
        ];
        for rule in rules {
            let (mut p, mut buffers) = (vec![1.0f32; 20], vec![vec![0.0f32; 20]; rule.buffers()]);
            for step in 0..5000 {
                let grad = [if step == 0 { 1e-3 } else { 0.0 }; 20];
                let mut buffers: Vec<&mut [f32]> = buffers.iter_mut().map(Vec::as_mut_slice).collect();
                rule.update(step, &mut p, &grad, &mut buffers);
                assert!(!buffers.iter().flat_map(|b| b.iter()).any(|x| x.is_subnormal()), "{rule:?}, {step}");
            }
            assert_eq!(buffers[0], [0.0; 20], "{rule:?}");
        }
    }

    #[test]
    fn squares_that_nothing_stands_beside_are_kept() {
        let rule = Adam { eps: 0.0, ..Adam::new(0.5) };
        let (mut p, mut m, mut v) = ([0.0f32], [0.0], [0.0]);
        rule.update(0, &mut p, &[1e-18], &mut [&mut m, &mut v]);
        assert!((p[0] + 0.5).abs() < 0.01, "{p:?}"); // Adam's step does not depend on the gradient's size
    }
}
