//! Elementwise operations of two inputs, which broadcast: a function and its two partial derivatives.

use std::fmt;

use crate::dtype::{DType, DataMut, Operand, TensorType};
use crate::error::{Error, Result};
use crate::kernels::{Mode, elementwise};
use crate::ops::operation::{Class, Grad, Operation, Reads, Signature};
use crate::ops::{Named, expect_inputs};
use crate::real::Real;
use crate::shape::{Layout, Shape};

/// A function of two numbers, which is copied into the loops. Two integers give an integer where the function says what it is on integers; anything
/// else is computed in `float32`.
pub trait BinaryFunction<T: Real>: Named + fmt::Debug + Copy + Send + Sync {
    /// Whether the gradients look at a and b.
    const READS_INPUTS: bool;

    /// y = f(a, b).
    fn f(&self, a: T, b: T) -> T;

    /// (g · ∂y/∂a, g · ∂y/∂b).
    fn gradients(&self, g: T, a: T, b: T) -> (T, T);

    /// The function on integers, if it stays within them.
    fn on_int(&self) -> Option<fn(i32, i32) -> i32> {
        None
    }
}

/// A [`BinaryFunction`] as an operation.
#[derive(Debug)]
pub struct Binary<F>(pub F);

impl<T: Real, F: BinaryFunction<T>> Operation<T> for Binary<F> {
    fn infer(&self, inputs: &[TensorType]) -> Result<TensorType> {
        let [a, b] = expect_inputs(F::NAME, inputs)?;
        let shape = a.shape.broadcast(&b.shape, F::NAME)?;
        let integers = self.0.on_int().is_some() && !a.dtype.is_float() && !b.dtype.is_float();
        if integers && a.dtype == DType::Bool && b.dtype == DType::Bool {
            return Err(Error::dtype(format!(
                "{}: not defined for bool; cast it first: x.to('int32')",
                F::NAME
            )));
        }
        Ok(TensorType::new(if integers { DType::Int32 } else { DType::Float32 }, shape))
    }

    fn arrange(&self, _: usize, layout: &Layout, signature: &Signature) -> Layout {
        layout.broadcast_to(&signature.output.shape)
    }

    fn takes(&self, _: usize, inputs: &[TensorType]) -> Class {
        let integers = self.0.on_int().is_some() && inputs.iter().all(|x| !x.dtype.is_float());
        if integers { Class::Int } else { Class::Real }
    }

    fn strided(&self, _: usize) -> bool {
        true
    }

    fn reads(&self) -> Reads {
        if F::READS_INPUTS { Reads::INPUTS } else { Reads::NOTHING }
    }

    fn forward(&self, x: &[Operand<'_, T>], y: DataMut<'_, T>, shape: &Shape) -> Result<()> {
        let op = self.0;
        let (a, b) = (&x[0].layout.strides, &x[1].layout.strides);
        match (y, op.on_int()) {
            (DataMut::Real(y), _) => elementwise::zip(
                (x[0].real(), a),
                (x[1].real(), b),
                [],
                shape,
                y,
                #[inline(always)]
                move |_, a, b, []| op.f(a, b),
            ),
            (DataMut::Int(y), Some(_)) => {
                elementwise::zip(
                    (x[0].int(), a),
                    (x[1].int(), b),
                    [],
                    shape,
                    y,
                    #[inline(always)]
                    move |_, a, b, []| op.on_int().map_or(a, |f| f(a, b)), // known here, so no call by pointer,
                );
            }
            _ => return Err(Error::internal(format!("{}: unexpected output class", F::NAME))),
        }
        Ok(())
    }

    fn backward(&self, x: &[Operand<'_, T>], _: &[T], dy: &[T], dx: &mut [Option<Grad<'_, T>>]) {
        if let Some(dx) = &mut dx[0] {
            self.carry(x, dy, dx, |(da, _)| da);
        }
        if let Some(dx) = &mut dx[1] {
            self.carry(x, dy, dx, |(_, db)| db);
        }
    }
}

impl<F> Binary<F> {
    /// The gradient that `side` picks of the two.
    fn carry<T: Real>(
        &self,
        x: &[Operand<'_, T>],
        dy: &[T],
        dx: &mut Grad<'_, T>,
        side: impl Fn((T, T)) -> T + Copy + Sync,
    ) where
        F: BinaryFunction<T>,
    {
        let op = self.0;
        if F::READS_INPUTS {
            carry(
                x,
                dy,
                dx,
                #[inline(always)]
                move |g, a, b| side(op.gradients(g, a, b)),
            );
        } else {
            dx.map(
                [dy],
                #[inline(always)]
                move |[g]| side(op.gradients(g, T::ZERO, T::ZERO)),
            );
        }
    }
}

/// `dx (+)= f(dy, a, b)` for a and b, the two operands, read as they lie.
pub(super) fn carry<T: Real>(
    x: &[Operand<'_, T>],
    dy: &[T],
    dx: &mut Grad<'_, T>,
    f: impl Fn(T, T, T) -> T + Copy + Sync,
) {
    let add = dx.mode == Mode::Add;
    elementwise::zip(
        (x[0].real(), &x[0].layout.strides),
        (x[1].real(), &x[1].layout.strides),
        [dy],
        x[0].shape(),
        dx.data,
        #[inline(always)]
        move |dx, a, b, [g]| {
            let change = f(g, a, b);
            if add { dx + change } else { change }
        },
    );
}
