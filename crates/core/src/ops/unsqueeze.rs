use serde::Deserialize;

use crate::dtype::{DataMut, Operand, TensorType};
use crate::error::{Error, Result};
use crate::ops::view::no_computation;
use crate::ops::{Grad, Named, Operation, Reads, Signature, expect_inputs};
use crate::real::Real;
use crate::shape::{Layout, Shape};

/// With a new dimension of size 1 at `dim`; −1 puts it last. A view.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unsqueeze {
    dim: isize,
}

impl Unsqueeze {
    fn place(&self, shape: &Shape) -> Result<usize> {
        let n = shape.len() as isize;
        let dim = if self.dim < 0 { self.dim.saturating_add(n + 1) } else { self.dim };
        if (0..=n).contains(&dim) {
            return Ok(dim as usize);
        }
        Err(Error::index(format!(
            "unsqueeze: dim {} is out of range for shape {shape}, expected {} to {n}",
            self.dim,
            -n - 1
        )))
    }
}

impl Named for Unsqueeze {
    const NAME: &'static str = "unsqueeze";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        use super::samples::Sample;
        let cases: [(&str, &[usize]); 5] = [
            (r#"{"dim": 0}"#, &[2, 3]),
            (r#"{"dim": 1}"#, &[2, 3]),
            (r#"{"dim": -1}"#, &[2, 3]),
            (r#"{"dim": -1}"#, &[]),
            (r#"{"dim": 0}"#, &[0]),
        ];
        cases.map(|(attributes, shape)| Sample::new(attributes).real(shape, -1.0..1.0)).into()
    }
}

impl<T: Real> Operation<T> for Unsqueeze {
    fn infer(&self, inputs: &[TensorType]) -> Result<TensorType> {
        let [x] = expect_inputs(Self::NAME, inputs)?;
        Ok(TensorType::new(x.dtype, x.shape.insert(self.place(&x.shape)?, 1)?))
    }

    fn arrange(&self, _: usize, layout: &Layout, _: &Signature) -> Layout {
        self.place(&layout.shape).map_or_else(|_| layout.clone(), |dim| layout.unsqueeze(dim))
    }

    no_computation!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_checked() {
        let place = |dim| Unsqueeze { dim }.place(&Shape::new(&[2, 3]).unwrap());
        assert_eq!((place(2), place(-3)), (Ok(2), Ok(0)));
        assert!(place(3).unwrap_err().message.contains("expected -3 to 2"));
        assert!(place(isize::MIN).is_err() && place(isize::MAX).is_err());
        let full = TensorType::new(crate::DType::Float32, Shape::new(&[1; 8]).unwrap());
        assert!(Operation::<f32>::infer(&Unsqueeze { dim: 0 }, &[full]).is_err());
    }
}
