//! Dense layers: what `linear`, a relu and plain gradient descent become where they meet.

use crate::dtype::Data;
use crate::error::{Error, Result};
use crate::kernels::columns::column_sums;
use crate::kernels::matmul::{
    Activate, Activation, Bias, COLUMNS, Epilogue, Locality, Matrix, MatrixMut, ReluGradient, Scale,
    matmul_near,
};
use crate::kernels::parallel::lanes_mut;
use crate::kernels::{Mode, matmul};
use crate::optim::UpdateRule;
use crate::plan::step::{Context, Kernel, Single, Written, real};
use crate::real::Real;

/// The sizes of y [rows, outputs] = x [rows, inputs]·Wᵀ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Rows of x and y.
    pub rows: usize,
    /// Columns of x and W.
    pub inputs: usize,
    /// Columns of y, rows of W.
    pub outputs: usize,
}

impl Sizes {
    /// Multiplications and additions of one product.
    pub fn flops(self) -> u64 {
        2 * self.rows as u64 * self.inputs as u64 * self.outputs as u64
    }

    fn x<'a, T>(self, data: Data<'a, T>) -> Matrix<'a, T> {
        Matrix::row_major(real(data), self.rows, self.inputs)
    }

    fn weight<'a, T>(self, data: Data<'a, T>) -> Matrix<'a, T> {
        Matrix::row_major(real(data), self.outputs, self.inputs)
    }

    fn dy<'a, T>(self, data: Data<'a, T>) -> Matrix<'a, T> {
        Matrix::row_major(real(data), self.rows, self.outputs)
    }
}

/// y = f(x·Wᵀ + b): reads x, W and, if there is one, b; f is relu or nothing.
#[derive(Clone, Copy, Debug)]
pub struct Dense {
    /// How large all is.
    pub sizes: Sizes,
    /// Whether f is relu.
    pub relu: bool,
    /// The distance from a copy of x to the next, where every thread has its own.
    pub copies: usize,
    /// Whether W is kept, see [`keep`](super::keep).
    pub kept: bool,
}

impl<T: Real> Kernel<T> for Dense {
    fn name(&self) -> String {
        "linear".into()
    }

    fn fused(&self) -> Vec<&'static str> {
        if self.relu { vec!["linear", "relu"] } else { Vec::new() }
    }

    fn run(
        &self,
        reads: &[Data<'_, T>],
        writes: &mut [Written<'_, T>],
        context: &mut Context<'_, T>,
    ) -> Result<()> {
        let Sizes { rows, inputs, outputs } = self.sizes;
        let x = self.sizes.x(reads[0]);
        let weight = match self.kept {
            true => Matrix::row_major(real(reads[1]), inputs, outputs),
            false => self.sizes.weight(reads[1]).transposed(),
        };
        let y = MatrixMut::row_major(writes[0].real(), rows, outputs);
        let near = Locality {
            a_copies: self.copies,
            b_blocks: self.kept,
            b_finite: self.kept && context.finite,
            ..Locality::default()
        };
        let bias = reads.get(2).map_or(Bias::None, |&b| Bias::Columns(&real(b)[..outputs]));
        let activation = if self.relu { Activation::Relu } else { Activation::Identity };
        matmul_near(x, weight, y, near, Activate { bias, activation });
        Ok(())
    }

    fn flops(&self) -> u64 {
        self.sizes.flops()
    }

    fn single(&self) -> Option<Single<'_>> {
        Some(Single::Dense(*self))
    }
}

/// As [`Dense`] for a few outputs of many inputs, of which each thread has written its own: it multiplies these, and only
/// the partial sums are fetched from its cache. Writes y and the partial sums, [threads, rows, outputs].
#[derive(Clone, Copy, Debug)]
pub struct DenseParts {
    /// The layer; it has no copies.
    pub dense: Dense,
    /// Into how many parts the inputs are cut, at most.
    pub threads: usize,
}

impl DenseParts {
    /// Elements of the partial sums.
    pub fn elements(&self) -> usize {
        self.threads * self.dense.sizes.rows * self.dense.sizes.outputs
    }
}

impl<T: Real> Kernel<T> for DenseParts {
    fn name(&self) -> String {
        "linear, inputs in parts".into()
    }

    fn fused(&self) -> Vec<&'static str> {
        Kernel::<T>::fused(&self.dense)
    }

    fn run(
        &self,
        reads: &[Data<'_, T>],
        writes: &mut [Written<'_, T>],
        _: &mut Context<'_, T>,
    ) -> Result<()> {
        let Sizes { rows, inputs, outputs } = self.dense.sizes;
        let (x, weight) = (real(reads[0]), real(reads[1]));
        let [y, partial] = writes else {
            return Err(Error::internal("a dense layer in parts has two results"));
        };
        let (y, partial) = (y.real(), partial.real());
        let count = inputs.div_ceil(COLUMNS).min(self.threads);
        // `parallel_for` cuts the inputs as it cut the columns of the product that made them.
        lanes_mut(&mut partial[..count * rows * outputs], count, inputs, COLUMNS, |range, partial| {
            let sums = MatrixMut::row_major(partial, rows, outputs);
            let (x, weight) = (&x[range.start..], &weight[range.start..]);
            let part = Matrix { data: x, rows, cols: range.len(), row_stride: inputs, col_stride: 1 };
            let weight = Matrix { data: weight, rows: outputs, ..part };
            matmul(part, weight.transposed(), sums, Mode::Write);
        });
        let (first, others) = partial.split_at(rows * outputs);
        y.copy_from_slice(first);
        for other in others.chunks_exact(rows * outputs).take(count - 1) {
            y.iter_mut().zip(other).for_each(|(y, &x)| *y += x);
        }
        if let Some(&bias) = reads.get(2) {
            let bias = &real(bias)[..outputs];
            y.chunks_exact_mut(outputs).for_each(|y| y.iter_mut().zip(bias).for_each(|(y, &b)| *y += b));
        }
        if self.dense.relu {
            y.iter_mut().for_each(|y| *y = y.maximum(T::ZERO));
        }
        Ok(())
    }

    fn flops(&self) -> u64 {
        self.dense.sizes.flops()
    }
}

/// dx = dy·W: reads dy and W and, if dx is the gradient of a relu's input, what that relu gave, of dx's shape.
#[derive(Clone, Copy, Debug)]
pub struct DenseInputGradient {
    /// How large all is.
    pub sizes: Sizes,
    /// Whether dx goes back through a relu.
    pub relu: bool,
    /// Whether each thread computes its own columns of dx, however few.
    pub columns: bool,
}

impl<T: Real> Kernel<T> for DenseInputGradient {
    fn name(&self) -> String {
        "linear: gradient of the input".into()
    }

    fn fused(&self) -> Vec<&'static str> {
        if self.relu { vec!["linear gradient", "relu gradient"] } else { Vec::new() }
    }

    fn run(
        &self,
        reads: &[Data<'_, T>],
        writes: &mut [Written<'_, T>],
        _: &mut Context<'_, T>,
    ) -> Result<()> {
        let Sizes { rows, inputs, .. } = self.sizes;
        let (dy, weight, mode) = (self.sizes.dy(reads[0]), self.sizes.weight(reads[1]), writes[0].mode);
        let dx = MatrixMut::row_major(writes[0].real(), rows, inputs);
        let near = Locality { columns: self.columns, ..Locality::default() };
        match reads.get(2) {
            None => matmul_near(dy, weight, dx, near, mode),
            Some(&y) => matmul_near(dy, weight, dx, near, ReluGradient { output: self.sizes.x(y), mode }),
        }
        Ok(())
    }

    fn flops(&self) -> u64 {
        self.sizes.flops()
    }

    fn single(&self) -> Option<Single<'_>> {
        Some(Single::DenseInputGradient(*self))
    }
}

/// dW = dyᵀ·x: reads dy and x. With a parameter, W takes its step of gradient descent at once: no gradient is stored.
#[derive(Clone, Copy, Debug)]
pub struct DenseWeightGradient {
    /// How large all is.
    pub sizes: Sizes,
    /// The parameter that W is, if it is updated here.
    pub descent: Option<usize>,
    /// The distance from a copy of x to the next, where every thread has its own.
    pub copies: usize,
    /// Whether each thread computes its own columns of dW, however few.
    pub columns: bool,
    /// Whether W and dW are kept, see [`keep`](super::keep).
    pub kept: bool,
}

impl DenseWeightGradient {
    fn product<T: Real>(&self, dy: Matrix<T>, x: Matrix<T>, to: &mut [T], epilogue: impl Epilogue<T>) {
        let Sizes { inputs, outputs, .. } = self.sizes;
        if self.kept {
            let near = Locality { a_copies: self.copies, c_blocks: true, ..Locality::default() };
            matmul_near(x.transposed(), dy, MatrixMut::row_major(to, inputs, outputs), near, epilogue);
        } else {
            let near = Locality { b_copies: self.copies, columns: self.columns, ..Locality::default() };
            matmul_near(dy.transposed(), x, MatrixMut::row_major(to, outputs, inputs), near, epilogue);
        }
    }
}

impl<T: Real> Kernel<T> for DenseWeightGradient {
    fn name(&self) -> String {
        match self.descent {
            None => "linear: gradient of the weight".into(),
            Some(parameter) => format!("linear: descent of the weight, parameter {parameter}"),
        }
    }

    fn fused(&self) -> Vec<&'static str> {
        if self.descent.is_some() { vec!["linear gradient", "update"] } else { Vec::new() }
    }

    fn run(
        &self,
        reads: &[Data<'_, T>],
        writes: &mut [Written<'_, T>],
        context: &mut Context<'_, T>,
    ) -> Result<()> {
        let (dy, x, mode) = (self.sizes.dy(reads[0]), self.sizes.x(reads[1]), writes[0].mode);
        let Some(parameter) = self.descent else {
            self.product(dy, x, writes[0].real(), mode);
            return Ok(());
        };
        let Some(descent) = context.updates.rule(parameter).and_then(UpdateRule::descent) else {
            return Err(Error::internal("a plan was compiled for another optimizer"));
        };
        let [alpha, beta] = [-descent.rate, descent.keep].map(T::from_f64);
        self.product(dy, x, writes[0].real(), Scale { alpha, beta });
        Ok(())
    }

    fn flops(&self) -> u64 {
        self.sizes.flops()
    }

    fn single(&self) -> Option<Single<'_>> {
        Some(Single::DenseWeightGradient(*self))
    }
}

/// db = Σ dy over all rows.
#[derive(Clone, Copy, Debug)]
pub struct BiasGradient;

impl<T: Real> Kernel<T> for BiasGradient {
    fn name(&self) -> String {
        "linear: gradient of the bias".into()
    }

    fn run(
        &self,
        reads: &[Data<'_, T>],
        writes: &mut [Written<'_, T>],
        _: &mut Context<'_, T>,
    ) -> Result<()> {
        let mode = writes[0].mode;
        column_sums(real(reads[0]), writes[0].real(), mode);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_of_adding_is_kept() {
        let sizes = Sizes { rows: 1, inputs: 2, outputs: 1 };
        let kernel = DenseInputGradient { sizes, relu: false, columns: false };
        let mut dx = [1.0f64, 2.0];
        let mut written = [Written { data: crate::DataMut::Real(&mut dx), mode: Mode::Add }];
        let (mut arena, updates) = (crate::graph::Arena::new(), crate::plan::step::Updates::none(0));
        let context = &mut Context { arena: &mut arena, updates: &updates, finite: false };
        Kernel::<f64>::run(&kernel, &[Data::Real(&[3.0]), Data::Real(&[10.0, 100.0])], &mut written, context)
            .unwrap();
        assert_eq!(dx, [31.0, 302.0]);
    }
}
