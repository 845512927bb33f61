use serde::Deserialize;

use crate::dtype::{DataMut, Operand, TensorType};
use crate::error::{Error, Result};
use crate::ops::view::no_computation;
use crate::ops::{Grad, Named, Operation, Reads, Signature, expect_inputs};
use crate::real::Real;
use crate::shape::{Layout, Shape};

/// The elements repeated along dimensions of size 1, and along new ones in front; −1 keeps a size. A view, whose
/// gradient is the sum over the repetitions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expand {
    shape: Vec<isize>,
}

impl Named for Expand {
    const NAME: &'static str = "expand";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        use super::samples::Sample;
        let cases: [(&str, &[usize]); 6] = [
            (r#"{"shape": [3, 4]}"#, &[3, 1]),
            (r#"{"shape": [2, -1, 4]}"#, &[3, 1]),
            (r#"{"shape": [2, 3]}"#, &[]),
            (r#"{"shape": [-1, -1]}"#, &[2, 3]),
            (r#"{"shape": [0, 3]}"#, &[1, 3]),
            (r#"{"shape": []}"#, &[]),
        ];
        cases
            .map(|(attributes, shape)| Sample::new(attributes).real(shape, -1.0..1.0))
            .into()
    }
}

impl Expand {
    fn shape(&self, x: &Shape) -> Result<Shape> {
        let refused = |why: String| {
            Error::shape(format!(
                "expand: cannot expand shape {x} to {:?}: {why}",
                self.shape
            ))
        };
        let Some(new) = self.shape.len().checked_sub(x.len()) else {
            return Err(refused(format!("{} sizes or more are needed", x.len())));
        };
        let mut sizes = Vec::with_capacity(self.shape.len());
        for (dim, &size) in self.shape.iter().enumerate() {
            let old = dim.checked_sub(new).map(|dim| x[dim]);
            sizes.push(match (old, usize::try_from(size)) {
                (Some(old), _) if size == -1 => old,
                (None, _) if size == -1 => {
                    return Err(refused(format!(
                        "dimension {dim} is new, so -1 has no size to keep"
                    )));
                }
                (_, Err(_)) => return Err(refused(format!("size {size} at dimension {dim} is negative"))),
                (Some(old), Ok(size)) if old != 1 && old != size => {
                    return Err(refused(format!(
                        "size {old} at dimension {dim} is neither 1 nor {size}"
                    )));
                }
                (_, Ok(size)) => size,
            });
        }
        Shape::new(&sizes)
    }
}

impl<T: Real> Operation<T> for Expand {
    fn infer(&self, inputs: &[TensorType]) -> Result<TensorType> {
        let [x] = expect_inputs(Self::NAME, inputs)?;
        Ok(TensorType::new(x.dtype, self.shape(&x.shape)?))
    }

    fn arrange(&self, _: usize, layout: &Layout, signature: &Signature) -> Layout {
        layout.broadcast_to(&signature.output.shape)
    }

    no_computation!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused() {
        let message = |from: &[usize], to: &[isize]| {
            Expand { shape: to.to_vec() }
                .shape(&Shape::new(from).unwrap())
                .unwrap_err()
                .message
        };
        assert_eq!(
            message(&[3, 2], &[3, 4]),
            "expand: cannot expand shape [3, 2] to [3, 4]: size 2 at dimension 1 is neither 1 nor 4"
        );
        assert!(message(&[3], &[-1, 3]).contains("dimension 0 is new"));
        assert!(message(&[3, 1], &[3]).contains("2 sizes or more"));
        assert!(message(&[1], &[-2]).contains("negative"));
        assert!(message(&[1], &[isize::MAX]).contains("at most"));
    }
}
