//! Operations that turn each row, a stretch along the last dimension, into a row of the same length.

use std::fmt;

use crate::dtype::{DType, DataMut, Operand, TensorType};
use crate::error::{Error, Result};
use crate::kernels::Mode;
use crate::kernels::parallel::rows_mut;
use crate::kernels::strided::GRAIN;
use crate::kernels::vectorize;
use crate::ops::{Grad, Named, Operation, Reads, expect_inputs};
use crate::real::Real;
use crate::shape::Shape;

/// A differentiable function from rows to rows, whose gradient can be had from its result. Both methods are called
/// inside [`vectorize`]: they and what they call should be `#[inline(always)]`.
pub trait RowMapFunction<T: Real>: Named + fmt::Debug + Send + Sync {
    /// Writes all of y.
    fn f(&self, x: &[T], y: &mut [T]);

    /// `dx (+)= gᵀ · ∂y/∂x`.
    fn gradient(&self, y: &[T], g: &[T], dx: &mut [T], mode: Mode);
}

/// A [`RowMapFunction`] as an operation.
#[derive(Debug)]
pub struct RowMap<F>(pub F);

fn width(shape: &Shape) -> usize {
    shape.last().copied().unwrap_or(1)
}

impl<T: Real, F: RowMapFunction<T>> Operation<T> for RowMap<F> {
    fn infer(&self, inputs: &[TensorType]) -> Result<TensorType> {
        let [x] = expect_inputs(F::NAME, inputs)?;
        Ok(TensorType::new(DType::Float32, x.shape.clone()))
    }

    fn reads(&self) -> Reads {
        Reads::OUTPUT
    }

    fn forward(&self, x: &[Operand<'_, T>], y: DataMut<'_, T>, shape: &Shape) -> Result<()> {
        let DataMut::Real(y) = y else {
            return Err(Error::internal(format!("{}: unexpected output class", F::NAME)));
        };
        let (x, width) = (x[0].real(), width(shape));
        rows_mut(y, width, GRAIN, |first, rows| {
            vectorize(
                #[inline(always)]
                move || {
                    for (i, y) in rows.chunks_exact_mut(width).enumerate() {
                        self.0.f(&x[(first + i) * width..][..width], y);
                    }
                },
            );
        });
        Ok(())
    }

    fn backward(&self, x: &[Operand<'_, T>], y: &[T], dy: &[T], dx: &mut [Option<Grad<'_, T>>]) {
        let Some(dx) = &mut dx[0] else { return };
        let (width, mode) = (width(x[0].shape()), dx.mode);
        rows_mut(dx.data, width, GRAIN, |first, rows| {
            vectorize(
                #[inline(always)]
                move || {
                    for (i, dx) in rows.chunks_exact_mut(width).enumerate() {
                        let at = (first + i) * width;
                        self.0.gradient(&y[at..][..width], &dy[at..][..width], dx, mode);
                    }
                },
            );
        });
    }
}
