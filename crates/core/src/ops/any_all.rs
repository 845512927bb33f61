//! Whether any, or all, elements of each row are not 0.

use serde::Deserialize;

use crate::dtype::DType;
use crate::ops::query::RowQuery;
use crate::ops::{Dims, Named};
use crate::real::Real;

macro_rules! any_all {
    ($type:ident, $name:literal, $empty:literal) => {
        #[doc = concat!("Whether ", $name, " elements over `dims` are not 0, as NaN is not; ", $empty, " where there is none.")]
        #[derive(Debug, Deserialize)]
        pub struct $type(Dims);

        impl Named for $type {
            const NAME: &'static str = $name;

            #[cfg(test)]
            fn samples() -> Vec<super::samples::Sample> {
                samples()
            }
        }
    };
}

any_all!(Any, "any", "false");
any_all!(All, "all", "true");

impl RowQuery for Any {
    const ANSWER: DType = DType::Bool;
    const EMPTY_ROWS: bool = true;

    fn dims(&self) -> Dims {
        self.0.clone()
    }

    fn of_real<T: Real>(x: &[T]) -> i32 {
        i32::from(x.iter().any(|&x| x != T::ZERO))
    }

    fn of_int(x: &[i32]) -> i32 {
        i32::from(x.iter().any(|&x| x != 0))
    }
}

impl RowQuery for All {
    const ANSWER: DType = DType::Bool;
    const EMPTY_ROWS: bool = true;

    fn dims(&self) -> Dims {
        self.0.clone()
    }

    fn of_real<T: Real>(x: &[T]) -> i32 {
        i32::from(x.iter().all(|&x| x != T::ZERO))
    }

    fn of_int(x: &[i32]) -> i32 {
        i32::from(x.iter().all(|&x| x != 0))
    }
}

#[cfg(test)]
fn samples() -> Vec<super::samples::Sample> {
    use super::samples::{Sample, reduction};
    let mut samples = reduction(-1.0..1.0);
    samples.extend([
        Sample::new(r#"{"dims": [1]}"#).bool(&[3, 2], &[true, false, true, true, false, false]),
        Sample::new("{}").int(&[2], &[0, 256]),
    ]);
    samples
}

#[cfg(test)]
mod tests {
    use crate::ops::samples::Sample;
    use crate::ops::tests::values_f32;

    #[test]
    fn rows_answer_each_for_itself() {
        let x = Sample::new(r#"{"dims": [1]}"#).values(&[3, 2], &[0.0, -0.0, f64::NAN, 0.0, 1.0, -1.0]);
        assert_eq!(values_f32("any", &x), [0.0, 1.0, 1.0]);
        assert_eq!(values_f32("all", &x), [0.0, 0.0, 1.0]);
        let nothing = Sample::new(r#"{"dims": [1]}"#).values(&[1, 0], &[]);
        assert_eq!((values_f32("any", &nothing)[0], values_f32("all", &nothing)[0]), (0.0, 1.0));
    }
}
