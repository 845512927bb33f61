use serde::Deserialize;

use crate::kernels::reduce;
use crate::ops::{Dims, Grad, Named, Reads, RowFunction};
use crate::real::Real;

/// Σ x over `dims`. Each element has derivative 1.
#[derive(Debug, Deserialize)]
pub struct Sum(Dims);

impl Named for Sum {
    const NAME: &'static str = "sum";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        super::samples::reduction(-2.0..2.0)
    }
}

impl<T: Real> RowFunction<T> for Sum {
    const READS: Reads = Reads::NOTHING;
    const EMPTY_ROWS: bool = true;

    fn dims(&self) -> &Dims {
        &self.0
    }

    fn f(&self, x: &[T]) -> T {
        reduce::sum(x)
    }

    fn gradient(&self, _: &[T], _: T, g: T, dx: &mut Grad<'_, T>) {
        dx.map([], |[]| g);
    }
}
