use serde::Deserialize;

use crate::ops::{Named, Reads, UnaryFunction};
use crate::real::Real;

/// eˣ. Its derivative is itself.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exp {}

impl Named for Exp {
    const NAME: &'static str = "exp";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        super::samples::unary(-3.0..3.0)
    }
}

impl<T: Real> UnaryFunction<T> for Exp {
    const READS: Reads = Reads::OUTPUT;

    #[inline(always)]
    fn f(&self, x: T) -> T {
        x.exp()
    }

    #[inline(always)]
    fn gradient(&self, g: T, _: T, y: T) -> T {
        g * y
    }
}
