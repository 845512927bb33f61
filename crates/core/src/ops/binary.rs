//! Elementwise operations of two inputs, which broadcast: a function and its two partial derivatives.

use std::fmt;

use crate::dtype::{DType, DataMut, Operand, TensorType};
use crate::error::{Error, Result};
use crate::kernels::{Mode, elementwise};
use crate::ops::operation::{Class, Grad, Operation, Reads, Signature};
use crate::ops::{Named, expect_inputs};
use crate::real::Real;
use crate::shape::{Layout, Shape};

/// A function of two numbers. Two integers give an integer where the function says what it is on integers; anything
/// else is computed in `float32`.
pub trait BinaryFunction<T: Real>: Named + fmt::Debug + Send + Sync {
    /// Whether the partial derivatives look at a and b.
    const READS_INPUTS: bool;

    /// y = f(a, b).
    fn f(&self, a: T, b: T) -> T;

    /// (∂y/∂a, ∂y/∂b).
    fn derivatives(&self, a: T, b: T) -> (T, T);

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
        Ok(TensorType::new(
            if integers { DType::Int32 } else { DType::Float32 },
            shape,
        ))
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
        if F::READS_INPUTS {
            Reads::INPUTS
        } else {
            Reads::NOTHING
        }
    }

    fn forward(&self, x: &[Operand<'_, T>], y: DataMut<'_, T>, shape: &Shape) -> Result<()> {
        let (a, b) = (&x[0].layout.strides, &x[1].layout.strides);
        match (y, self.0.on_int()) {
            (DataMut::Real(y), _) => elementwise::zip(
                (x[0].real(), a),
                (x[1].real(), b),
                [],
                shape,
                y,
                #[inline(always)]
                |_, a, b, []| self.0.f(a, b),
            ),
            (DataMut::Int(y), Some(f)) => {
                elementwise::zip((x[0].int(), a), (x[1].int(), b), [], shape, y, |_, a, b, []| {
                    f(a, b)
                });
            }
            _ => return Err(Error::internal(format!("{}: unexpected output class", F::NAME))),
        }
        Ok(())
    }

    fn backward(&self, x: &[Operand<'_, T>], _: &[T], dy: &[T], dx: &mut [Option<Grad<'_, T>>]) {
        for (side, dx) in dx.iter_mut().enumerate() {
            let Some(dx) = dx else { continue };
            let dx_mode = dx.mode;
            let pick = move |(da, db): (T, T)| if side == 0 { da } else { db };
            if !F::READS_INPUTS {
                let factor = pick(self.0.derivatives(T::ZERO, T::ZERO));
                dx.map([dy], |[g]| g * factor);
                continue;
            }
            elementwise::zip(
                (x[0].real(), &x[0].layout.strides),
                (x[1].real(), &x[1].layout.strides),
                [dy],
                x[0].shape(),
                dx.data,
                #[inline(always)]
                |dx, a, b, [g]| {
                    let change = g * pick(self.0.derivatives(a, b));
                    if dx_mode == Mode::Add { dx + change } else { change }
                },
            );
        }
    }
}
