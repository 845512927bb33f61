//! The largest and the smallest element of each row.

use serde::Deserialize;

use crate::kernels::reduce;
use crate::ops::{Dims, Grad, Named, Reads, RowFunction};
use crate::real::Real;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Attributes {
    dims: Option<Vec<isize>>,
    #[serde(default)]
    keep_dim: bool,
    #[serde(default)]
    ties: Ties,
}

/// Who gets the gradient of an extremum that several elements share.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Ties {
    /// All, in equal parts.
    #[default]
    Even,
    /// The first.
    First,
}

/// dx (+)= the part of g that each element of the row x gets, whose extremum is y; NaN is equal to NaN here.
fn share<T: Real>(ties: Ties, x: &[T], y: T, g: T, dx: &mut Grad<'_, T>) {
    let is_extremum = move |x: T| x == y || (x.is_nan() && y.is_nan());
    match ties {
        Ties::First => {
            dx.clear_to_write();
            if let Some(i) = x.iter().position(|&x| is_extremum(x)) {
                dx.data[i] += g;
            }
        }
        Ties::Even => {
            let count = reduce::sum_of(
                x,
                #[inline(always)]
                move |x| if is_extremum(x) { T::ONE } else { T::ZERO },
            );
            let part = g / count;
            dx.map(
                [x],
                #[inline(always)]
                move |[x]| if is_extremum(x) { part } else { T::ZERO },
            );
        }
    }
}

macro_rules! extremum {
    ($type:ident, $name:literal, $words:literal, $row:path, $int:expr) => {
        #[doc = concat!("The ", $words, " element over `dims`, and NaN if there is one. Integers stay integers.")]
        /// The gradient goes to that element; if several are equal, in equal parts to all of them, or to the first
        /// (`ties`).
        #[derive(Debug, Deserialize)]
        #[serde(from = "Attributes")]
        pub struct $type {
            dims: Dims,
            ties: Ties,
        }

        impl From<Attributes> for $type {
            fn from(Attributes { dims, keep_dim, ties }: Attributes) -> Self {
                Self { dims: Dims { dims, keep_dim }, ties }
            }
        }

        impl Named for $type {
            const NAME: &'static str = $name;

            #[cfg(test)]
            fn samples() -> Vec<super::samples::Sample> {
                samples()
            }
        }

        impl<T: Real> RowFunction<T> for $type {
            const READS: Reads = Reads::ALL;
            const EMPTY_ROWS: bool = false;

            fn dims(&self) -> &Dims {
                &self.dims
            }

            fn f(&self, x: &[T]) -> T {
                $row(x)
            }

            fn gradient(&self, x: &[T], y: T, g: T, dx: &mut Grad<'_, T>) {
                share(self.ties, x, y, g, dx);
            }

            fn on_int(&self) -> Option<fn(&[i32]) -> i32> {
                Some(|x| x.iter().copied().reduce($int).unwrap_or(0)) // there are no empty rows
            }
        }
    };
}

extremum!(Max, "max", "largest", reduce::max, i32::max);
extremum!(Min, "min", "smallest", reduce::min, i32::min);

#[cfg(test)]
fn samples() -> Vec<super::samples::Sample> {
    use super::samples::{Sample, reduction};
    let mut samples = reduction(-2.0..2.0);
    samples.retain(|sample| !sample.inputs[0].values.is_empty());
    samples.extend([
        Sample::new(r#"{"dims": [0], "ties": "first"}"#).real(&[3, 4], -2.0..2.0),
        Sample::new(r#"{"dims": [1]}"#).real(&[0, 4], -2.0..2.0),
        Sample::new(r#"{"dims": [1]}"#).int(&[2, 2], &[1, i32::MAX, -5, i32::MIN]),
    ]);
    samples
}

#[cfg(test)]
mod tests {
    use crate::ops::samples::Sample;
    use crate::ops::tests::{error, gradients_f32, values_f32};

    #[test]
    fn equal_elements_share_or_the_first_takes_all() {
        let row = [1.0, 3.0, 0.0, 3.0];
        let of = |attributes: &str, row: &[f64]| {
            gradients_f32("max", &Sample::new(attributes).values(&[row.len()], row), 1.0).remove(0)
        };
        assert_eq!(of("{}", &row), [0.0, 0.5, 0.0, 0.5]);
        assert_eq!(of(r#"{"ties": "even"}"#, &row), [0.0, 0.5, 0.0, 0.5]);
        assert_eq!(of(r#"{"ties": "first"}"#, &row), [0.0, 1.0, 0.0, 0.0]);
        assert_eq!(of("{}", &[1.0, f64::NAN]), [0.0, 1.0]);
        assert_eq!(of("{}", &[f64::NEG_INFINITY; 2]), [0.5, 0.5]);
    }

    #[test]
    fn nan_wins_and_nothing_is_an_error() {
        assert!(values_f32("min", &Sample::new("{}").values(&[3], &[1.0, f64::NAN, -5.0]))[0].is_nan());
        assert_eq!(
            error("max", &Sample::new(r#"{"dims": [0]}"#).values(&[0, 3], &[])),
            "max: nothing to reduce in shape [0, 3], which has no elements there"
        );
    }
}
