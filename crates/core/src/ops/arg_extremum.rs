//! Where the largest and the smallest element of each row are.

use serde::Deserialize;

use crate::dtype::DType;
use crate::kernels::columns::column_positions;
use crate::kernels::reduce;
use crate::ops::query::{Columns, RowQuery};
use crate::ops::{Dims, Named};
use crate::real::Real;

macro_rules! arg_extremum {
    ($type:ident, $name:literal, $words:literal, $real:path, $int:path, $beats:ident, $sign:tt) => {
        #[doc = concat!("The index of the ", $words, " element along `dim`, or of all elements in row-major order if there is no")]
        /// `dim`: the first if several are equal, the first NaN if there is one.
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $type {
            dim: Option<isize>,
            #[serde(default)]
            keep_dim: bool,
        }

        impl Named for $type {
            const NAME: &'static str = $name;

            #[cfg(test)]
            fn samples() -> Vec<super::samples::Sample> {
                samples()
            }
        }

        impl RowQuery for $type {
            const ANSWER: DType = DType::Int32;
            const EMPTY_ROWS: bool = false;

            fn dims(&self) -> Dims {
                Dims { dims: self.dim.map(|dim| vec![dim]), keep_dim: self.keep_dim }
            }

            fn of_real<T: Real>(x: &[T]) -> i32 {
                $real(x) as i32
            }

            fn of_int(x: &[i32]) -> i32 {
                let extremum = x.iter().copied().reduce($int);
                x.iter().position(|&x| Some(x) == extremum).unwrap_or(0) as i32
            }

            fn columns_of_real<T: Real>() -> Option<Columns<T>> {
                Some(|x, y| column_positions(x, y, reduce::$beats))
            }

            fn columns_of_int() -> Option<Columns<i32>> {
                Some(|x, y| column_positions(x, y, |x, best| x $sign best))
            }
        }
    };
}

arg_extremum!(Argmax, "argmax", "largest", reduce::argmax, i32::max, is_larger, >);
arg_extremum!(Argmin, "argmin", "smallest", reduce::argmin, i32::min, is_smaller, <);

#[cfg(test)]
fn samples() -> Vec<super::samples::Sample> {
    use super::samples::Sample;
    vec![
        Sample::new("{}").real(&[2, 3], -1.0..1.0),
        Sample::new("{}").real(&[], -1.0..1.0),
        Sample::new(r#"{"dim": -1}"#).real(&[3, 10], -1.0..1.0),
        Sample::new(r#"{"dim": 0, "keepDim": true}"#).real(&[4, 3], -1.0..1.0),
        Sample::new(r#"{"dim": 1}"#).real(&[2, 3, 4], -1.0..1.0),
        Sample::new(r#"{"dim": 0}"#).int(&[3, 2], &[1, 5, i32::MAX, -5, i32::MAX, i32::MIN]),
        Sample::new(r#"{"dim": 0}"#).int(&[5], &[3, i32::MAX, i32::MIN, i32::MAX, i32::MIN]),
        Sample::new(r#"{"dim": 1}"#).real(&[0, 4], -1.0..1.0),
    ]
}

#[cfg(test)]
mod tests {
    use crate::ops::samples::Sample;
    use crate::ops::tests::{error, values_f32};

    #[test]
    fn the_first_of_equals_and_nan_before_all() {
        let x = Sample::new("{}").values(&[5], &[1.0, 7.0, 1.0, 7.0, 1.0]);
        assert_eq!((values_f32("argmax", &x)[0], values_f32("argmin", &x)[0]), (1.0, 0.0));
        let x = Sample::new("{}").values(&[4], &[1.0, 9.0, f64::NAN, f64::NAN]);
        assert_eq!((values_f32("argmax", &x)[0], values_f32("argmin", &x)[0]), (2.0, 2.0));
        // Neighbours that float32 cannot tell apart.
        let x = Sample::new("{}").int(&[3], &[16_777_216, 16_777_217, 16_777_216]);
        assert_eq!(values_f32("argmax", &x), [1.0]);
    }

    #[test]
    fn nothing_has_no_largest_element() {
        assert_eq!(
            error("argmax", &Sample::new(r#"{"dim": 1}"#).values(&[2, 0], &[])),
            "argmax: nothing to reduce in shape [2, 0], which has no elements there"
        );
    }
}
