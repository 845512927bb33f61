use serde::Deserialize;

use crate::dtype::{DType, DataMut, Operand, TensorType};
use crate::error::{Error, Result};
use crate::kernels::strided::Walk;
use crate::kernels::{Matrix, MatrixMut, Mode, matmul};
use crate::ops::{Grad, Named, Operation, Reads, Signature, expect_inputs};
use crate::real::Real;
use crate::shape::{Layout, Shape};

/// A·B over the last two dimensions, the others broadcasting; a vector is a row on the left, a column on the right.
/// dA = dC·Bᵀ, dB = Aᵀ·dC. Any strides are read as they are.
///
/// The error of an element, a sum of n products, is at most (n + 1)·u·Σ|a·b|, u = 2⁻²⁴, and (4 + 2√n)·u·Σ|a·b| for random
/// numbers; see docs/accuracy.md.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matmul {}

/// The sizes of a product: C[m, n] = A[m, k]·B[k, n].
struct Sizes {
    m: usize,
    k: usize,
    n: usize,
}

impl Sizes {
    fn of<T: Real>(x: &[Operand<'_, T>]) -> Sizes {
        let (a, b) = (x[0].shape(), x[1].shape());
        Sizes { m: a[a.len() - 2], k: a[a.len() - 1], n: b[b.len() - 1] }
    }
}

/// All dimensions but the last two.
fn batch_dims(shape: &Shape) -> Shape {
    Shape::new(&shape[..shape.len().saturating_sub(2)]).unwrap_or_default()
}

/// The batch dimensions of two arranged operands, as a space to walk.
fn batches<T: Real>(x: &[Operand<'_, T>]) -> (Walk<2>, usize) {
    let dims = x[0].shape().len() - 2;
    let shape = &x[0].shape()[..dims];
    let walk = Walk::new(shape, [&x[0].layout.strides[..dims], &x[1].layout.strides[..dims]]);
    (walk, shape.iter().product())
}

/// Calls `body(number, start in A, start in B)` for each batch.
fn for_each_batch<T: Real>(x: &[Operand<'_, T>], mut body: impl FnMut(usize, usize, usize)) {
    let (walk, count) = batches(x);
    let [s, t] = walk.steps();
    walk.runs(0..count, |first, [a, b], length| {
        for i in 0..length {
            body(first + i, a + i * s, b + i * t);
        }
    });
}

/// The matrix of one batch of operand `x` with its own orientation.
fn matrix<'a, T: Real>(x: &Operand<'a, T>, start: usize) -> Matrix<'a, T> {
    let dims = x.shape().len();
    Matrix {
        data: x.real().get(start..).unwrap_or_default(),
        rows: x.shape()[dims - 2],
        cols: x.shape()[dims - 1],
        row_stride: x.layout.strides[dims - 2],
        col_stride: x.layout.strides[dims - 1],
    }
}

impl Named for Matmul {
    const NAME: &'static str = "matmul";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        use super::samples::Sample;
        let shapes: [(&[usize], &[usize]); 9] = [
            (&[3, 4], &[4, 5]),
            (&[4], &[4, 5]),
            (&[3, 4], &[4]),
            (&[4], &[4]),
            (&[2, 3, 4], &[4, 2]),
            (&[2, 1, 3, 4], &[3, 4, 2]),
            (&[3, 4], &[2, 4, 5]),
            (&[2, 0], &[0, 3]),
            (&[0, 2], &[2, 3]),
        ];
        shapes.map(|(s, t)| Sample::new("{}").real(s, -1.0..1.0).real(t, -1.0..1.0)).into()
    }
}

impl<T: Real> Operation<T> for Matmul {
    fn infer(&self, inputs: &[TensorType]) -> Result<TensorType> {
        let [a, b] = expect_inputs(Self::NAME, inputs)?;
        if let Some(x) = inputs.iter().find(|x| !x.dtype.is_float()) {
            return Err(Error::dtype(format!("matmul: expected float32, got {} of shape {}", x.dtype, x.shape)));
        }
        let (a, b) = (&a.shape, &b.shape);
        let fit = |k: usize, l: usize| {
            if k == l {
                return Ok(());
            }
            Err(Error::shape(format!("matmul: inner sizes {k} and {l} differ, got shapes {a} and {b}")))
        };
        let Some(&k) = a.last() else { return Err(Error::shape("matmul: the left operand is a scalar")) };
        let mut sizes = match b.len() {
            0 => return Err(Error::shape("matmul: the right operand is a scalar")),
            1 => {
                fit(k, b[0])?;
                a[..a.len() - 1].to_vec()
            }
            dims => {
                fit(k, b[dims - 2])?;
                let mut sizes = batch_dims(a).broadcast(&batch_dims(b), Self::NAME)?.to_vec();
                sizes.extend(a[..a.len() - 1].last());
                sizes
            }
        };
        if b.len() > 1 {
            sizes.extend(b.last());
        }
        Ok(TensorType::new(DType::Float32, Shape::new(&sizes)?))
    }

    fn arrange(&self, input: usize, layout: &Layout, signature: &Signature) -> Layout {
        let mut layout = layout.clone();
        if layout.shape.len() == 1 {
            layout = layout.unsqueeze(input);
        }
        let [a, b] = [0, 1].map(|i| batch_dims(&signature.inputs[i].shape));
        let mut sizes = a.broadcast(&b, Self::NAME).unwrap_or_default().to_vec();
        sizes.extend_from_slice(&layout.shape[layout.shape.len() - 2..]);
        layout.broadcast_to(&Shape::new(&sizes).unwrap_or_default())
    }

    fn strided(&self, _: usize) -> bool {
        true
    }

    fn reads(&self) -> Reads {
        Reads::INPUTS
    }

    fn forward(&self, x: &[Operand<'_, T>], y: DataMut<'_, T>, _: &Shape) -> Result<()> {
        let DataMut::Real(y) = y else { return Err(Error::internal("matmul: unexpected output class")) };
        let Sizes { m, n, .. } = Sizes::of(x);
        for_each_batch(x, |batch, a, b| {
            let c = MatrixMut { data: &mut y[batch * m * n..][..m * n], rows: m, cols: n, row_stride: n };
            matmul(matrix(&x[0], a), matrix(&x[1], b), c, Mode::Write);
        });
        Ok(())
    }

    fn backward(&self, x: &[Operand<'_, T>], _: &[T], dy: &[T], dx: &mut [Option<Grad<'_, T>>]) {
        let Sizes { m, k, n } = Sizes::of(x);
        let (da, db) = dx.split_at_mut(1);
        for_each_batch(x, |batch, a, b| {
            let dc = Matrix {
                data: &dy[batch * m * n..][..m * n],
                rows: m,
                cols: n,
                row_stride: n,
                col_stride: 1,
            };
            if let Some(da) = &mut da[0] {
                let c = MatrixMut { data: &mut da.data[batch * m * k..][..m * k], rows: m, cols: k, row_stride: k };
                matmul(dc, matrix(&x[1], b).transposed(), c, da.mode);
            }
            if let Some(db) = &mut db[0] {
                let c = MatrixMut { data: &mut db.data[batch * k * n..][..k * n], rows: k, cols: n, row_stride: n };
                matmul(matrix(&x[0], a).transposed(), dc, c, db.mode);
            }
        });
    }
}
