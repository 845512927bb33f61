use serde::Deserialize;

use crate::dtype::{DType, Data, DataMut, Operand, TensorType};
use crate::error::{Error, Result};
use crate::kernels::elementwise::Strided;
use crate::kernels::Mode;
use crate::kernels::select::{select, select_seldom};
use crate::ops::{Class, Grad, Named, Operation, Reads, Signature, expect_inputs};
use crate::real::Real;
use crate::shape::{Layout, Shape};

/// a where the condition is not 0 and b elsewhere, all three broadcasting. The condition may have any type; two choices
/// of one type keep it, two kinds of integers become `int32`, anything else `float32`. The gradient goes to the element
/// that was chosen.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Where {}

impl Named for Where {
    const NAME: &'static str = "where";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        use super::samples::Sample;
        let some = &[true, false, false, true, true, false];
        vec![
            Sample::new("{}").bool(&[2, 3], some).real(&[2, 3], -1.0..1.0).real(&[2, 3], -1.0..1.0),
            Sample::new("{}").bool(&[3], &some[..3]).real(&[2, 3], -1.0..1.0).real(&[], -1.0..1.0),
            Sample::new("{}").bool(&[2, 1], &some[..2]).real(&[], -1.0..1.0).real(&[1, 3], -1.0..1.0),
            Sample::new("{}").bool(&[6], some).real(&[], -1.0..1.0).real(&[], -1.0..1.0),
            Sample::new("{}").bool(&[], &[true]).real(&[2, 2], -1.0..1.0).real(&[2], -1.0..1.0),
            Sample::new("{}").int(&[3], &[0, 7, -1]).real(&[3], -1.0..1.0).int(&[3], &[1, 2, 3]),
            Sample::new("{}").values(&[3], &[0.0, 0.5, -2.0]).int(&[3], &[4, 5, 6]).int(&[3], &[1, 2, 3]),
            Sample::new("{}").bool(&[0], &[]).real(&[0], -1.0..1.0).real(&[1], -1.0..1.0),
        ]
    }
}

impl Where {
    fn dtype(inputs: &[TensorType]) -> DType {
        match (inputs[1].dtype, inputs[2].dtype) {
            (a, b) if a == b => a,
            (a, b) if !a.is_float() && !b.is_float() => DType::Int32,
            _ => DType::Float32,
        }
    }
}

/// [`select()`] for a condition of any class.
fn choose<T: Real, X: Copy + Send + Sync>(
    condition: &Operand<'_, T>,
    a: Strided<'_, X>,
    b: Strided<'_, X>,
    shape: &[usize],
    y: &mut [X],
    f: impl Fn(X, X) -> X + Copy + Sync,
) {
    let steps = &condition.layout.strides;
    match condition.data {
        Data::Byte(_) => select((condition.byte(), steps), a, b, shape, y, f),
        Data::Int(_) => select_seldom((condition.int(), steps), a, b, shape, y, f),
        Data::Real(_) => select_seldom((condition.real(), steps), a, b, shape, y, f),
    }
}

impl<T: Real> Operation<T> for Where {
    fn infer(&self, inputs: &[TensorType]) -> Result<TensorType> {
        let [condition, a, b] = expect_inputs(Self::NAME, inputs)?;
        let shape = a.shape.broadcast(&b.shape, Self::NAME)?;
        Ok(TensorType::new(Self::dtype(inputs), condition.shape.broadcast(&shape, Self::NAME)?))
    }

    fn arrange(&self, _: usize, layout: &Layout, signature: &Signature) -> Layout {
        layout.broadcast_to(&signature.output.shape)
    }

    fn takes(&self, input: usize, inputs: &[TensorType]) -> Class {
        Class::of(if input == 0 { inputs[0].dtype } else { Self::dtype(inputs) })
    }

    fn strided(&self, _: usize) -> bool {
        true
    }

    fn reads(&self) -> Reads {
        Reads::input(0)
    }

    fn differentiable(&self, input: usize) -> bool {
        input > 0
    }

    fn forward(&self, x: &[Operand<'_, T>], y: DataMut<'_, T>, shape: &Shape) -> Result<()> {
        let [condition, a, b] = x else {
            return Err(Error::internal("where: unexpected number of operands"));
        };
        let (s, t) = (&a.layout.strides, &b.layout.strides);
        match y {
            DataMut::Real(y) => choose(condition, (a.real(), s), (b.real(), t), shape, y, |_, x| x),
            DataMut::Int(y) => choose(condition, (a.int(), s), (b.int(), t), shape, y, |_, x| x),
            DataMut::Byte(y) => choose(condition, (a.byte(), s), (b.byte(), t), shape, y, |_, x| x),
        }
        Ok(())
    }

    fn backward(&self, x: &[Operand<'_, T>], _: &[T], dy: &[T], dx: &mut [Option<Grad<'_, T>>]) {
        let shape = x[0].shape();
        let (row_major, constant) = (shape.strides(), vec![0; shape.len()]);
        let (g, zero): (Strided<'_, T>, Strided<'_, T>) = ((dy, &row_major), (&[T::ZERO], &constant));
        for (input, (chosen, other)) in [(1, (g, zero)), (2, (zero, g))] {
            let Some(dx) = &mut dx[input] else { continue };
            match dx.mode {
                Mode::Write => choose(&x[0], chosen, other, shape, dx.data, |_, g| g),
                Mode::Add => choose(&x[0], chosen, other, shape, dx.data, |dx, g| dx + g),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::samples::Sample;
    use crate::ops::tests::{gradients_f32, values_f32};

    #[test]
    fn integers_stay_exact_and_nan_is_true() {
        let x = Sample::new("{}").values(&[3], &[0.0, f64::NAN, -0.0]);
        let x = x.int(&[], &[16_777_217]).int(&[3], &[1, 2, i32::MAX]);
        assert_eq!(values_f32("where", &x), [1.0, 16_777_217.0, f64::from(i32::MAX)]);
    }

    #[test]
    fn what_was_not_chosen_gets_nothing_of_an_infinite_gradient() {
        let x = Sample::new("{}").bool(&[2], &[true, false]).values(&[2], &[1.0; 2]).values(&[2], &[1.0; 2]);
        let inf = f32::INFINITY;
        assert_eq!(gradients_f32("where", &x, inf), [[inf, 0.0], [0.0, inf]]);
    }
}
