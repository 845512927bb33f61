//! What becomes of the sums of a product before they leave the registers.

use super::{Matrix, Place};
use crate::kernels::Mode;
use crate::kernels::simd::Vector;

/// What C becomes, given the sums of A·B. Compiled into the kernels, so it costs arithmetic and what it reads, but no
/// visit to C of its own.
///
/// A product that is deeper than a block visits C several times, each time with the sums of another part of the depth.
/// An epilogue that is linear in the sums takes each as it comes, and adds to C from the second on; any other keeps
/// their total in C, and does its part in the last pass.
pub trait Epilogue<T>: Copy + Send + Sync {
    /// Whether there are kernels for it that run along the depth, for x·Wᵀ; else tiles do that too. Gradients are
    /// seldom such products, and each kernel makes the binary larger.
    const ALONG_DEPTH: bool = true;

    /// Whether what it reads covers a C of this shape.
    fn fits(&self, rows: usize, cols: usize) -> bool;

    /// What is stored at `place`, given the sums that belong there.
    ///
    /// # Safety
    /// That of [`Vector`]; and `place` lies in a C that the epilogue fits.
    unsafe fn apply<V: Vector<T>, const N: usize>(&self, sums: [V; N], place: &Place<T>) -> [V; N];
}

/// x + y, vector by vector. A loop, here and below: what the closures of `map` compute might not be inlined.
#[inline(always)]
unsafe fn added<T, V: Vector<T>, const N: usize>(mut x: [V; N], y: [V; N]) -> [V; N] {
    for (x, y) in x.iter_mut().zip(y) {
        // SAFETY: the caller's promise.
        *x = unsafe { x.add(y) };
    }
    x
}

/// C = A·B, or C += A·B.
impl<T: Copy + Default> Epilogue<T> for Mode {
    fn fits(&self, _: usize, _: usize) -> bool {
        true
    }

    #[inline(always)]
    unsafe fn apply<V: Vector<T>, const N: usize>(&self, sums: [V; N], place: &Place<T>) -> [V; N] {
        let write = *self == Mode::Write && place.is_first();
        // SAFETY: the caller's promise.
        if write { sums } else { unsafe { added(sums, place.former()) } }
    }
}

/// What is added to a product before its activation.
#[derive(Clone, Copy, Debug)]
pub enum Bias<'a, T> {
    /// Nothing.
    None,
    /// A number for each column.
    Columns(&'a [T]),
    /// A number for each row.
    Rows(&'a [T]),
}

/// A function of a single number. Chosen when the product runs, for a choice of kernels would be a larger binary.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Activation<T> {
    /// x
    #[default]
    Identity,
    /// max(x, 0); NaN for NaN.
    Relu,
    /// x above 0, the slope times x elsewhere; NaN for NaN.
    LeakyRelu {
        /// The slope below 0.
        slope: T,
    },
}

impl<T: Copy + Default> Activation<T> {
    /// Its values.
    ///
    /// # Safety
    /// That of [`Vector`].
    #[inline(always)]
    unsafe fn apply<V: Vector<T>, const N: usize>(&self, mut x: [V; N]) -> [V; N] {
        match *self {
            Activation::Identity => {}
            Activation::Relu => {
                for x in &mut x {
                    // SAFETY: the caller's promise.
                    *x = unsafe { x.select_nonpositive(V::splat(T::default()), *x) };
                }
            }
            Activation::LeakyRelu { slope } => {
                for x in &mut x {
                    // SAFETY: the caller's promise.
                    *x = unsafe { x.select_nonpositive(x.mul(V::splat(slope)), *x) };
                }
            }
        }
        x
    }
}

/// C = f(A·B + bias)
#[derive(Clone, Copy, Debug)]
pub struct Activate<'a, T> {
    /// Added to the product.
    pub bias: Bias<'a, T>,
    /// f
    pub activation: Activation<T>,
}

impl<T: Copy + Default + Send + Sync> Epilogue<T> for Activate<'_, T> {
    fn fits(&self, rows: usize, cols: usize) -> bool {
        match self.bias {
            Bias::None => true,
            Bias::Columns(bias) => bias.len() == cols,
            Bias::Rows(bias) => bias.len() == rows,
        }
    }

    #[inline(always)]
    unsafe fn apply<V: Vector<T>, const N: usize>(&self, sums: [V; N], place: &Place<T>) -> [V; N] {
        // SAFETY: the caller's promise.
        unsafe {
            let total = Mode::Write.apply(sums, place);
            if !place.is_last() {
                return total;
            }
            let values = match self.bias {
                Bias::None => total,
                Bias::Columns(bias) => added(total, place.of_columns(bias)),
                Bias::Rows(bias) => added(total, place.of_rows(bias)),
            };
            self.activation.apply(values)
        }
    }
}

/// C = A·B, or C += A·B, with 0 in place of the product where `output` ≤ 0: A·B is the gradient of a relu's output, C
/// that of its input. As in the relu's own derivative, the product passes where the output is NaN, and a product that is
/// NaN or infinite is gone where it does not pass.
#[derive(Clone, Copy, Debug)]
pub struct ReluGradient<'a, T> {
    /// What the relu gave: a matrix of C's shape.
    pub output: Matrix<'a, T>,
    /// What becomes of the values that C has.
    pub mode: Mode,
}

impl<T: Copy + Default + Sync> Epilogue<T> for ReluGradient<'_, T> {
    const ALONG_DEPTH: bool = false;

    fn fits(&self, rows: usize, cols: usize) -> bool {
        (self.output.rows, self.output.cols) == (rows, cols) && self.output.is_whole(0)
    }

    #[inline(always)]
    unsafe fn apply<V: Vector<T>, const N: usize>(&self, sums: [V; N], place: &Place<T>) -> [V; N] {
        // SAFETY: the caller's promise.
        unsafe {
            let mut passed = sums;
            let output: [V; N] = place.elements(&self.output);
            for (x, output) in passed.iter_mut().zip(output) {
                *x = output.select_nonpositive(V::splat(T::default()), *x);
            }
            self.mode.apply(passed, place)
        }
    }
}

/// C = β·C + α·(A·B): with A·B the gradient of parameters C, a step of gradient descent at the rate −α with weight decay.
/// C is read even if β is 0, so that what is NaN or infinite there stays so, as NaN; [`Mode::Write`] does not read it.
#[derive(Clone, Copy, Debug)]
pub struct Scale<T> {
    /// The factor of the product.
    pub alpha: T,
    /// The factor of what C has.
    pub beta: T,
}

impl<T: Copy + Default + Send + Sync> Epilogue<T> for Scale<T> {
    const ALONG_DEPTH: bool = false;

    fn fits(&self, _: usize, _: usize) -> bool {
        true
    }

    #[inline(always)]
    unsafe fn apply<V: Vector<T>, const N: usize>(&self, sums: [V; N], place: &Place<T>) -> [V; N] {
        // SAFETY: the caller's promise.
        unsafe {
            let mut values: [V; N] = place.former();
            if place.is_first() {
                for x in &mut values {
                    *x = x.mul(V::splat(self.beta));
                }
            }
            for (x, sums) in values.iter_mut().zip(sums) {
                *x = sums.mul_add(V::splat(self.alpha), *x);
            }
            values
        }
    }
}
