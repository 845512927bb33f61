//! Elementary functions of `f32`.

/// e to the power of x.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    libm::exp(f64::from(x)) as f32
}

/// Natural logarithm.
#[inline(always)]
pub fn log(x: f32) -> f32 {
    libm::log(f64::from(x)) as f32
}

/// Hyperbolic tangent.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    libm::tanh(f64::from(x)) as f32
}

/// Error function.
#[inline(always)]
pub fn erf(x: f32) -> f32 {
    libm::erf(f64::from(x)) as f32
}

/// x to the power of y, with the special cases of C's `powf`.
#[inline(always)]
pub fn pow(x: f32, y: f32) -> f32 {
    libm::pow(f64::from(x), f64::from(y)) as f32
}
