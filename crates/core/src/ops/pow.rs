use serde::Deserialize;

use crate::dtype::{DType, DataMut, Operand, TensorType};
use crate::error::{Error, Result};
use crate::kernels::elementwise;
use crate::ops::binary::carry;
use crate::ops::{Grad, Named, Operation, Reads, Signature, expect_inputs};
use crate::real::Real;
use crate::shape::{Layout, Shape};

/// aᵇ elementwise, broadcasting, with the special cases of C's `powf`; integers too become `float32`.
///
/// ∂/∂a = b · aᵇ⁻¹, 0 where b is 0; ∂/∂b = aᵇ · ln a, 0 where a is 0 and b is not negative. A single exponent of 0, ½, ±1,
/// 2 or 3 is computed by roots and products, which are fast and rounded better; of −∞ and −0 the root is not the power.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pow {}

impl Named for Pow {
    const NAME: &'static str = "pow";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        use super::samples::{Sample, binary};
        let mut samples = binary(0.3..2.0, -2.5..2.5);
        for exponent in [0.0, 0.5, 1.0, -1.0, 2.0, 3.0, 1.7] {
            samples.push(Sample::new("{}").real(&[2, 5], 0.3..2.0).values(&[], &[exponent]));
        }
        samples
    }
}

/// The powers that need no logarithm.
#[derive(Clone, Copy)]
enum Simple {
    Zero,
    Root,
    Identity,
    Reciprocal,
    Square,
    Cube,
}

impl Simple {
    /// If `b` is one and the same number everywhere, and a simple one.
    fn of<T: Real>(b: &Operand<'_, T>) -> Option<Self> {
        let constant =
            b.shape().iter().zip(b.layout.strides.iter()).all(|(&size, &step)| size == 1 || step == 0);
        let exponent = b.real().first().filter(|_| constant)?.to_f64();
        let simple = [
            (0.0, Self::Zero),
            (0.5, Self::Root),
            (1.0, Self::Identity),
            (-1.0, Self::Reciprocal),
            (2.0, Self::Square),
            (3.0, Self::Cube),
        ];
        simple.into_iter().find(|&(b, _)| b == exponent).map(|(_, simple)| simple)
    }
}

/// b · aᵇ⁻¹
#[inline(always)]
fn by_base<T: Real>(a: T, b: T) -> T {
    if b == T::ZERO { T::ZERO } else { b * a.powf(b - T::ONE) }
}

/// aᵇ · ln a
#[inline(always)]
fn by_exponent<T: Real>(a: T, b: T) -> T {
    if a == T::ZERO && b >= T::ZERO { T::ZERO } else { a.powf(b) * a.ln() }
}

/// `y = f(a, b)`
fn fill<T: Real>(x: &[Operand<'_, T>], y: &mut [T], f: impl Fn(T, T) -> T + Copy + Sync) {
    elementwise::zip(
        (x[0].real(), &x[0].layout.strides),
        (x[1].real(), &x[1].layout.strides),
        [],
        x[0].shape(),
        y,
        #[inline(always)]
        move |_, a, b, []| f(a, b),
    );
}

impl<T: Real> Operation<T> for Pow {
    fn infer(&self, inputs: &[TensorType]) -> Result<TensorType> {
        let [a, b] = expect_inputs(Self::NAME, inputs)?;
        Ok(TensorType::new(DType::Float32, a.shape.broadcast(&b.shape, Self::NAME)?))
    }

    fn arrange(&self, _: usize, layout: &Layout, signature: &Signature) -> Layout {
        layout.broadcast_to(&signature.output.shape)
    }

    fn strided(&self, _: usize) -> bool {
        true
    }

    fn reads(&self) -> Reads {
        Reads::INPUTS
    }

    fn forward(&self, x: &[Operand<'_, T>], y: DataMut<'_, T>, _: &Shape) -> Result<()> {
        let DataMut::Real(y) = y else {
            return Err(Error::internal("pow: unexpected output class"));
        };
        match Simple::of(&x[1]) {
            Some(Simple::Zero) => y.fill(T::ONE),
            Some(Simple::Root) => fill(x, y, |a, _| a.sqrt()),
            Some(Simple::Identity) => fill(x, y, |a, _| a),
            Some(Simple::Reciprocal) => fill(x, y, |a, _| T::ONE / a),
            Some(Simple::Square) => fill(x, y, |a, _| a * a),
            Some(Simple::Cube) => fill(x, y, |a, _| a * a * a),
            None => fill(
                x,
                y,
                #[inline(always)]
                |a, b| a.powf(b),
            ),
        }
        Ok(())
    }

    fn backward(&self, x: &[Operand<'_, T>], _: &[T], dy: &[T], dx: &mut [Option<Grad<'_, T>>]) {
        let half = T::from_f64(0.5);
        if let Some(dx) = &mut dx[0] {
            match Simple::of(&x[1]) {
                Some(Simple::Zero) => carry(x, dy, dx, |g, _, _| g * T::ZERO),
                Some(Simple::Root) => carry(x, dy, dx, |g, a, _| g * (half / a.sqrt())),
                Some(Simple::Identity) => carry(x, dy, dx, |g, _, _| g),
                Some(Simple::Reciprocal) => carry(x, dy, dx, |g, a, _| g * (-T::ONE / (a * a))),
                Some(Simple::Square) => carry(x, dy, dx, |g, a, _| g * (a + a)),
                Some(Simple::Cube) => carry(x, dy, dx, |g, a, b| g * (b * (a * a))),
                None => carry(
                    x,
                    dy,
                    dx,
                    #[inline(always)]
                    |g, a, b| g * by_base(a, b),
                ),
            }
        }
        if let Some(dx) = &mut dx[1] {
            carry(
                x,
                dy,
                dx,
                #[inline(always)]
                |g, a, b| g * by_exponent(a, b),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::samples::Sample;
    use crate::ops::tests::{gradients_f32, values_f32};

    fn pow(a: &[f64], b: &[f64]) -> Sample {
        Sample::new("{}").values(&[a.len()], a).values(&[b.len()], b)
    }

    #[test]
    fn zeros_have_the_gradients_of_pytorch() {
        let gradients = gradients_f32("pow", &pow(&[0.0, 0.0, 2.0, 0.0], &[0.0, 2.0, 0.0, -1.0]), 1.0);
        assert_eq!(gradients[0][..3], [0.0, 0.0, 0.0]);
        assert_eq!(gradients[1][..2], [0.0, 0.0]);
        assert_eq!(gradients[1][3], f32::NEG_INFINITY); // ∞ · ln 0
    }

    #[test]
    fn single_exponents_are_exact() {
        let a = [-3.0, -0.1, 0.0, 0.7, 1e20f32];
        let of = |b: f64| values_f32("pow", &pow(&a.map(f64::from), &[b]));
        assert_eq!(of(2.0), a.map(|a| f64::from(a * a)));
        assert_eq!(of(3.0), a.map(|a| f64::from(a * a * a)));
        assert_eq!(of(1.0), a.map(f64::from));
        assert_eq!(of(0.0), [1.0; 5]);
        assert_eq!(of(-1.0), a.map(|a| f64::from(1.0 / a)));
        assert_eq!(of(0.5)[3..], [0.7f32, 1e20].map(|a| f64::from(a.sqrt())));
    }
}
