//! The largest and the smallest element of each row.

use serde::Deserialize;

use crate::kernels::columns::{column_fold, column_positions, column_sums_of};
use crate::kernels::{Mode, reduce};
use crate::ops::reduction::map_columns;
use crate::ops::{ColumnFunction, Dims, Grad, Named, Reads, RowFunction};
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

/// Whether x is the extremum y; NaN is equal to NaN here.
#[inline(always)]
fn is<T: Real>(x: T, y: T) -> bool {
    (x == y) | (x.is_nan() & y.is_nan())
}

/// dx (+)= the part of g that each element of the row x gets, whose extremum is y.
fn share<T: Real>(ties: Ties, x: &[T], y: T, g: T, dx: &mut Grad<'_, T>) {
    match ties {
        Ties::First => {
            dx.clear_to_write();
            if let Some(i) = x.iter().position(|&x| is(x, y)) {
                dx.data[i] += g;
            }
        }
        Ties::Even => {
            let count = reduce::sum_of(
                x,
                #[inline(always)]
                move |x| if is(x, y) { T::ONE } else { T::ZERO },
            );
            let part = g / count;
            dx.map(
                [x],
                #[inline(always)]
                move |[x]| if is(x, y) { part } else { T::ZERO },
            );
        }
    }
}

/// As [`share`] for columns, given where their extrema are.
fn share_columns<T: Real>(ties: Ties, x: &[T], at: &[i32], g: &[T], dx: &mut Grad<'_, T>) {
    let places = at.iter().enumerate().map(|(j, &i)| i as usize * at.len() + j);
    match ties {
        Ties::First => {
            dx.clear_to_write();
            for (place, &g) in places.zip(g) {
                dx.data[place] += g;
            }
        }
        Ties::Even => {
            let extrema: Vec<T> = places.map(|place| x[place]).collect();
            let mut parts = vec![T::ZERO; at.len()];
            column_sums_of(
                x,
                [&extrema],
                &mut parts,
                Mode::Write,
                #[inline(always)]
                |x, [y]| if is(x, y) { T::ONE } else { T::ZERO },
            );
            parts.iter_mut().zip(g).for_each(|(part, &g)| *part = g / *part);
            map_columns(
                [x],
                &extrema,
                &parts,
                dx,
                #[inline(always)]
                |[x], y, part| if is(x, y) { part } else { T::ZERO },
            );
        }
    }
}

macro_rules! extremum {
    ($type:ident, $name:literal, $words:literal, $row:path, $int:expr, $of_two:ident, $beats:ident) => {
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

            fn columns(&self) -> Option<&dyn ColumnFunction<T>> {
                Some(self)
            }
        }

        impl<T: Real> ColumnFunction<T> for $type {
            fn columns(&self, x: &[T], y: &mut [T]) {
                column_fold(
                    x,
                    y,
                    #[inline(always)]
                    |a: T, b: T| a.$of_two(b),
                );
            }

            fn columns_gradient(&self, x: &[T], g: &[T], dx: &mut Grad<'_, T>) {
                let mut at = vec![0; g.len()];
                column_positions(x, &mut at, reduce::$beats);
                share_columns(self.ties, x, &at, g, dx);
            }
        }
    };
}

extremum!(Max, "max", "largest", reduce::max, i32::max, maximum, is_larger);
extremum!(Min, "min", "smallest", reduce::min, i32::min, minimum, is_smaller);

#[cfg(test)]
fn samples() -> Vec<super::samples::Sample> {
    use super::samples::{Sample, reduction};
    let mut samples = reduction(-2.0..2.0);
    samples.retain(|sample| !sample.inputs[0].values.is_empty());
    samples.extend([
        Sample::new(r#"{"dims": [0], "ties": "first"}"#).real(&[3, 4], -2.0..2.0),
        Sample::new(r#"{"dims": [1]}"#).real(&[0, 4], -2.0..2.0),
        Sample::new(r#"{"dims": [0]}"#).int(&[2, 2], &[1, i32::MAX, -5, i32::MIN]),
        Sample::new(r#"{"dims": [1], "ties": "first"}"#).real(&[2, 3, 4], -2.0..2.0),
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
    fn columns_share_as_rows_do() {
        let rows = [[1.0, 3.0, 0.0, 3.0], [f64::NAN, 1.0, f64::NAN, 2.0], [-1.0; 4]];
        for ties in ["even", "first"] {
            let of = |dim: usize, shape: &[usize], values: &[f64]| {
                let sample = Sample::new(&format!(r#"{{"dims": [{dim}], "ties": "{ties}"}}"#));
                gradients_f32("min", &sample.values(shape, values), 1.0).remove(0)
            };
            let by_rows = of(1, &[3, 4], rows.as_flattened());
            let columns: Vec<f64> = (0..12).map(|i| rows[i % 3][i / 3]).collect();
            let by_columns = of(0, &[4, 3], &columns);
            assert!((0..12).all(|i| by_columns[i] == by_rows[i % 3 * 4 + i / 3]), "{by_rows:?} {by_columns:?}");
        }
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
