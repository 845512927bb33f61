//! Elementwise operations of one input: a function and its gradient are all that each has to say.

use std::fmt;

use crate::dtype::{DType, DataMut, Operand, TensorType};
use crate::error::{Error, Result};
use crate::kernels::elementwise;
use crate::ops::operation::{Class, Grad, Operation, Reads};
use crate::ops::{Named, expect_inputs};
use crate::real::Real;
use crate::shape::Shape;

/// A function of one number. Integers become `float32`, unless the function says what it is on integers. It is copied
/// into the loops, so that its attributes are constants there.
pub trait UnaryFunction<T: Real>: Named + fmt::Debug + Copy + Send + Sync {
    /// What [`UnaryFunction::gradient`] looks at.
    const READS: Reads;

    /// y = f(x).
    fn f(&self, x: T) -> T;

    /// g · dy/dx, from whichever of x and y [`UnaryFunction::READS`] names; the other is 0. Functions that let
    /// gradients through or stop them select rather than multiply: what is stopped is 0 even where g is infinite.
    fn gradient(&self, g: T, x: T, y: T) -> T;

    /// The function on integers, if it stays within them.
    fn on_int(&self) -> Option<fn(&Self, i32) -> i32> {
        None
    }
}

/// A [`UnaryFunction`] as an operation.
#[derive(Debug)]
pub struct Unary<F>(pub F);

impl<T: Real, F: UnaryFunction<T>> Operation<T> for Unary<F> {
    fn infer(&self, inputs: &[TensorType]) -> Result<TensorType> {
        let [x] = expect_inputs(F::NAME, inputs)?;
        let dtype = match x.dtype {
            DType::Int32 | DType::Uint8 if self.0.on_int().is_some() => DType::Int32,
            DType::Bool if self.0.on_int().is_some() => {
                return Err(Error::dtype(format!(
                    "{}: not defined for bool; cast it first: x.to('int32')",
                    F::NAME
                )));
            }
            _ => DType::Float32,
        };
        Ok(TensorType::new(dtype, x.shape.clone()))
    }

    fn takes(&self, _: usize, inputs: &[TensorType]) -> Class {
        if inputs[0].dtype != DType::Float32 && self.0.on_int().is_some() { Class::Int } else { Class::Real }
    }

    fn reads(&self) -> Reads {
        F::READS
    }

    fn forward(&self, x: &[Operand<'_, T>], y: DataMut<'_, T>, _: &Shape) -> Result<()> {
        let op = self.0;
        match (y, op.on_int()) {
            (DataMut::Real(y), _) => elementwise::map(
                [x[0].real()],
                y,
                #[inline(always)]
                move |[x]| op.f(x),
            ),
            (DataMut::Int(y), Some(_)) => elementwise::map(
                [x[0].int()],
                y,
                #[inline(always)]
                move |[x]| op.on_int().map_or(x, |f| f(&op, x)), // known here, so no call by pointer,
            ),
            _ => return Err(Error::internal(format!("{}: unexpected output class", F::NAME))),
        }
        Ok(())
    }

    fn backward(&self, x: &[Operand<'_, T>], y: &[T], dy: &[T], dx: &mut [Option<Grad<'_, T>>]) {
        let Some(dx) = &mut dx[0] else { return };
        let op = self.0;
        match (F::READS.inputs != 0, F::READS.output) {
            (true, true) => dx.map(
                [dy, x[0].real(), y],
                #[inline(always)]
                move |[g, x, y]| op.gradient(g, x, y),
            ),
            (true, false) => dx.map(
                [dy, x[0].real()],
                #[inline(always)]
                move |[g, x]| op.gradient(g, x, T::ZERO),
            ),
            (false, _) => dx.map(
                [dy, if F::READS.output { y } else { dy }],
                #[inline(always)]
                move |[g, y]| op.gradient(g, T::ZERO, y),
            ),
        }
    }
}
