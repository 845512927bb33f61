//! What an operation is.

use std::fmt;

use crate::dtype::{DType, DataMut, Operand, TensorType};
use crate::error::Result;
use crate::kernels::{Mode, elementwise};
use crate::real::Real;
use crate::shape::{Layout, Shape};

/// An operation's types: what it was given and what it infers from that.
#[derive(Clone, Debug)]
pub struct Signature {
    /// In order.
    pub inputs: Vec<TensorType>,
    /// What [`Operation::infer`] gave.
    pub output: TensorType,
}

/// The class of elements in which an operation reads an input. The engine converts what comes in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Floating point.
    Real,
    /// 32-bit integers.
    Int,
    /// Bytes.
    Byte,
}

impl Class {
    /// The class in which elements of this type are stored.
    pub const fn of(dtype: DType) -> Class {
        match dtype {
            DType::Float32 => Class::Real,
            DType::Int32 => Class::Int,
            DType::Uint8 | DType::Bool => Class::Byte,
        }
    }
}

/// Which values `backward` reads. What it does not read is not kept, and may be overwritten between the passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reads {
    /// A bit for each input; the last one stands for all that follow.
    pub inputs: u32,
    /// The output.
    pub output: bool,
}

impl Reads {
    /// Nothing: the derivative is constant.
    pub const NOTHING: Reads = Reads { inputs: 0, output: false };
    /// All inputs.
    pub const INPUTS: Reads = Reads { inputs: !0, output: false };
    /// The output.
    pub const OUTPUT: Reads = Reads { inputs: 0, output: true };
    /// All inputs and the output.
    pub const ALL: Reads = Reads { inputs: !0, output: true };

    /// Whether input number `i` is read.
    pub const fn reads_input(self, i: usize) -> bool {
        let bit = if i < 31 { i } else { 31 };
        self.inputs >> bit & 1 == 1
    }

    /// Input number `i` alone.
    pub const fn input(i: u32) -> Reads {
        Reads { inputs: 1 << i, output: false }
    }
}

/// Where a gradient goes: row-major, with the shape of the arranged operand.
#[derive(Debug)]
pub struct Grad<'a, T> {
    /// The elements.
    pub data: &'a mut [T],
    /// Whether they are overwritten or added to.
    pub mode: Mode,
}

impl<T: Real> Grad<'_, T> {
    /// `dx[i] (+)= f([x₀[i], x₁[i], …])` over contiguous operands.
    pub fn map<const N: usize>(&mut self, x: [&[T]; N], f: impl Fn([T; N]) -> T + Copy + Sync) {
        elementwise::map_into(x, self.data, self.mode, f);
    }

    /// Zeros, if this gradient is to be written: for operations that add to some elements only.
    pub fn clear_to_write(&mut self) {
        if self.mode == Mode::Write {
            self.data.fill(T::ZERO);
        }
    }
}

/// A differentiable operation: pure, stateless, generic over the element type of floats.
///
/// An operation sees every input through [`Operation::arrange`]: a rearranging of its layout that costs nothing
/// (broadcasting, permuting). The engine gives it contiguous operands of the class that it takes, unless it reads
/// strided ones; and carries the gradient of the arranged operand back to the input, summing where elements were
/// repeated. Operations neither allocate results nor accumulate.
pub trait Operation<T: Real>: fmt::Debug + Send + Sync {
    /// The type of the result; the one place where input types and shapes are checked.
    fn infer(&self, inputs: &[TensorType]) -> Result<TensorType>;

    /// How input number `input`, which lies as `layout` says, is read; called after `infer`.
    fn arrange(&self, input: usize, layout: &Layout, signature: &Signature) -> Layout {
        let _ = (input, signature);
        layout.clone()
    }

    /// Refuses a layout of input number `input` that cannot be arranged; called after `infer`.
    fn check_layout(&self, input: usize, layout: &Layout, signature: &Signature) -> Result<()> {
        let _ = (input, layout, signature);
        Ok(())
    }

    /// Whether the result is input 0, arranged: it shares storage, and neither pass computes anything.
    fn is_view(&self) -> bool {
        false
    }

    /// The class in which input number `input` is read.
    fn takes(&self, input: usize, inputs: &[TensorType]) -> Class {
        let _ = (input, inputs);
        Class::Real
    }

    /// Whether the arranged input number `input` may be strided.
    fn strided(&self, input: usize) -> bool {
        let _ = input;
        false
    }

    /// What `backward` reads.
    fn reads(&self) -> Reads;

    /// Whether there is a gradient for input number `input`.
    fn differentiable(&self, input: usize) -> bool {
        let _ = input;
        true
    }

    /// Computes all of `y`, whose shape is `shape`. Fails only for values that it must not accept, such as a label
    /// out of range.
    fn forward(&self, x: &[Operand<'_, T>], y: DataMut<'_, T>, shape: &Shape) -> Result<()>;

    /// Computes the gradients asked for in `dx` from that of the result. `x` and `y` have no elements where
    /// [`Operation::reads`] does not name them; their layouts are always right. `y` and `dy` are row-major.
    fn backward(&self, x: &[Operand<'_, T>], y: &[T], dy: &[T], dx: &mut [Option<Grad<'_, T>>]);
}
