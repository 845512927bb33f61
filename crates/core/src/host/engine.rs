//! Operations: prepared once for given types and layouts, then run on buffers.

use std::rc::Rc;
use std::slice;

use serde::Serialize;
use smallvec::SmallVec;

use super::Buffer;
use super::buffer::{NOWHERE, expect_apart};
use crate::graph::{self, Arena, Call, Leaf, Node};
use crate::kernels::Mode;
use crate::ops::{self, Grad};
use crate::{DType, Data, DataMut, Error, Layout, Result, Shape, Strides};

/// What each thread of the host has of its own.
#[derive(Default)]
pub struct Engine {
    calls: Vec<Rc<Call<f32>>>,
    /// Memory that calls recycle.
    pub arena: Arena<f32>,
}

/// Address and length of a buffer whose element type the prepared call knows; null for an empty one.
pub type Lent = (*mut u8, usize);

/// What the host needs to know of a prepared call.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PreparedCall {
    /// The number to run it by.
    pub id: u32,
    /// The result's element type, by its place in the list of types.
    pub dtype: u32,
    /// The result's shape.
    pub shape: Vec<u32>,
    /// For a view: the strides and the offset of the result in the storage of input 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strides: Option<Vec<u32>>,
    /// As above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u32>,
    /// A bit for each input that backward reads.
    pub reads_inputs: u32,
    /// Whether backward reads the output.
    pub reads_output: bool,
    /// A bit for each input that has a gradient.
    pub differentiable: u32,
}

/// Numbers read one after another.
struct Reader<'a>(slice::Iter<'a, i32>);

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
        let dtype = DType::from_code(self.next()?)?;
        let n = self.next()?;
        let shape = Shape::new(&self.many(n)?)?;
        let strides = Strides::new(&self.many(n)?)?;
        Ok((dtype, Layout { shape, strides, offset: 0 }))
    }
}

impl Engine {
    /// The prepared call with this number.
    pub fn call(&self, id: u32) -> Result<Rc<Call<f32>>> {
        self.calls
            .get(id as usize)
            .cloned()
            .ok_or_else(|| Error::internal(format!("no prepared call has number {id}")))
    }

    /// Checks an operation against the types of its inputs, given as [dtype, dimensions, sizes…, strides…]… in `inputs`,
    /// and prepares it. `attributes` is a JSON object.
    pub fn prepare(
        &mut self,
        op: &str,
        attributes: &str,
        count: u32,
        inputs: &Buffer,
    ) -> Result<PreparedCall> {
        let mut reader = Reader(inputs.ints()?.iter());
        let inputs = (0..count).map(|_| reader.input()).collect::<Result<Vec<_>>>()?;
        let call = Call::new(ops::parse(op, attributes)?, &inputs)?;
        let sizes = |sizes: &[usize]| sizes.iter().map(|&n| n as u32).collect();
        let reads = call.reads();
        let prepared = PreparedCall {
            id: self.calls.len() as u32,
            dtype: call.output().dtype.code(),
            shape: sizes(&call.output().shape),
            strides: call.alias().map(|layout| sizes(&layout.strides)),
            offset: call.alias().map(|layout| layout.offset as u32),
            reads_inputs: reads.inputs,
            reads_output: reads.output,
            differentiable: (0..inputs.len())
                .fold(0, |bits, i| bits | u32::from(call.differentiable(i)) << i),
        };
        self.calls.push(Rc::new(call));
        Ok(prepared)
    }

    /// Forgets all prepared calls: their numbers are given out anew.
    pub fn forget_prepared(&mut self) {
        self.calls.clear();
    }

    /// Runs the prepared call number `id`.
    ///
    /// # Safety
    /// What is lent is of the element types that the call was prepared for, and as [`Buffer::new`] asks.
    pub unsafe fn forward(
        &mut self,
        id: u32,
        output: Lent,
        inputs: impl ExactSizeIterator<Item = Result<Lent>>,
    ) -> Result<()> {
        let call = self.call(id)?;
        if call.input_count() != inputs.len() {
            return Err(Error::internal("forward: the prepared call has another number of inputs"));
        }
        // Empty or detached: any address that is aligned will do for no elements.
        let parts = |(data, length): Lent| if data.is_null() { (NOWHERE, 0) } else { (data, length) };
        // SAFETY: the caller promised it.
        unsafe {
            let inputs = inputs
                .enumerate()
                .map(|(i, input)| {
                    let (data, length) = parts(input?);
                    Ok(match call.input_dtype(i) {
                        DType::Float32 => Data::Real(slice::from_raw_parts(data.cast(), length)),
                        DType::Int32 => Data::Int(slice::from_raw_parts(data.cast(), length)),
                        DType::Uint8 | DType::Bool => Data::Byte(slice::from_raw_parts(data, length)),
                    })
                })
                .collect::<Result<SmallVec<[_; 8]>>>()?;
            let (data, length) = parts(output);
            let output = match call.output().dtype {
                DType::Float32 => DataMut::Real(slice::from_raw_parts_mut(data.cast(), length)),
                DType::Int32 => DataMut::Int(slice::from_raw_parts_mut(data.cast(), length)),
                DType::Uint8 | DType::Bool => DataMut::Byte(slice::from_raw_parts_mut(data, length)),
            };
            call.forward(&inputs, output, &mut self.arena)
        }
    }

    /// Differentiates a recorded chain of calls.
    ///
    /// `program` is [number of nodes, (call, number of inputs, values…, value of the result)…, number of leaves,
    /// (value, 1 to add or 0 to write)…]; `values` holds the elements of those values that are read, `None` for others;
    /// `dy` is the gradient of the last result; `grads` has a buffer for each leaf.
    pub fn backward(
        &mut self,
        program: &Buffer,
        values: &[Option<Buffer>],
        dy: &Buffer,
        grads: &mut [Buffer],
    ) -> Result<()> {
        let mut reader = Reader(program.ints()?.iter());
        let value = |n: usize| {
            if n < values.len() { Ok(n) } else { Err(Error::internal("backward: no such value")) }
        };
        let nodes = (0..reader.next()?)
            .map(|_| {
                let call = self.call(reader.next()? as u32)?;
                let count = reader.next()?;
                let inputs = (0..count).map(|_| value(reader.next()?)).collect::<Result<Vec<_>>>()?;
                Ok(Node { call, inputs, output: value(reader.next()?)? })
            })
            .collect::<Result<Vec<_>>>()?;
        let read = values
            .iter()
            .map(|buffer| buffer.as_ref().map_or(Ok(Data::Real(&[])), Buffer::data))
            .collect::<Result<Vec<_>>>()?;
        expect_apart(
            (values.iter().flatten().map(|value| (value.range(), false)))
                .chain([(dy.range(), false)])
                .chain(grads.iter().map(|grad| (grad.range(), true)))
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
        graph::backward(&nodes, &read, dy.floats()?, &mut leaves, &mut self.arena)
    }
}
