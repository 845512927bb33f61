//! Operations: prepared once for given types and layouts, then run on buffers.

use std::cell::RefCell;

use ferrograd_core::host::{self, Engine};
use napi_derive::napi;

use crate::boundary::{Code, guard};
use crate::buffers::{Borrowed, all, some};

thread_local! {
    /// What each JavaScript thread has of its own. Borrowed for the length of an export, none of which calls back into
    /// JavaScript.
    pub static ENGINE: RefCell<Engine> = RefCell::default();
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

impl From<host::PreparedCall> for PreparedCall {
    fn from(call: host::PreparedCall) -> Self {
        Self {
            id: call.id,
            dtype: call.dtype,
            shape: call.shape,
            strides: call.strides,
            offset: call.offset,
            reads_inputs: call.reads_inputs,
            reads_output: call.reads_output,
            differentiable: call.differentiable,
        }
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
        ENGINE
            .with_borrow_mut(|engine| engine.prepare(&op, &attributes, count, &inputs))
            .map(PreparedCall::from)
    })
}

/// Forgets all prepared calls: their numbers are given out anew.
#[napi]
pub fn forget_prepared() {
    ENGINE.with_borrow_mut(Engine::forget_prepared);
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
    grads: Vec<Borrowed>,
) -> napi::Result<(), Code> {
    guard(|| ENGINE.with_borrow_mut(|engine| engine.backward(&program, &some(values), &dy, &mut all(grads))))
}
