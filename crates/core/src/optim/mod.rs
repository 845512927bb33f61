//! Optimizers: what a step does to a parameter, given its gradient.

mod sgd;

pub use sgd::Sgd;

use std::fmt;

use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::kernels::strided::GRAIN;
use crate::kernels::{parallel, vectorize};
use crate::real::Real;

/// Elements of a block: one, two or four vectors.
const LANES: usize = 16;

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
}

/// The update rule with this name and these options, a JSON object. [`UpdateRule::check`] judges the values.
pub fn parse<T: Real>(name: &str, options: &str) -> Result<Box<dyn UpdateRule<T>>> {
    match name {
        "sgd" => Ok(Box::new(options_of::<Sgd>(name, options)?)),
        _ => Err(Error::argument(format!("there is no optimizer named {name:?}"))),
    }
}

fn options_of<O: DeserializeOwned>(name: &str, options: &str) -> Result<O> {
    serde_json::from_str(options).map_err(|e| Error::argument(format!("{name}: {e}")))
}

/// `body(grad[i], [x₀[i], x₁[i], …])` gives new values for the `x`, on all threads, vectorised.
fn update_each<T: Real, const N: usize>(
    grad: &[T],
    x: [&mut [T]; N],
    body: impl Fn(T, [T; N]) -> [T; N] + Sync,
) {
    assert!(x.iter().all(|x| x.len() == grad.len()), "a buffer is not as long as its parameter");
    parallel::lockstep_mut(x, GRAIN, |first, x| {
        let grad = &grad[first..][..x[0].len()];
        vectorize(
            #[inline(always)]
            || {
                // Copies of whole blocks, for LLVM cannot know that the slices of an array do not overlap.
                let (blocks, rest) = grad.as_chunks::<LANES>();
                let x = x.map(|x| x.as_chunks_mut::<LANES>());
                for (at, grad) in blocks.iter().enumerate() {
                    let mut values: [[T; LANES]; N] = std::array::from_fn(|k| x[k].0[at]);
                    for (i, &g) in grad.iter().enumerate() {
                        let new = body(g, std::array::from_fn(|k| values[k][i]));
                        for k in 0..N {
                            values[k][i] = new[k];
                        }
                    }
                    for k in 0..N {
                        x[k].0[at] = values[k];
                    }
                }
                for (i, &g) in rest.iter().enumerate() {
                    let new = body(g, std::array::from_fn(|k| x[k].1[i]));
                    for k in 0..N {
                        x[k].1[i] = new[k];
                    }
                }
            },
        );
    });
}

/// A number of 0 or more; NaN and infinity are none.
fn expect_nonnegative(name: &str, what: &str, value: f64) -> Result<()> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(Error::argument(format!("{name}: invalid {what}: {value}, expected a finite number of 0 or more")))
}
