use serde::Deserialize;

use crate::kernels::columns::column_sums;
use crate::kernels::{Mode, reduce};
use crate::ops::reduction::map_columns;
use crate::ops::{ColumnFunction, Dims, Grad, Named, Reads, RowFunction};
use crate::real::Real;

/// Σ x / n over `dims`, n elements each; NaN where there are none. Each element has derivative 1/n.
#[derive(Debug, Deserialize)]
pub struct Mean(Dims);

impl Named for Mean {
    const NAME: &'static str = "mean";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        super::samples::reduction(-2.0..2.0)
    }
}

impl<T: Real> RowFunction<T> for Mean {
    const READS: Reads = Reads::NOTHING;
    const EMPTY_ROWS: bool = true;

    fn dims(&self) -> &Dims {
        &self.0
    }

    fn f(&self, x: &[T]) -> T {
        reduce::mean(x)
    }

    fn gradient(&self, _: &[T], _: T, g: T, dx: &mut Grad<'_, T>) {
        let g = g / T::from_f64(dx.data.len() as f64);
        dx.map([], move |[]| g);
    }

    fn columns(&self) -> Option<&dyn ColumnFunction<T>> {
        Some(self)
    }
}

impl<T: Real> ColumnFunction<T> for Mean {
    fn columns(&self, x: &[T], y: &mut [T]) {
        column_sums(x, y, Mode::Write);
        let rows = T::from_f64(x.len().checked_div(y.len()).unwrap_or(0) as f64);
        y.iter_mut().for_each(|y| *y /= rows);
    }

    fn columns_gradient(&self, _: &[T], g: &[T], dx: &mut Grad<'_, T>) {
        let rows = T::from_f64((dx.data.len() / g.len()) as f64);
        map_columns(
            [],
            g,
            g,
            dx,
            #[inline(always)]
            move |[], g, _| g / rows,
        );
    }
}
