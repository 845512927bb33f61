use serde::Deserialize;

use crate::dtype::{DType, DataMut, Operand, TensorType};
use crate::error::{Error, Result};
use crate::ops::index::{expect_integers, expect_within};
use crate::ops::{Class, Grad, Named, Operation, Reads, expect_inputs};
use crate::real::Real;
use crate::shape::Shape;

/// For each index a row of `classes` zeros with a 1 at the index, in `int32`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneHot {
    classes: isize,
}

impl Named for OneHot {
    const NAME: &'static str = "oneHot";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        use super::samples::Sample;
        vec![
            Sample::new(r#"{"classes": 4}"#).int(&[3], &[0, 3, 1]),
            Sample::new(r#"{"classes": 1}"#).uint8(&[2, 2], &[0, 0, 0, 0]),
            Sample::new(r#"{"classes": 2}"#).int(&[], &[1]),
            Sample::new(r#"{"classes": 2}"#).int(&[0], &[]),
        ]
    }
}

impl<T: Real> Operation<T> for OneHot {
    fn infer(&self, inputs: &[TensorType]) -> Result<TensorType> {
        let [index] = expect_inputs(Self::NAME, inputs)?;
        expect_integers(Self::NAME, index)?;
        let classes = usize::try_from(self.classes).unwrap_or(0);
        if classes == 0 {
            return Err(Error::argument(format!("oneHot: classes must be 1 or more, got {}", self.classes)));
        }
        Ok(TensorType::new(DType::Int32, index.shape.insert(index.shape.len(), classes)?))
    }

    fn takes(&self, _: usize, _: &[TensorType]) -> Class {
        Class::Int
    }

    fn reads(&self) -> Reads {
        Reads::NOTHING
    }

    fn forward(&self, x: &[Operand<'_, T>], y: DataMut<'_, T>, shape: &Shape) -> Result<()> {
        let DataMut::Int(y) = y else { return Err(Error::internal("oneHot: unexpected output class")) };
        let classes = shape[shape.len() - 1];
        let index = &x[0].int()[..x[0].shape().elements()];
        expect_within(Self::NAME, index, classes)?;
        y.fill(0);
        for (row, &index) in y.chunks_exact_mut(classes).zip(index) {
            row[index as usize] = 1;
        }
        Ok(())
    }

    fn backward(&self, _: &[Operand<'_, T>], _: &[T], _: &[T], _: &mut [Option<Grad<'_, T>>]) {}
}

#[cfg(test)]
mod tests {
    use crate::ops::samples::Sample;

    #[test]
    fn each_row_has_its_one() {
        let y = Sample::new(r#"{"classes": 3}"#).int(&[2], &[2, 0]).evaluate("oneHot").unwrap();
        assert_eq!(y, [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
        let message =
            Sample::new(r#"{"classes": 3}"#).int(&[2], &[0, 3]).evaluate("oneHot").unwrap_err().message;
        assert_eq!(message, "oneHot: index 3 at position 1 is out of range for size 3, expected 0 to 2");
        for classes in ["0", "-1"] {
            let sample = Sample::new(&format!(r#"{{"classes": {classes}}}"#)).int(&[1], &[0]);
            assert!(sample.evaluate("oneHot").unwrap_err().message.contains("classes must be 1 or more"));
        }
    }
}
