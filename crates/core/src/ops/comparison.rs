//! Comparisons, elementwise and broadcasting: truth values that no gradient passes.

use serde::Deserialize;

use crate::dtype::{DType, DataMut, Operand, TensorType};
use crate::error::{Error, Result};
use crate::kernels::elementwise;
use crate::ops::{Class, Grad, Named, Operation, Reads, Signature, expect_inputs};
use crate::real::Real;
use crate::shape::{Layout, Shape};

/// A relation of two numbers.
pub trait Relation: Named + std::fmt::Debug + Send + Sync {
    /// Whether a and b are so related.
    fn holds<X: PartialOrd>(a: X, b: X) -> bool;
}

/// A [`Relation`] as an operation. Integers are compared as integers if both inputs are, otherwise as `float32`. NaN is
/// related to nothing, and unequal to everything.
#[derive(Debug)]
pub struct Comparison<R>(pub R);

impl<T: Real, R: Relation> Operation<T> for Comparison<R> {
    fn infer(&self, inputs: &[TensorType]) -> Result<TensorType> {
        let [a, b] = expect_inputs(R::NAME, inputs)?;
        Ok(TensorType::new(DType::Bool, a.shape.broadcast(&b.shape, R::NAME)?))
    }

    fn arrange(&self, _: usize, layout: &Layout, signature: &Signature) -> Layout {
        layout.broadcast_to(&signature.output.shape)
    }

    fn takes(&self, _: usize, inputs: &[TensorType]) -> Class {
        if inputs.iter().any(|x| x.dtype.is_float()) { Class::Real } else { Class::Int }
    }

    fn strided(&self, _: usize) -> bool {
        true
    }

    fn reads(&self) -> Reads {
        Reads::NOTHING
    }

    fn differentiable(&self, _: usize) -> bool {
        false
    }

    fn forward(&self, x: &[Operand<'_, T>], y: DataMut<'_, T>, shape: &Shape) -> Result<()> {
        let DataMut::Byte(y) = y else {
            return Err(Error::internal(format!("{}: unexpected output class", R::NAME)));
        };
        let (a, b) = (&x[0].layout.strides, &x[1].layout.strides);
        if let crate::Data::Real(_) = x[0].data {
            let (a, b) = ((x[0].real(), &a[..]), (x[1].real(), &b[..]));
            elementwise::zip(
                a,
                b,
                [],
                shape,
                y,
                #[inline(always)]
                |_, a, b, []| u8::from(R::holds(a, b)),
            );
        } else {
            let (a, b) = ((x[0].int(), &a[..]), (x[1].int(), &b[..]));
            elementwise::zip(
                a,
                b,
                [],
                shape,
                y,
                #[inline(always)]
                |_, a, b, []| u8::from(R::holds(a, b)),
            );
        }
        Ok(())
    }

    fn backward(&self, _: &[Operand<'_, T>], _: &[T], _: &[T], _: &mut [Option<Grad<'_, T>>]) {}
}

macro_rules! relations {
    ($($type:ident, $name:literal, $operator:tt;)*) => {
        $(
            #[doc = concat!("a ", stringify!($operator), " b.")]
            #[derive(Debug, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub struct $type {}

            impl Named for $type {
                const NAME: &'static str = $name;

                #[cfg(test)]
                fn samples() -> Vec<super::samples::Sample> {
                    samples()
                }
            }

            impl Relation for $type {
                #[inline(always)]
                fn holds<X: PartialOrd>(a: X, b: X) -> bool {
                    a $operator b
                }
            }
        )*
    };
}

relations! {
    Equal, "eq", ==;
    NotEqual, "ne", !=;
    Less, "lt", <;
    LessEqual, "le", <=;
    Greater, "gt", >;
    GreaterEqual, "ge", >=;
}

#[cfg(test)]
fn samples() -> Vec<super::samples::Sample> {
    use super::samples::{Sample, binary};
    let mut samples = binary(-2.0..2.0, -2.0..2.0);
    samples.extend([
        Sample::new("{}").int(&[2, 3], &[1, 2, 3, 4, 5, 6]).int(&[3], &[4, 2, 3]),
        Sample::new("{}").int(&[3], &[1, 2, 3]).int(&[], &[2]),
        Sample::new("{}").values(&[4], &[0.5, 1.0, 2.0, 3.0]).int(&[4], &[1, 1, 2, 2]),
        Sample::new("{}").bool(&[2], &[true, false]).int(&[2], &[1, 1]),
    ]);
    samples
}

#[cfg(test)]
mod tests {
    use crate::ops::samples::Sample;
    use crate::ops::tests::{error, values_f32};

    const ALL: [&str; 6] = ["eq", "ne", "lt", "le", "gt", "ge"];

    #[test]
    fn each_relation_is_itself_and_nan_is_related_to_nothing() {
        let pair = Sample::new("{}").values(&[4], &[1.0, 2.0, 3.0, f64::NAN]).values(&[], &[2.0]);
        let expected = [[0, 1, 0, 0], [1, 0, 1, 1], [1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 1, 1, 0]];
        for (name, expected) in ALL.into_iter().zip(expected) {
            assert_eq!(values_f32(name, &pair), expected.map(f64::from), "{name}");
        }
    }

    #[test]
    fn integers_are_compared_exactly() {
        let pair = Sample::new("{}").int(&[1], &[16_777_217]).int(&[1], &[16_777_216]);
        assert_eq!(ALL.map(|name| values_f32(name, &pair)[0]), [0.0, 1.0, 0.0, 0.0, 1.0, 1.0]);
    }

    #[test]
    fn shapes_must_broadcast() {
        let pair = Sample::new("{}").values(&[2], &[1.0; 2]).values(&[3], &[1.0; 3]);
        assert!(error("lt", &pair).starts_with("lt: shapes [2] and [3] do not broadcast"));
    }
}
