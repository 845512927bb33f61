//! An operation on inputs of known types and layouts: what can be worked out before there are values.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::dtype::{DType, Data, DataMut, Operand, TensorType};
use crate::error::{Error, Result};
use crate::graph::Arena;
use crate::kernels::{Mode, strided};
use crate::ops::convert::{to_byte, to_int, to_real};
use crate::ops::{Class, Grad, Operation, Reads, Signature};
use crate::real::Real;
use crate::shape::Layout;

/// What there is of each input: seldom more than three, and a small operation should not wait for the allocator.
pub(crate) type Few<V> = SmallVec<[V; 4]>;

/// An operation bound to the types and layouts of its inputs. It does for every operation what none of them does for
/// itself: converts operands, carries gradients back through rearranged layouts, sums over broadcast dimensions.
#[derive(Debug)]
pub struct Call<T> {
    op: Arc<dyn Operation<T>>,
    inputs: Vec<Input>,
    signature: Signature,
    /// For a view: where in the storage of input 0 the result lies.
    alias: Option<Layout>,
}

/// What a call knows of one input.
#[derive(Debug)]
struct Input {
    dtype: DType,
    /// How the caller's storage is read.
    arranged: Layout,
    /// How the operation sees it: `arranged`, or contiguous where the engine makes a copy.
    seen: Layout,
    /// The class to convert to, where the operand cannot be read in place.
    copy: Option<Class>,
    /// `arrange` applied to a row-major gradient.
    gradient: Layout,
}

impl<T: Real> Call<T> {
    /// Checks and prepares; nothing is computed.
    pub fn new(op: Arc<dyn Operation<T>>, inputs: &[(DType, Layout)]) -> Result<Self> {
        let types: Vec<TensorType> =
            inputs.iter().map(|(dtype, layout)| TensorType::new(*dtype, layout.shape.clone())).collect();
        let output = op.infer(&types)?;
        let signature = Signature { inputs: types, output };
        for (i, (_, layout)) in inputs.iter().enumerate() {
            op.check_layout(i, layout, &signature)?;
        }
        let alias = op.is_view().then(|| op.arrange(0, &inputs[0].1, &signature));
        let inputs = inputs
            .iter()
            .enumerate()
            .map(|(i, (dtype, layout))| {
                let arranged = op.arrange(i, layout, &signature);
                let class = op.takes(i, &signature.inputs);
                let as_it_is = class == Class::of(*dtype) && (op.strided(i) || arranged.is_contiguous());
                Input {
                    dtype: *dtype,
                    seen: if as_it_is {
                        arranged.clone()
                    } else {
                        Layout::contiguous(arranged.shape.clone())
                    },
                    copy: (!as_it_is).then_some(class),
                    gradient: op.arrange(i, &Layout::contiguous(layout.shape.clone()), &signature),
                    arranged,
                }
            })
            .collect();
        Ok(Self { op, inputs, signature, alias })
    }

    /// The type of the result.
    pub fn output(&self) -> &TensorType {
        &self.signature.output
    }

    /// How many inputs there are.
    pub fn input_count(&self) -> usize {
        self.inputs.len()
    }

    /// The element type of input number `input`.
    pub fn input_dtype(&self, input: usize) -> DType {
        self.inputs[input].dtype
    }

    /// For a view, the layout of the result in the storage of input 0.
    pub fn alias(&self) -> Option<&Layout> {
        self.alias.as_ref()
    }

    /// Whether the result is a view with the input's elements in the same order: the gradient of the one is then that
    /// of the other.
    pub fn renames_gradient(&self) -> bool {
        self.alias.is_some() && self.inputs[0].keeps_order(self.input_elements(0))
    }

    /// Which values backward reads.
    pub fn reads(&self) -> Reads {
        self.op.reads()
    }

    /// Whether a gradient flows to input number `input`.
    pub fn differentiable(&self, input: usize) -> bool {
        self.signature.output.dtype.is_float()
            && self.inputs[input].dtype.is_float()
            && self.op.differentiable(input)
    }

    /// The number of elements of input number `input`, as a gradient has them.
    pub fn input_elements(&self, input: usize) -> usize {
        self.signature.inputs[input].shape.elements()
    }

    /// Computes the result from the inputs' storages.
    pub fn forward(&self, storages: &[Data<'_, T>], y: DataMut<'_, T>, arena: &mut Arena<T>) -> Result<()> {
        let output = &self.signature.output;
        if storages.len() != self.inputs.len() || !y.as_data().is(output.dtype) {
            return Err(Error::internal("forward: the buffers do not fit the prepared call"));
        }
        if y.as_data().len() < output.shape.elements() {
            return Err(Error::state("the buffer of the result was detached or resized"));
        }
        for (input, storage) in self.inputs.iter().zip(storages) {
            input.check(storage)?;
        }
        let y = match y {
            DataMut::Real(y) => DataMut::Real(&mut y[..output.shape.elements()]),
            DataMut::Int(y) => DataMut::Int(&mut y[..output.shape.elements()]),
            DataMut::Byte(y) => DataMut::Byte(&mut y[..output.shape.elements()]),
        };
        let copies: Few<Copied<T>> =
            self.inputs.iter().zip(storages).map(|(i, s)| i.copy(s, arena)).collect();
        let operands: Few<Operand<'_, T>> =
            self.inputs.iter().zip(storages).zip(&copies).map(|((i, s), c)| i.operand(*s, c)).collect();
        let result = self.op.forward(&operands, y, &output.shape);
        drop(operands);
        copies.into_iter().for_each(|copy| copy.recycle(arena));
        result
    }

    /// Refuses saved values that are no longer whole, before anything is computed from them.
    pub fn check_saved(&self, storages: &[Data<'_, T>], y: &[T]) -> Result<()> {
        let reads = self.op.reads();
        for (i, (input, storage)) in self.inputs.iter().zip(storages).enumerate() {
            if reads.reads_input(i) {
                input.check(storage)?;
            }
        }
        if reads.output && y.len() < self.signature.output.shape.elements() {
            return Err(Error::state("backward: the buffer of a saved result was detached or resized"));
        }
        Ok(())
    }

    /// The gradients of the inputs that `dx` asks for, each row-major and of the input's own shape. `storages` and `y`
    /// need elements only where [`Call::reads`] names them, and have passed [`Call::check_saved`].
    pub fn backward(
        &self,
        storages: &[Data<'_, T>],
        y: &[T],
        dy: &[T],
        dx: &mut [Option<Grad<'_, T>>],
        arena: &mut Arena<T>,
    ) {
        if self.alias.is_some() {
            if let Some(dx) = &mut dx[0] {
                self.inputs[0].carry_back(dy, dx);
            }
            return;
        }
        let reads = self.op.reads();
        let copies: Few<Copied<T>> = self
            .inputs
            .iter()
            .zip(storages)
            .enumerate()
            .map(
                |(i, (input, storage))| {
                    if reads.reads_input(i) { input.copy(storage, arena) } else { Copied::None }
                },
            )
            .collect();
        let operands: Few<Operand<'_, T>> =
            self.inputs.iter().zip(storages).zip(&copies).map(|((i, s), c)| i.operand(*s, c)).collect();

        // Where an operand was only renamed, its gradient is written where it is wanted; where elements were moved or
        // repeated, into a workspace of the arranged shape, and carried back from there.
        let mut workspaces: Few<Option<Vec<T>>> = self
            .inputs
            .iter()
            .zip(dx.iter())
            .enumerate()
            .map(|(i, (input, dx))| {
                let moved = dx.is_some() && !input.keeps_order(self.input_elements(i));
                moved.then(|| arena.take(input.gradient.shape.elements()))
            })
            .collect();
        let mut targets: Few<Option<Grad<'_, T>>> = dx
            .iter_mut()
            .zip(&mut workspaces)
            .map(|(dx, workspace)| {
                let dx = dx.as_mut()?;
                Some(match workspace {
                    Some(workspace) => Grad { data: workspace, mode: Mode::Write },
                    None => Grad { data: dx.data, mode: dx.mode },
                })
            })
            .collect();
        self.op.backward(&operands, y, dy, &mut targets);
        drop(targets);
        drop(operands);
        for ((input, dx), workspace) in self.inputs.iter().zip(dx).zip(workspaces) {
            if let (Some(dx), Some(workspace)) = (dx, workspace) {
                input.carry_back(&workspace, dx);
                arena.give(workspace);
            }
        }
        copies.into_iter().for_each(|copy| copy.recycle(arena));
    }
}

/// An operand that was copied to be contiguous and of the wanted class.
enum Copied<T> {
    None,
    Real(Vec<T>),
    Int(Vec<i32>),
    Byte(Vec<u8>),
}

impl<T: Real> Copied<T> {
    fn recycle(self, arena: &mut Arena<T>) {
        match self {
            Copied::None => {}
            Copied::Real(buffer) => arena.give(buffer),
            Copied::Int(buffer) => arena.ints.give(buffer),
            Copied::Byte(buffer) => arena.bytes.give(buffer),
        }
    }
}

impl Input {
    /// Refuses a storage that is of another type or shorter than the layout reaches: it was detached or resized.
    fn check<T>(&self, storage: &Data<'_, T>) -> Result<()> {
        if !storage.is(self.dtype) {
            return Err(Error::internal("the buffers do not fit the prepared call"));
        }
        if storage.len() < self.arranged.extent() {
            return Err(Error::state(format!(
                "the buffer of a tensor of shape {} was detached or resized: it has {} elements, {} are needed",
                self.arranged.shape,
                storage.len(),
                self.arranged.extent()
            )));
        }
        Ok(())
    }

    /// Whether the arranged gradient is the gradient itself, element for element.
    fn keeps_order(&self, elements: usize) -> bool {
        self.gradient.is_contiguous()
            && self.gradient.offset == 0
            && self.gradient.shape.elements() == elements
    }

    /// `dx (+)=` the gradient `g` of the arranged operand.
    fn carry_back<T: Real>(&self, g: &[T], dx: &mut Grad<'_, T>) {
        if self.keeps_order(dx.data.len()) {
            dx.map([g], |[g]| g);
            return;
        }
        dx.clear_to_write();
        if let Some(target) = dx.data.get_mut(self.gradient.offset..) {
            strided::scatter(g, &self.gradient.shape, &self.gradient.strides, target);
        }
    }

    fn copy<T: Real>(&self, storage: &Data<'_, T>, arena: &mut Arena<T>) -> Copied<T> {
        let n = self.arranged.shape.elements();
        let operand = Operand { data: *storage, layout: &self.arranged };
        match self.copy {
            None => Copied::None,
            Some(Class::Real) => {
                let mut buffer = arena.take(n);
                to_real(&operand, &mut buffer);
                Copied::Real(buffer)
            }
            Some(Class::Int) => {
                let mut buffer = arena.ints.take(n);
                to_int(&operand, &mut buffer);
                Copied::Int(buffer)
            }
            Some(Class::Byte) => {
                let mut buffer = arena.bytes.take(n);
                to_byte(&operand, &mut buffer);
                Copied::Byte(buffer)
            }
        }
    }

    fn operand<'a, T>(&'a self, storage: Data<'a, T>, copied: &'a Copied<T>) -> Operand<'a, T> {
        let data = match copied {
            Copied::None => storage,
            Copied::Real(x) => Data::Real(x),
            Copied::Int(x) => Data::Int(x),
            Copied::Byte(x) => Data::Byte(x),
        };
        Operand { data, layout: &self.seen }
    }
}
