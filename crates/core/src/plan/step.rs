//! The steps of a plan.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::dtype::{Data, DataMut};
use crate::error::Result;
use crate::graph::{Arena, Call, Few};
use crate::kernels::Mode;
use crate::ops::Grad;
use crate::optim::UpdateRule;
use crate::plan::dense::{Dense, DenseInputGradient, DenseWeightGradient};
use crate::real::Real;

/// Elements of a storage, from one of them on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The number of the storage.
    pub storage: usize,
    /// Where in it, in elements.
    pub offset: usize,
}

impl Place {
    /// From the first element on.
    pub fn start(storage: usize) -> Self {
        Self { storage, offset: 0 }
    }
}

/// What a step writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The number of the storage.
    pub storage: usize,
    /// Whether what is there is overwritten, or read and changed.
    pub mode: Mode,
}

/// When in a step of training something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Before the loss is known: whatever fails, fails here, and nothing has changed yet.
    Forward,
    /// After that.
    Backward,
}

/// How parameters are updated.
#[derive(Debug)]
pub struct Updates<T> {
    /// The rules, one a group.
    pub rules: Vec<Box<dyn UpdateRule<T>>>,
    /// The group of each parameter; `None` for one that is not updated.
    pub group: Vec<Option<usize>>,
    /// How many updates each parameter has had.
    pub steps: Vec<u64>,
}

impl<T> Updates<T> {
    /// No parameter is updated.
    pub fn none(parameters: usize) -> Self {
        Self { rules: Vec::new(), group: vec![None; parameters], steps: vec![0; parameters] }
    }

    /// The rule of a parameter.
    pub fn rule(&self, parameter: usize) -> Option<&dyn UpdateRule<T>> {
        self.group[parameter].map(|group| &*self.rules[group])
    }
}

/// What a kernel may use beside its operands.
#[derive(Debug)]
pub struct Context<'a, T> {
    /// Recycled memory.
    pub arena: &'a mut Arena<T>,
    /// The optimizer's.
    pub updates: &'a Updates<T>,
    /// Whether what the plan keeps is free of NaN and infinities, and stays so.
    pub finite: bool,
}

/// What a step computes.
pub trait Kernel<T: Real>: fmt::Debug + Send + Sync {
    /// Its name, for people.
    fn name(&self) -> String;

    /// The operations that it is made of, where it is more than one.
    fn fused(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// Computes `writes` from `reads`. Operands that it said not to read are empty.
    fn run(
        &self,
        reads: &[Data<'_, T>],
        writes: &mut [Written<'_, T>],
        context: &mut Context<'_, T>,
    ) -> Result<()>;

    /// Multiplications and additions, where these are what it costs.
    fn flops(&self) -> u64 {
        0
    }

    /// What rewrites may know of it.
    fn single(&self) -> Option<Single<'_>> {
        None
    }
}

/// What rewrites know of a kernel.
#[derive(Debug)]
pub enum Single<'a> {
    /// The forward pass of the operation with this name.
    Forward(&'a str),
    /// Its backward pass.
    Gradient(&'a str),
    /// y = x·Wᵀ + b
    Dense(Dense),
    /// dx = dy·W
    DenseInputGradient(DenseInputGradient),
    /// dW = dyᵀ·x
    DenseWeightGradient(DenseWeightGradient),
    /// The update of a parameter.
    Update(usize),
}

/// An operand that a kernel writes.
#[derive(Debug)]
pub struct Written<'a, T> {
    /// The elements.
    pub data: DataMut<'a, T>,
    /// Whether they are overwritten, or read and changed.
    pub mode: Mode,
}

impl<T> Written<'_, T> {
    /// The elements where they are floats, else none.
    pub fn real(&mut self) -> &mut [T] {
        match &mut self.data {
            DataMut::Real(x) => x,
            _ => &mut [],
        }
    }

    /// The same as a gradient.
    pub fn grad(&mut self) -> Grad<'_, T> {
        let mode = self.mode;
        Grad { data: self.real(), mode }
    }
}

/// Floats, else none.
pub fn real<'a, T>(data: Data<'a, T>) -> &'a [T] {
    match data {
        Data::Real(x) => x,
        _ => &[],
    }
}

/// A kernel and its operands.
#[derive(Debug)]
pub struct Step<T> {
    /// What is computed.
    pub kernel: Box<dyn Kernel<T>>,
    /// What is read; `None` where the kernel needs the operand's type alone.
    pub reads: Few<Option<Place>>,
    /// What is written.
    pub writes: Few<Target>,
    /// When.
    pub phase: Phase,
}

impl<T: Real> Step<T> {
    /// Whether it reads this storage, or changes it by adding.
    pub fn uses(&self, storage: usize) -> bool {
        self.reads.iter().flatten().any(|place| place.storage == storage)
            || self.writes.iter().any(|target| target.storage == storage && target.mode == Mode::Add)
    }

    /// Whether it writes this storage.
    pub fn writes(&self, storage: usize) -> bool {
        self.writes.iter().any(|target| target.storage == storage)
    }
}

/// A step as `explain` shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepInfo {
    /// What is computed.
    pub name: String,
    /// `forward` or `backward`.
    pub phase: &'static str,
    /// The operations that were fused.
    pub fused: Vec<&'static str>,
    /// What it reads, such as `parameter 0: float32 [128, 784]`.
    pub inputs: Vec<String>,
    /// What it writes.
    pub outputs: Vec<String>,
    /// Bytes of what is read and of what is written; of what is added to, both.
    pub bytes: u64,
    /// Multiplications and additions.
    pub flops: u64,
    /// How long it takes on average, if it has run.
    pub microseconds: Option<f64>,
}

/// A plan as `explain` shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanInfo {
    /// In the order in which they run.
    pub steps: Vec<StepInfo>,
    /// Bytes of the arena.
    pub arena_bytes: usize,
    /// The threads that it was compiled for.
    pub threads: usize,
}

/// The forward pass of one operation.
#[derive(Debug)]
pub struct Forward<T> {
    /// Its name.
    pub op: String,
    /// The operation.
    pub call: Arc<Call<T>>,
}

impl<T: Real> Kernel<T> for Forward<T> {
    fn name(&self) -> String {
        self.op.clone()
    }

    fn run(
        &self,
        reads: &[Data<'_, T>],
        writes: &mut [Written<'_, T>],
        context: &mut Context<'_, T>,
    ) -> Result<()> {
        let y = match &mut writes[0].data {
            DataMut::Real(y) => DataMut::Real(y),
            DataMut::Int(y) => DataMut::Int(y),
            DataMut::Byte(y) => DataMut::Byte(y),
        };
        self.call.forward(reads, y, context.arena)
    }

    fn single(&self) -> Option<Single<'_>> {
        Some(Single::Forward(&self.op))
    }
}

/// The backward pass of one operation: reads its inputs, its output and the gradient of that; writes the gradients of
/// some inputs.
#[derive(Debug)]
pub struct Gradient<T> {
    /// Its name.
    pub op: String,
    /// The operation.
    pub call: Arc<Call<T>>,
    /// The inputs whose gradients are written.
    pub inputs: Few<usize>,
}

impl<T: Real> Kernel<T> for Gradient<T> {
    fn name(&self) -> String {
        format!("{} gradient", self.op)
    }

    fn run(
        &self,
        reads: &[Data<'_, T>],
        writes: &mut [Written<'_, T>],
        context: &mut Context<'_, T>,
    ) -> Result<()> {
        let count = self.call.input_count();
        let (inputs, [y, dy]) = (&reads[..count], [reads[count], reads[count + 1]].map(real));
        let mut targets: Few<Option<Grad<'_, T>>> = (0..count).map(|_| None).collect();
        for (&input, written) in self.inputs.iter().zip(writes) {
            targets[input] = Some(written.grad());
        }
        self.call.backward(inputs, y, dy, &mut targets, context.arena);
        Ok(())
    }

    fn single(&self) -> Option<Single<'_>> {
        Some(Single::Gradient(&self.op))
    }
}

/// A parameter's step: reads its gradient; changes the parameter and what the optimizer remembers of it.
#[derive(Debug)]
pub struct Update {
    /// The parameter's number.
    pub parameter: usize,
}

impl<T: Real> Kernel<T> for Update {
    fn name(&self) -> String {
        format!("update of parameter {}", self.parameter)
    }

    fn run(
        &self,
        reads: &[Data<'_, T>],
        writes: &mut [Written<'_, T>],
        context: &mut Context<'_, T>,
    ) -> Result<()> {
        let Some((parameter, buffers)) = writes.split_first_mut() else { return Ok(()) };
        let mut buffers: Few<&mut [T]> = buffers.iter_mut().map(Written::real).collect();
        if let Some(rule) = context.updates.rule(self.parameter) {
            let steps = context.updates.steps[self.parameter];
            rule.update(steps, parameter.real(), real(reads[0]), &mut buffers);
        }
        Ok(())
    }

    fn single(&self) -> Option<Single<'_>> {
        Some(Single::Update(self.parameter))
    }
}
