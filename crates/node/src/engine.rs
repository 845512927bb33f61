//! Operations: prepared once for given types and layouts, then run on buffers.

use std::cell::RefCell;
use std::rc::Rc;

use ferrograd_core::graph::{self, Arena, Call, Leaf, Node};
use ferrograd_core::kernels::Mode;
use ferrograd_core::ops::{self, Grad};
use ferrograd_core::{DType, Data, Error, Layout, Result, Shape, Strides};
use napi_derive::napi;

use crate::boundary::{Code, guard};
use crate::buffers::{Borrowed, expect_apart};

/// What each JavaScript thread has of its own.
#[derive(Default)]
pub struct Engine {
    calls: Vec<Rc<Call<f32>>>,
    /// Memory that calls recycle.
    pub arena: Arena<f32>,
}

thread_local! {
    /// Borrowed for the length of an export, none of which calls back into JavaScript.
    pub static ENGINE: RefCell<Engine> = RefCell::default();
}

impl Engine {
    /// The prepared call with this number.
    pub fn call(&self, id: u32) -> Result<Rc<Call<f32>>> {
        self.calls
            .get(id as usize)
            .cloned()
            .ok_or_else(|| Error::internal(format!("no prepared call has number {id}")))
    }
}

/// What TypeScript needs to know of a prepared call.
#[napi(object)]
pub struct PreparedCall {
    /// The number to run it by.
    pub id: u32,
    /// The result's element type, by its place in the list of types.
    pub dtype: u32,
    /// The result's shape.
    pub shape: Vec<u32>,
    /// For a view: the strides and the offset of the result in the storage of input 0.
    pub strides: Option<Vec<u32>>,
    /// As above.
    pub offset: Option<u32>,
    /// A bit for each input that backward reads.
    pub reads_inputs: u32,
    /// Whether backward reads the output.
    pub reads_output: bool,
    /// A bit for each input that has a gradient.
    pub differentiable: u32,
}

/// Numbers read one after another.
struct Reader<'a>(std::slice::Iter<'a, i32>);

impl Reader<'_> {
    fn next(&mut self) -> Result<usize> {
        self.0
            .next()
            .and_then(|&n| usize::try_from(n).ok())
            .ok_or_else(|| Error::internal("a call's description is cut short or has negative numbers"))
    }

    fn many(&mut self, n: usize) -> Result<Vec<usize>> {
        (0..n).map(|_| self.next()).collect()
    }

    /// dtype, number of dimensions, sizes, strides.
    fn input(&mut self) -> Result<(DType, Layout)> {
        let dtype = *DType::ALL.get(self.next()?).ok_or_else(|| Error::internal("unknown dtype"))?;
        let n = self.next()?;
        let shape = Shape::new(&self.many(n)?)?;
        let strides = Strides::new(&self.many(n)?)?;
        Ok((dtype, Layout { shape, strides, offset: 0 }))
    }
}

/// Checks an operation against the types of its inputs, given as [dtype, dimensions, sizes…, strides…]… in `inputs`,
/// and prepares it. `attributes` is a JSON object.
#[napi]
pub fn prepare(
    op: String,
    attributes: String,
    count: u32,
    inputs: Borrowed,
) -> napi::Result<PreparedCall, Code> {
    guard(|| {
        let mut reader = Reader(inputs.ints()?.iter());
        let inputs = (0..count).map(|_| reader.input()).collect::<Result<Vec<_>>>()?;
        let call = Call::new(ops::parse(&op, &attributes)?, &inputs)?;
        let sizes = |sizes: &[usize]| sizes.iter().map(|&n| n as u32).collect();
        let reads = call.reads();
        let mut prepared = PreparedCall {
            id: 0,
            dtype: DType::ALL.iter().position(|&d| d == call.output().dtype).unwrap_or(0) as u32,
            shape: sizes(&call.output().shape),
            strides: call.alias().map(|layout| sizes(&layout.strides)),
            offset: call.alias().map(|layout| layout.offset as u32),
            reads_inputs: reads.inputs,
            reads_output: reads.output,
            differentiable: (0..inputs.len())
                .fold(0, |bits, i| bits | u32::from(call.differentiable(i)) << i),
        };
        ENGINE.with_borrow_mut(|engine| {
            prepared.id = engine.calls.len() as u32;
            engine.calls.push(Rc::new(call));
        });
        Ok(prepared)
    })
}

/// Forgets all prepared calls: their numbers are given out anew.
#[napi]
pub fn forget_prepared() {
    ENGINE.with_borrow_mut(|engine| engine.calls.clear());
}

fn data(buffers: &[Option<Borrowed>]) -> Result<Vec<Data<'_, f32>>> {
    buffers.iter().map(|buffer| buffer.as_ref().map_or(Ok(Data::Real(&[])), Borrowed::data)).collect()
}

/// Differentiates a recorded chain of calls.
///
/// `program` is [number of nodes, (call, number of inputs, values…, value of the result)…, number of leaves,
/// (value, 1 to add or 0 to write)…]; `values` holds the elements of those values that are read, null for others;
/// `dy` is the gradient of the last result; `grads` has a buffer for each leaf.
#[napi]
pub fn backward(
    program: Borrowed,
    values: Vec<Option<Borrowed>>,
    dy: Borrowed,
    mut grads: Vec<Borrowed>,
) -> napi::Result<(), Code> {
    guard(|| {
        ENGINE.with_borrow_mut(|engine| {
            let mut reader = Reader(program.ints()?.iter());
            let value = |n: usize| {
                if n < values.len() { Ok(n) } else { Err(Error::internal("backward: no such value")) }
            };
            let written =
                grads.iter().map(|grad| Ok(grad.floats()?.as_ptr_range())).collect::<Result<Vec<_>>>()?;
            let nodes = (0..reader.next()?)
                .map(|_| {
                    let call = engine.call(reader.next()? as u32)?;
                    let count = reader.next()?;
                    let inputs = (0..count).map(|_| value(reader.next()?)).collect::<Result<Vec<_>>>()?;
                    Ok(Node { call, inputs, output: value(reader.next()?)? })
                })
                .collect::<Result<Vec<_>>>()?;
            let read = data(&values)?;
            expect_apart(
                read.iter()
                    .filter_map(|data| match data {
                        Data::Real(x) => Some((x.as_ptr_range(), false)),
                        _ => None,
                    })
                    .chain([(dy.floats()?.as_ptr_range(), false)])
                    .chain(written.into_iter().map(|range| (range, true)))
                    .collect(),
                "backward: the gradient of a tensor shares memory with another gradient or with a value",
            )?;
            if reader.next()? != grads.len() {
                return Err(Error::internal("backward: leaves and gradients differ in number"));
            }
            let mut leaves = grads
                .iter_mut()
                .map(|grad| {
                    let value = value(reader.next()?)?;
                    let mode = if reader.next()? == 1 { Mode::Add } else { Mode::Write };
                    Ok(Leaf { value, grad: Grad { data: grad.floats_mut()?, mode } })
                })
                .collect::<Result<Vec<_>>>()?;
            graph::backward(&nodes, &read, dy.floats()?, &mut leaves, &mut engine.arena)
        })
    })
}
