//! The element type of computations: `f32` in use, `f64` in tests, where central differences need it.

use std::fmt::{Debug, Display};
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use crate::kernels::math;
use crate::kernels::matmul::Product;

/// A floating-point number that operations compute with.
///
/// The transcendental functions of `f32` are branch-free polynomials ([`crate::kernels::math`]), so that a loop over
/// them vectorises; those of `f64` come from `libm`.
pub trait Real:
    Copy
    + Debug
    + Default
    + Display
    + PartialOrd
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + Product
{
    /// 0
    const ZERO: Self;
    /// 1
    const ONE: Self;
    /// The largest value below every number: the start of a maximum.
    const NEG_INFINITY: Self;

    /// The nearest value of this type.
    fn from_f64(x: f64) -> Self;
    /// The value as a double, exactly.
    fn to_f64(self) -> f64;
    /// e to the power of self.
    fn exp(self) -> Self;
    /// As [`exp`](Self::exp), with the same bits and fewer steps, for numbers up to 40.
    fn exp_up_to_40(self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// Sine of an angle in radians.
    fn sin(self) -> Self;
    /// Cosine of an angle in radians.
    fn cos(self) -> Self;
    /// Hyperbolic tangent.
    fn tanh(self) -> Self;
    /// Distribution function of the normal distribution.
    fn normal_distribution(self) -> Self;
    /// Square root, correctly rounded.
    fn sqrt(self) -> Self;
    /// Self to the power of `exponent`.
    fn powf(self, exponent: Self) -> Self;
    /// Magnitude.
    fn abs(self) -> Self;
    /// Whether this is NaN.
    fn is_nan(self) -> bool;
    /// The larger of the two; NaN if either is NaN, as in PyTorch.
    #[inline(always)]
    fn maximum(self, other: Self) -> Self {
        let larger = if self > other { self } else { other };
        if self.is_nan() { self } else { larger }
    }
    /// The smaller of the two; NaN if either is NaN, as in PyTorch.
    #[inline(always)]
    fn minimum(self, other: Self) -> Self {
        let smaller = if self < other { self } else { other };
        if self.is_nan() { self } else { smaller }
    }
}

macro_rules! real {
    ($type:ty, $functions:path, $exp_up_to_40:path, $sin:path, $cos:path, $normal_distribution:path) => {
        impl Real for $type {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const NEG_INFINITY: Self = <$type>::NEG_INFINITY;

            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                x as $type
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn exp(self) -> Self {
                use $functions as functions;
                functions::exp(self)
            }
            #[inline(always)]
            fn exp_up_to_40(self) -> Self {
                $exp_up_to_40(self)
            }
            #[inline(always)]
            fn ln(self) -> Self {
                use $functions as functions;
                functions::log(self)
            }
            #[inline(always)]
            fn sin(self) -> Self {
                $sin(self)
            }
            #[inline(always)]
            fn cos(self) -> Self {
                $cos(self)
            }
            #[inline(always)]
            fn tanh(self) -> Self {
                use $functions as functions;
                functions::tanh(self)
            }
            #[inline(always)]
            fn normal_distribution(self) -> Self {
                $normal_distribution(self)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                <$type>::sqrt(self)
            }
            #[inline(always)]
            fn powf(self, exponent: Self) -> Self {
                use $functions as functions;
                functions::pow(self, exponent)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                <$type>::abs(self)
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                <$type>::is_nan(self)
            }
        }
    };
}

real!(f32, math, math::exp_up_to_40, libm::sinf, libm::cosf, math::normal_distribution);
real!(f64, libm, libm::exp, libm::sin, libm::cos, normal_distribution);

fn normal_distribution(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}
