use serde::Deserialize;

use crate::dtype::{DType, DataMut, Operand, TensorType};
use crate::error::Result;
use crate::ops::convert::{to_bool, to_byte, to_int, to_real};
use crate::ops::{Class, Grad, Named, Operation, Reads, expect_inputs};
use crate::real::Real;
use crate::shape::Shape;

/// The elements as another type. Floats become integers by truncation toward 0, what is out of range the nearest one
/// that is not, NaN 0; integers become bytes modulo 256; a truth value is whether the element is not 0, so true for
/// NaN. The gradient passes from float to float alone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cast {
    dtype: String,
}

impl Named for Cast {
    const NAME: &'static str = "cast";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        use super::samples::Sample;
        let mut samples = Vec::new();
        for dtype in DType::ALL {
            let cast = || Sample::new(&format!(r#"{{"dtype": "{dtype}"}}"#));
            samples.extend([
                cast().values(&[2, 3], &[0.0, 0.3, 1.7, 2.5, 200.2, 99.9]),
                cast().int(&[2, 2], &[0, 1, 255, 7]),
                cast().bool(&[3], &[true, false, true]),
                cast().real(&[0], 0.0..1.0),
                cast().values(&[], &[3.0]),
            ]);
        }
        samples
    }
}

impl<T: Real> Operation<T> for Cast {
    fn infer(&self, inputs: &[TensorType]) -> Result<TensorType> {
        let [x] = expect_inputs(Self::NAME, inputs)?;
        Ok(TensorType::new(DType::parse(&self.dtype)?, x.shape.clone()))
    }

    fn takes(&self, _: usize, inputs: &[TensorType]) -> Class {
        Class::of(inputs[0].dtype)
    }

    fn strided(&self, _: usize) -> bool {
        true
    }

    fn reads(&self) -> Reads {
        Reads::NOTHING
    }

    fn forward(&self, x: &[Operand<'_, T>], y: DataMut<'_, T>, _: &Shape) -> Result<()> {
        match y {
            DataMut::Real(y) => to_real(&x[0], y),
            DataMut::Int(y) => to_int(&x[0], y),
            DataMut::Byte(y) if DType::parse(&self.dtype)? == DType::Bool => to_bool(&x[0], y),
            DataMut::Byte(y) => to_byte(&x[0], y),
        }
        Ok(())
    }

    fn backward(&self, _: &[Operand<'_, T>], _: &[T], dy: &[T], dx: &mut [Option<Grad<'_, T>>]) {
        if let Some(dx) = &mut dx[0] {
            dx.map([dy], |[g]| g);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::samples::Sample;
    use crate::ops::tests::{error, values_f32};

    #[test]
    fn conversions_are_those_of_pytorch_and_saturate() {
        let floats = [-1.9, 1.9, 3e9, -3e9, f64::NAN, f64::INFINITY, -0.0];
        let of = |dtype: &str, sample: Sample| {
            values_f32("cast", &Sample { attributes: format!(r#"{{"dtype": "{dtype}"}}"#), ..sample })
        };
        let sample = || Sample::new("").values(&[7], &floats);
        let (max, min) = (f64::from(i32::MAX), f64::from(i32::MIN));
        assert_eq!(of("int32", sample()), [-1.0, 1.0, max, min, 0.0, max, 0.0]);
        assert_eq!(of("uint8", sample()), [0.0, 1.0, 255.0, 0.0, 0.0, 255.0, 0.0]);
        assert_eq!(of("bool", sample()), [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0]);
        assert_eq!(of("uint8", Sample::new("").int(&[3], &[-1, 256, 300])), [255.0, 0.0, 44.0]);
        assert!(
            error("cast", &Sample { attributes: r#"{"dtype": "float16"}"#.into(), ..sample() })
                .contains("unknown dtype \"float16\"")
        );
    }
}
