//! Operations on storage that starts anywhere.

use ferrograd_core::graph::{Arena, Call};
use ferrograd_core::kernels::Mode;
use ferrograd_core::kernels::isa::{Isa, available, with_isa};
use ferrograd_core::ops::{Grad, parse};
use ferrograd_core::{DType, Data, DataMut, Layout, Shape};

/// Runs `body` with every instruction set of this machine.
pub fn on_every_isa(body: impl Fn(Isa)) {
    for isa in available() {
        with_isa(isa, || body(isa));
    }
}

/// The operands of an operation.
pub struct Operands<'a> {
    /// Numbers, and how they lie.
    pub floats: &'a [(&'a [f32], Layout)],
    /// One for each row, if the operation takes labels, as its second operand.
    pub labels: Option<&'a [i32]>,
}

/// The result of an operation and the gradient of its first operand, where the gradient of the result is `dy`. All
/// storage starts `offset` numbers after an aligned address, and none is written beyond the end of the result.
pub fn apply(
    name: &str,
    attributes: &str,
    operands: &Operands<'_>,
    offset: usize,
    dy: Option<&[f32]>,
) -> (Vec<f32>, Vec<f32>) {
    let storages: Vec<Unaligned> = operands.floats.iter().map(|(x, _)| Unaligned::new(x, offset)).collect();
    let mut inputs: Vec<_> =
        operands.floats.iter().map(|(_, layout)| (DType::Float32, layout.clone())).collect();
    let mut data: Vec<Data<'_, f32>> = storages.iter().map(|storage| Data::Real(storage.numbers())).collect();
    if let Some(labels) = operands.labels {
        inputs.insert(1, (DType::Int32, row_major(&[labels.len()])));
        data.insert(1, Data::Int(labels));
    }
    let call = Call::new(parse::<f32>(name, attributes).unwrap(), &inputs).unwrap();
    let n = call.output().shape.elements();
    let mut arena = Arena::new();
    let mut y = Unaligned::new(&vec![f32::NAN; n], offset);
    call.forward(&data, DataMut::Real(y.numbers_mut()), &mut arena).unwrap();
    y.check();

    let mut dx = Unaligned::new(&vec![f32::NAN; operands.floats[0].0.len()], offset);
    if let Some(dy) = dy {
        let dy = Unaligned::new(dy, offset);
        let mut targets: Vec<Option<Grad<'_, f32>>> = inputs.iter().map(|_| None).collect();
        targets[0] = Some(Grad { data: dx.numbers_mut(), mode: Mode::Write });
        call.backward(&data, y.numbers(), dy.numbers(), &mut targets, &mut arena);
        drop(targets);
        dx.check();
    }
    (y.numbers().to_vec(), dx.numbers().to_vec())
}

/// The layout of a contiguous operand.
pub fn row_major(shape: &[usize]) -> Layout {
    Layout::contiguous(Shape::new(shape).unwrap())
}

/// Numbers that start `offset` numbers after an address that is aligned for every vector, with guards around them.
pub struct Unaligned {
    memory: Vec<f32>,
    start: usize,
    length: usize,
}

const GUARD: f32 = 12_345.678;

impl Unaligned {
    pub fn new(numbers: &[f32], offset: usize) -> Self {
        let mut memory = vec![GUARD; numbers.len() + offset + 32];
        let start = memory.as_ptr().align_offset(64) + offset;
        memory[start..][..numbers.len()].copy_from_slice(numbers);
        Self { memory, start, length: numbers.len() }
    }

    pub fn numbers(&self) -> &[f32] {
        &self.memory[self.start..][..self.length]
    }

    pub fn numbers_mut(&mut self) -> &mut [f32] {
        &mut self.memory[self.start..][..self.length]
    }

    /// Fails if something was written around the numbers.
    pub fn check(&self) {
        let around = [&self.memory[..self.start], &self.memory[self.start + self.length..]].concat();
        assert!(around.iter().all(|&x| x == GUARD), "wrote beyond the end");
    }
}
