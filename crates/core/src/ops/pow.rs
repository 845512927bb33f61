use serde::Deserialize;

use crate::dtype::{DType, DataMut, Operand, TensorType};
use crate::error::{Error, Result};
use crate::kernels::{Mode, elementwise};
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

impl Simple {
    /// `y = a` to this power.
    fn fill<T: Real>(self, a: &Operand<'_, T>, y: &mut [T]) {
        match self {
            Self::Zero => y.fill(T::ONE),
            Self::Root => along(a, [], y, |_, a, []| a.sqrt()),
            Self::Identity => along(a, [], y, |_, a, []| a),
            Self::Reciprocal => along(a, [], y, |_, a, []| T::ONE / a),
            Self::Square => along(a, [], y, |_, a, []| a * a),
            Self::Cube => along(a, [], y, |_, a, []| a * a * a),
        }
    }

    /// `dx (+)= dy ·` the derivative with respect to `a`.
    fn carry<T: Real>(self, a: &Operand<'_, T>, dy: &[T], dx: &mut Grad<'_, T>) {
        let (half, three) = (T::from_f64(0.5), T::from_f64(3.0));
        match self {
            Self::Zero => change(a, dy, dx, |g, _| g * T::ZERO),
            Self::Root => change(a, dy, dx, |g, a| g * (half / a.sqrt())),
            Self::Identity => change(a, dy, dx, |g, _| g),
            Self::Reciprocal => change(a, dy, dx, |g, a| g * (-T::ONE / (a * a))),
            Self::Square => change(a, dy, dx, |g, a| g * (a + a)),
            Self::Cube => change(a, dy, dx, |g, a| g * (three * (a * a))),
        }
    }
}

/// `y = f(y, a, [z])`
fn along<T: Real, const N: usize>(
    a: &Operand<'_, T>,
    z: [&[T]; N],
    y: &mut [T],
    f: impl Fn(T, T, [T; N]) -> T + Copy + Sync,
) {
    elementwise::along((a.real(), &a.layout.strides), z, a.shape(), y, f);
}

/// `dx (+)= f(dy, a)`
fn change<T: Real>(
    a: &Operand<'_, T>,
    dy: &[T],
    dx: &mut Grad<'_, T>,
    f: impl Fn(T, T) -> T + Copy + Sync,
) {
    let add = dx.mode == Mode::Add;
    along(
        a,
        [dy],
        dx.data,
        #[inline(always)]
        move |dx, a, [g]| if add { dx + f(g, a) } else { f(g, a) },
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
            Some(simple) => simple.fill(&x[0], y),
            None => elementwise::zip(
                (x[0].real(), &x[0].layout.strides),
                (x[1].real(), &x[1].layout.strides),
                [],
                x[0].shape(),
                y,
                #[inline(always)]
                move |_, a, b, []| a.powf(b),
            ),
        }
        Ok(())
    }

    fn backward(&self, x: &[Operand<'_, T>], _: &[T], dy: &[T], dx: &mut [Option<Grad<'_, T>>]) {
        if let Some(dx) = &mut dx[0] {
            match Simple::of(&x[1]) {
                Some(simple) => simple.carry(&x[0], dy, dx),
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
