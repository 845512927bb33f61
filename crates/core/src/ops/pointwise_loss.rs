//! Losses that compare two tensors of the same shape, element for element: a function and its derivatives are all that
//! each has to say.

use std::fmt;

use crate::dtype::{DType, DataMut, Operand, TensorType};
use crate::error::{Error, Result};
use crate::kernels::exponentials::sum_of;
use crate::kernels::{elementwise, vectorize};
use crate::ops::loss::{LossReduction, total};
use crate::ops::{Grad, Named, Operation, Reads, expect_inputs};
use crate::real::Real;
use crate::shape::Shape;

/// Elements whose losses are added in lanes of their own.
const BLOCK: usize = 512;

/// A function of an element x of the input and an element t of the target.
pub trait PointwiseFunction<T: Real>: Named + fmt::Debug + Send + Sync {
    /// What becomes of the elements' losses.
    fn reduction(&self) -> LossReduction;

    /// Refuses attributes that make no sense.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// The loss f(x, t).
    fn f(&self, x: T, t: T) -> T;

    /// (∂f/∂x, ∂f/∂t).
    fn derivatives(&self, x: T, t: T) -> (T, T);
}

/// A [`PointwiseFunction`] as an operation. Shapes must be equal: where PyTorch warns of a broadcast, which is hardly
/// ever meant, this is an error.
#[derive(Debug)]
pub struct PointwiseLoss<F>(pub F);

impl<F> PointwiseLoss<F> {
    /// The derivative with respect to input number `side`.
    #[inline(always)]
    fn derivative<T: Real>(&self, side: usize, x: T, t: T) -> T
    where
        F: PointwiseFunction<T>,
    {
        let (dx, dt) = self.0.derivatives(x, t);
        if side == 0 { dx } else { dt }
    }
}

impl<T: Real, F: PointwiseFunction<T>> Operation<T> for PointwiseLoss<F> {
    fn infer(&self, inputs: &[TensorType]) -> Result<TensorType> {
        let name = F::NAME;
        let [x, target] = expect_inputs(name, inputs)?;
        self.0.check()?;
        if let Some(x) = inputs.iter().find(|x| !x.dtype.is_float()) {
            return Err(Error::dtype(format!(
                "{name}: expected float32, got {} of shape {}; cast it first: x.to('float32')",
                x.dtype, x.shape
            )));
        }
        if x.shape != target.shape {
            return Err(Error::shape(format!(
                "{name}: input of shape {} and target of shape {} differ; reshape or expand one of them",
                x.shape, target.shape
            )));
        }
        Ok(TensorType::new(
            DType::Float32,
            match self.0.reduction() {
                LossReduction::None => x.shape.clone(),
                _ => Shape::default(),
            },
        ))
    }

    fn reads(&self) -> Reads {
        Reads::INPUTS
    }

    fn forward(&self, x: &[Operand<'_, T>], y: DataMut<'_, T>, _: &Shape) -> Result<()> {
        let DataMut::Real(y) = y else {
            return Err(Error::internal(format!("{}: unexpected output class", F::NAME)));
        };
        let n = x[0].shape().elements();
        let (x, target) = (&x[0].real()[..n], &x[1].real()[..n]);
        if self.0.reduction() == LossReduction::None {
            elementwise::map(
                [x, target],
                y,
                #[inline(always)]
                |[x, t]| self.0.f(x, t),
            );
            return Ok(());
        }
        let sum = total(n, BLOCK, 1, |range| {
            vectorize(
                #[inline(always)]
                || {
                    sum_of(
                        [&x[range.clone()], &target[range]],
                        #[inline(always)]
                        |[x, t]| self.0.f(x, t),
                    )
                },
            )
        });
        y[0] = match self.0.reduction() {
            LossReduction::Mean => sum / T::from_f64(n as f64),
            _ => sum,
        };
        Ok(())
    }

    fn backward(&self, x: &[Operand<'_, T>], _: &[T], dy: &[T], dx: &mut [Option<Grad<'_, T>>]) {
        let n = x[0].shape().elements();
        let (x, target) = (&x[0].real()[..n], &x[1].real()[..n]);
        let common = match self.0.reduction() {
            LossReduction::Mean => Some(dy[0] / T::from_f64(n as f64)),
            LossReduction::Sum => Some(dy[0]),
            LossReduction::None => None,
        };
        for (side, dx) in dx.iter_mut().enumerate() {
            let Some(dx) = dx else { continue };
            match common {
                Some(g) => dx.map(
                    [x, target],
                    #[inline(always)]
                    |[x, t]| g * self.derivative(side, x, t),
                ),
                None => dx.map(
                    [x, target, dy],
                    #[inline(always)]
                    |[x, t, g]| g * self.derivative(side, x, t),
                ),
            }
        }
    }
}

/// Samples of every reduction.
#[cfg(test)]
pub fn samples(x: std::ops::Range<f64>, target: std::ops::Range<f64>) -> Vec<super::samples::Sample> {
    use super::samples::Sample;
    let shapes: [&[usize]; 5] = [&[7], &[], &[3, 20], &[2, 3, 4], &[0, 2]];
    let mut samples = Vec::new();
    for reduction in ["mean", "sum", "none"] {
        for shape in shapes {
            let sample = Sample::new(&format!(r#"{{"reduction": "{reduction}"}}"#));
            samples.push(sample.real(shape, x.clone()).real(shape, target.clone()));
        }
    }
    samples
}
