use serde::Deserialize;

use crate::dtype::{DType, DataMut, Operand, TensorType};
use crate::error::{Error, Result};
use crate::kernels::columns::column_sums;
use crate::kernels::matmul::{Activate, Activation, Bias};
use crate::kernels::{Matrix, MatrixMut, Mode, matmul};
use crate::ops::{Grad, Named, Operation, Reads};
use crate::real::Real;
use crate::shape::Shape;

/// y = x·Wᵀ + b for x [..., in], W [out, in] and, if there are three inputs, b [out]; y [..., out].
/// dx = dy·W, dW = dyᵀ·x, db = Σ dy over all dimensions but the last. W is read with any strides.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Linear {}

impl Named for Linear {
    const NAME: &'static str = "linear";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        use super::samples::Sample;
        let shapes: [(&[usize], [usize; 2]); 8] = [
            (&[3, 4], [5, 4]),
            (&[4], [3, 4]),
            (&[2, 3, 5], [4, 5]),
            (&[4, 4], [4, 4]),
            (&[1, 17], [1, 17]),
            (&[0, 3], [2, 3]),
            (&[2, 0], [3, 0]),
            (&[2, 3], [0, 3]),
        ];
        let mut samples = Vec::new();
        for (x, weight) in shapes {
            let sample = Sample::new("{}").real(x, -1.0..1.0).real(&weight, -1.0..1.0);
            samples.push(sample.clone().real(&weight[..1], -1.0..1.0));
            samples.push(sample);
        }
        samples
    }
}

/// y [rows, out] = x [rows, in] · Wᵀ
struct Sizes {
    rows: usize,
    input: usize,
    output: usize,
}

impl Sizes {
    fn of<T: Real>(x: &[Operand<'_, T>]) -> Sizes {
        let (x, weight) = (x[0].shape(), x[1].shape());
        Sizes {
            rows: x[..x.len() - 1].iter().product(),
            input: weight[1],
            output: weight[0],
        }
    }
}

/// The weight as it lies.
fn weight<'a, T: Real>(x: &[Operand<'a, T>]) -> Matrix<'a, T> {
    let Operand { layout, .. } = x[1];
    let (rows, cols) = (layout.shape[0], layout.shape[1]);
    Matrix {
        data: x[1].real(),
        rows,
        cols,
        row_stride: layout.strides[0],
        col_stride: layout.strides[1],
    }
}

impl<T: Real> Operation<T> for Linear {
    fn infer(&self, inputs: &[TensorType]) -> Result<TensorType> {
        let ([x, weight] | [x, weight, _]) = inputs else {
            return Err(Error::argument(format!(
                "linear: expected 2 or 3 inputs, got {}",
                inputs.len()
            )));
        };
        if let Some(x) = inputs.iter().find(|x| !x.dtype.is_float()) {
            return Err(Error::dtype(format!(
                "linear: expected float32, got {} of shape {}; cast it first: x.to('float32')",
                x.dtype, x.shape
            )));
        }
        let [output, input] = weight.shape[..] else {
            return Err(Error::shape(format!(
                "linear: expected weight [out, in], got {}",
                weight.shape
            )));
        };
        if x.shape.last() != Some(&input) {
            return Err(Error::shape(format!(
                "linear: expected input [*, {input}], got {}",
                x.shape
            )));
        }
        if let Some(bias) = inputs.get(2)
            && bias.shape[..] != [output]
        {
            return Err(Error::shape(format!(
                "linear: expected bias [{output}], got {}",
                bias.shape
            )));
        }
        let mut sizes = x.shape.to_vec();
        sizes[x.shape.len() - 1] = output;
        Ok(TensorType::new(DType::Float32, Shape::new(&sizes)?))
    }

    fn strided(&self, input: usize) -> bool {
        input == 1
    }

    fn reads(&self) -> Reads {
        Reads {
            inputs: 0b011,
            output: false,
        }
    }

    fn forward(&self, x: &[Operand<'_, T>], y: DataMut<'_, T>, _: &Shape) -> Result<()> {
        let DataMut::Real(y) = y else {
            return Err(Error::internal("linear: unexpected output class"));
        };
        let Sizes { rows, input, output } = Sizes::of(x);
        let (x_matrix, weight) = (Matrix::row_major(x[0].real(), rows, input), weight(x).transposed());
        let y = MatrixMut::row_major(y, rows, output);
        match x.get(2) {
            None => matmul(x_matrix, weight, y, Mode::Write),
            Some(bias) => {
                let bias = Bias::Columns(&bias.real()[..output]);
                matmul(x_matrix, weight, y, Activate { bias, activation: Activation::Identity });
            }
        }
        Ok(())
    }

    fn backward(&self, x: &[Operand<'_, T>], _: &[T], dy: &[T], dx: &mut [Option<Grad<'_, T>>]) {
        let Sizes { rows, input, output } = Sizes::of(x);
        let dy_matrix = Matrix::row_major(dy, rows, output);
        if let Some(dx) = &mut dx[0] {
            matmul(
                dy_matrix,
                weight(x),
                MatrixMut::row_major(dx.data, rows, input),
                dx.mode,
            );
        }
        if let Some(dw) = &mut dx[1] {
            let x = Matrix::row_major(x[0].real(), rows, input);
            matmul(
                dy_matrix.transposed(),
                x,
                MatrixMut::row_major(dw.data, output, input),
                dw.mode,
            );
        }
        if let Some(Some(db)) = dx.get_mut(2) {
            column_sums(dy, db.data, db.mode);
        }
    }
}
