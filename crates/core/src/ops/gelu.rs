use serde::Deserialize;

use crate::dtype::{DataMut, Operand, TensorType};
use crate::error::Result;
use crate::ops::{Class, Grad, Named, Operation, Reads, Unary, UnaryFunction};
use crate::real::Real;
use crate::shape::Shape;

/// x · Φ(x), Φ being the normal distribution function (Hendrycks, Gimpel 2016), or its approximation
/// x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))).
///
/// The derivative is Φ(x) + x · φ(x), φ being the normal density; or that of the approximation.
///
/// The error is at most 4·u·|x|, u = 2⁻²⁴, and 3.5·u·|x| for the approximation; see docs/accuracy.md.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gelu {
    #[serde(default)]
    approximate: Approximate,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Approximate {
    #[default]
    None,
    Tanh,
}

/// √(2/π) and the coefficient of x³.
const SCALE: f64 = 0.797_884_560_802_865_4;
const CUBIC: f64 = 0.044_715;
/// 1/√(2π).
const DENSITY_AT_0: f64 = 0.398_942_280_401_432_7;

impl Named for Gelu {
    const NAME: &'static str = "gelu";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        use super::samples::{unary, unary_with};
        [
            unary(-3.0..3.0),
            unary_with(r#"{"approximate": "none"}"#, -3.0..3.0),
            unary_with(r#"{"approximate": "tanh"}"#, -3.0..3.0),
        ]
        .concat()
    }
}

#[inline(always)]
fn c<T: Real>(x: f64) -> T {
    T::from_f64(x)
}

impl Gelu {
    /// The form that is asked for: a type each, for a choice in the loop would cost as much as both.
    fn form<T: Real>(&self) -> &dyn Operation<T> {
        match self.approximate {
            Approximate::None => &Unary(Exact),
            Approximate::Tanh => &Unary(ByTanh),
        }
    }
}

impl<T: Real> Operation<T> for Gelu {
    fn infer(&self, inputs: &[TensorType]) -> Result<TensorType> {
        self.form::<T>().infer(inputs)
    }

    fn takes(&self, input: usize, inputs: &[TensorType]) -> Class {
        self.form::<T>().takes(input, inputs)
    }

    fn reads(&self) -> Reads {
        self.form::<T>().reads()
    }

    fn forward(&self, x: &[Operand<'_, T>], y: DataMut<'_, T>, shape: &Shape) -> Result<()> {
        self.form().forward(x, y, shape)
    }

    fn backward(&self, x: &[Operand<'_, T>], y: &[T], dy: &[T], dx: &mut [Option<Grad<'_, T>>]) {
        self.form().backward(x, y, dy, dx);
    }
}

#[derive(Clone, Copy, Debug)]
struct Exact;

impl Named for Exact {
    const NAME: &'static str = Gelu::NAME;

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        Gelu::samples()
    }
}

impl<T: Real> UnaryFunction<T> for Exact {
    const READS: Reads = Reads::INPUTS;

    #[inline(always)]
    fn f(&self, x: T) -> T {
        x * x.normal_distribution()
    }

    #[inline(always)]
    fn gradient(&self, g: T, x: T, _: T) -> T {
        let density = c::<T>(DENSITY_AT_0) * (c::<T>(-0.5) * (x * x)).exp_up_to_40();
        g * (x.normal_distribution() + x * density)
    }
}

#[derive(Clone, Copy, Debug)]
struct ByTanh;

impl Named for ByTanh {
    const NAME: &'static str = Gelu::NAME;

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        Gelu::samples()
    }
}

impl<T: Real> UnaryFunction<T> for ByTanh {
    const READS: Reads = Reads::INPUTS;

    #[inline(always)]
    fn f(&self, x: T) -> T {
        c::<T>(0.5) * x * (T::ONE + (c::<T>(SCALE) * (x + c::<T>(CUBIC) * (x * x * x))).tanh())
    }

    #[inline(always)]
    fn gradient(&self, g: T, x: T, _: T) -> T {
        let half = c::<T>(0.5);
        let square = x * x;
        let t = (c::<T>(SCALE) * (x + c::<T>(CUBIC) * (square * x))).tanh();
        let inner = c::<T>(SCALE) * (T::ONE + c::<T>(3.0 * CUBIC) * square);
        g * (half * (T::ONE + t) + half * x * ((T::ONE - t * t) * inner))
    }
}
