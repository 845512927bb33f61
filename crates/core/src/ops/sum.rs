use serde::Deserialize;

use crate::kernels::columns::column_sums;
use crate::kernels::{Mode, reduce};
use crate::ops::reduction::map_columns;
use crate::ops::{ColumnFunction, Dims, Grad, Named, Reads, RowFunction};
use crate::real::Real;

/// Σ x over `dims`, pairwise. Each element has derivative 1.
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
        dx.map([], move |[]| g);
    }

    fn columns(&self) -> Option<&dyn ColumnFunction<T>> {
        Some(self)
    }
}

impl<T: Real> ColumnFunction<T> for Sum {
    fn columns(&self, x: &[T], y: &mut [T]) {
        column_sums(x, y, Mode::Write);
    }

    fn columns_gradient(&self, _: &[T], g: &[T], dx: &mut Grad<'_, T>) {
        map_columns([], g, g, dx, |[], g, _| g);
    }
}
