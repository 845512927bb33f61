//! Optimizers: what a step does to a parameter, given its gradient.

mod sgd;

pub use sgd::Sgd;

use std::fmt;

use crate::error::{Error, Result};
use crate::kernels::strided::GRAIN;
use crate::kernels::{parallel, vectorize};
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
}

/// `body(grad[i], [x₀[i], x₁[i], …])` gives new values for the `x`, on all threads, vectorised.
fn update_each<T: Real, const N: usize>(
    grad: &[T],
    x: [&mut [T]; N],
    body: impl Fn(T, [T; N]) -> [T; N] + Sync,
) {
    assert!(x.iter().all(|x| x.len() == grad.len()), "a buffer is not as long as its parameter");
    parallel::lockstep_mut(x, GRAIN, |first, mut x| {
        let grad = &grad[first..];
        vectorize(
            #[inline(always)]
            || {
                let n = x[0].len();
                let grad = &grad[..n];
                x.iter_mut().for_each(|x| *x = &mut std::mem::take(x)[..n]);
                for i in 0..n {
                    let new = body(grad[i], std::array::from_fn(|k| x[k][i]));
                    for (x, new) in x.iter_mut().zip(new) {
                        x[i] = new;
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
