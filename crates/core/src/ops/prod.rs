use serde::Deserialize;

use crate::kernels::{Mode, reduce};
use crate::ops::{Dims, Grad, Named, Reads, RowFunction};
use crate::real::Real;

/// Π x over `dims`, 1 where there is nothing. The derivative of an element is the product of the others, also where
/// some are 0.
#[derive(Debug, Deserialize)]
pub struct Prod(Dims);

impl Named for Prod {
    const NAME: &'static str = "prod";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        use super::samples::Sample;
        let mut samples = super::samples::reduction(0.5..1.5);
        samples.extend([
            Sample::new("{}").values(&[4], &[2.0, 0.0, -3.0, 0.5]),
            Sample::new(r#"{"dims": [1]}"#).values(&[2, 3], &[0.0, 0.0, 2.0, 1.0, 2.0, -0.5]),
        ]);
        samples
    }
}

impl<T: Real> RowFunction<T> for Prod {
    const READS: Reads = Reads::ALL;
    const EMPTY_ROWS: bool = true;

    fn dims(&self) -> &Dims {
        &self.0
    }

    fn f(&self, x: &[T]) -> T {
        reduce::fold(
            x,
            T::ONE,
            #[inline(always)]
            |a, b| a * b,
        )
    }

    fn gradient(&self, x: &[T], y: T, g: T, dx: &mut Grad<'_, T>) {
        // y and 1/y normal: then no partial product in a quotient y/x has lost digits.
        let magnitude = y.abs();
        let safe = T::from_f64(f64::from(f32::MIN_POSITIVE));
        if magnitude >= safe && magnitude <= T::ONE / safe {
            let gy = g * y;
            dx.map(
                [x],
                #[inline(always)]
                move |[x]| gy / x,
            );
            return;
        }
        // The product of all before times the product of all after.
        let mut before: Vec<T> = x
            .iter()
            .scan(g, |product, &x| {
                let before = *product;
                *product *= x;
                Some(before)
            })
            .collect();
        let mut after = T::ONE;
        for (before, &x) in before.iter_mut().zip(x).rev() {
            *before *= after;
            after *= x;
        }
        match dx.mode {
            Mode::Write => dx.data.copy_from_slice(&before),
            Mode::Add => dx.data.iter_mut().zip(before).for_each(|(dx, g)| *dx += g),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::samples::Sample;
    use crate::ops::tests::gradients_f32;

    #[test]
    fn zeros_and_products_beyond_the_range_have_their_gradients() {
        let of = |x: &[f64]| gradients_f32("prod", &Sample::new("{}").values(&[x.len()], x), 1.0).remove(0);
        assert_eq!(of(&[2.0, 0.0, 5.0]), [0.0, 10.0, 0.0]);
        assert_eq!(of(&[0.0, 0.0, 5.0]), [0.0, 0.0, 0.0]);
        assert_eq!(of(&[1e-30, 1e-30, 1.0])[..2], [1e-30, 1e-30]); // the product is 0, no factor is
    }
}
