//! Operations: prepared once, then run.

use std::cell::RefCell;

use ferrograd_core::host::Engine;

use crate::arena::{Arguments, Entry, too_few};
use crate::boundary::{guard, json, run};

thread_local! {
    static ENGINE: RefCell<Engine> = RefCell::default();
}

/// Arrays: the operation's name, its attributes, [dtype, dimensions, sizes…, strides…]… of `count` inputs. Gives JSON.
///
/// # Safety
/// As [`Arguments::new`] asks; so for all exports that take a table.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn prepare(table: *const Entry, count: u32) -> bool {
    guard(|| {
        // SAFETY: the host promised it.
        let mut arguments = unsafe { Arguments::new(table, 3) };
        let (op, attributes, inputs) = (arguments.text()?, arguments.text()?, arguments.one()?);
        let call = ENGINE.with_borrow_mut(|engine| engine.prepare(&op, &attributes, count, &inputs))?;
        json(&call)
    })
}

/// Forgets all prepared calls: their numbers are given out anew.
#[unsafe(no_mangle)]
pub extern "C" fn forget_prepared() {
    ENGINE.with_borrow_mut(Engine::forget_prepared);
}

/// Arrays: the inputs, the output; `count` in all, of the types that the call was prepared for.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn forward(id: u32, table: *const Entry, count: usize) -> bool {
    run(|| {
        // SAFETY: the host promised it.
        let entries = unsafe { Arguments::entries(table, count) };
        let (output, inputs) = entries.split_last().ok_or_else(too_few)?;
        // SAFETY: `src/engine.ts` passes the arrays of the tensors whose types it prepared the call for.
        ENGINE.with_borrow_mut(|engine| unsafe {
            engine.forward(id, output.lent(), inputs.iter().map(|input| Ok(input.lent())))
        })
    })
}

/// Arrays: the program, the gradient of the last result, `values` that may be left empty, `grads`.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn backward(table: *const Entry, values: usize, grads: usize) -> bool {
    run(|| {
        // SAFETY: the host promised it.
        let mut arguments = unsafe { Arguments::new(table, 2 + values + grads) };
        let (program, dy) = (arguments.one()?, arguments.one()?);
        let (values, mut grads) = (arguments.some(values), arguments.many(grads)?);
        ENGINE.with_borrow_mut(|engine| engine.backward(&program, &values, &dy, &mut grads))
    })
}
