use serde::Deserialize;

use crate::dtype::{DataMut, Operand, TensorType};
use crate::error::{Error, Result};
use crate::ops::view::no_computation;
use crate::ops::{Grad, Named, Operation, Reads, Signature, expect_inputs};
use crate::real::Real;
use crate::shape::{Layout, Shape};

/// `x[start:end:step]` along one dimension, as in Python: negative indices count from the end, and what lies outside
/// is cut off. A view.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slice {
    dim: isize,
    #[serde(default)]
    start: isize,
    end: Option<isize>,
    #[serde(default = "one")]
    step: isize,
}

const fn one() -> isize {
    1
}

/// A slice of a known dimension: `count` elements from `start` on, each `step` after the last.
struct Range {
    dim: usize,
    start: usize,
    count: usize,
    step: usize,
}

impl Slice {
    fn range(&self, shape: &Shape) -> Result<Range> {
        if shape.is_empty() {
            return Err(Error::shape("slice: a scalar has no dimension to slice"));
        }
        let dim = shape.dim(self.dim, Self::NAME)?;
        let step = usize::try_from(self.step).unwrap_or(0);
        if step == 0 {
            return Err(Error::argument(format!(
                "slice: step must be 1 or more, got {}",
                self.step
            )));
        }
        let size = shape[dim];
        let place = |index: isize| {
            if index < 0 {
                size.saturating_sub(index.unsigned_abs())
            } else {
                size.min(index.unsigned_abs())
            }
        };
        let (start, end) = (place(self.start), self.end.map_or(size, place));
        Ok(Range {
            dim,
            start,
            count: end.saturating_sub(start).div_ceil(step),
            step,
        })
    }
}

impl Named for Slice {
    const NAME: &'static str = "slice";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        use super::samples::Sample;
        let cases: [(&str, &[usize]); 7] = [
            (r#"{"dim": 0, "start": 1, "end": 3}"#, &[4, 3]),
            (r#"{"dim": -1, "start": -3}"#, &[2, 5]),
            (r#"{"dim": 1, "step": 2}"#, &[2, 5, 2]),
            (r#"{"dim": 0, "start": 1, "end": -1, "step": 3}"#, &[9]),
            (r#"{"dim": 0, "start": -100, "end": 100}"#, &[3]),
            (r#"{"dim": 0, "start": 2, "end": 1}"#, &[3, 2]),
            (r#"{"dim": 0, "start": 3}"#, &[3, 2]),
        ];
        cases
            .map(|(attributes, shape)| Sample::new(attributes).real(shape, -1.0..1.0))
            .into()
    }
}

impl<T: Real> Operation<T> for Slice {
    fn infer(&self, inputs: &[TensorType]) -> Result<TensorType> {
        let [x] = expect_inputs(Self::NAME, inputs)?;
        let range = self.range(&x.shape)?;
        let mut shape = x.shape.clone();
        shape[range.dim] = range.count;
        Ok(TensorType::new(x.dtype, shape))
    }

    fn arrange(&self, _: usize, layout: &Layout, signature: &Signature) -> Layout {
        let mut layout = layout.clone();
        if let Ok(Range {
            dim,
            start,
            count,
            step,
        }) = self.range(&layout.shape)
        {
            layout.offset += start * layout.strides[dim];
            if count > 1 {
                layout.strides[dim] *= step;
            }
        }
        layout.shape = signature.output.shape.clone();
        layout
    }

    no_computation!();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(size: usize, start: isize, end: Option<isize>, step: isize) -> Result<Vec<usize>> {
        let slice = Slice {
            dim: 0,
            start,
            end,
            step,
        };
        slice
            .range(&Shape::new(&[size]).unwrap())
            .map(|r| (0..r.count).map(|i| r.start + i * r.step).collect())
    }

    #[test]
    fn indices_mean_what_they_mean_in_python() {
        assert_eq!(slice(5, 1, Some(-1), 1).unwrap(), [1, 2, 3]);
        assert_eq!(slice(5, -2, None, 1).unwrap(), [3, 4]);
        assert_eq!(slice(5, 0, None, 2).unwrap(), [0, 2, 4]);
        assert_eq!(slice(5, isize::MIN, Some(isize::MAX), isize::MAX).unwrap(), [0]);
        assert_eq!(slice(5, 9, None, 1).unwrap(), [0; 0]);
        assert_eq!(slice(5, 3, Some(2), 1).unwrap(), [0; 0]);
        assert_eq!(slice(0, 0, None, 1).unwrap(), [0; 0]);
    }

    #[test]
    fn steps_go_forward() {
        for step in [0, -1, isize::MIN] {
            assert!(
                slice(5, 0, None, step)
                    .unwrap_err()
                    .message
                    .contains("step must be 1 or more")
            );
        }
        let scalar = Slice {
            dim: 0,
            start: 0,
            end: None,
            step: 1,
        }
        .range(&Shape::default());
        assert!(scalar.is_err());
    }
}
