//! Compiled plans. The host runs an epoch in slices, since there is no other thread to run it on.

use std::cell::RefCell;

use ferrograd_core::host::session::{self, Inference, Summary};
use ferrograd_core::plan::{Control, Epoch, Outcome, Session};
use ferrograd_core::{Error, Result, roofline};

use crate::arena::{Arguments, Entry};
use crate::boundary::{guard, json, run};

/// Things that the host knows by number, until it lets go of them.
struct Numbered<T>(Vec<Option<T>>);

impl<T> Numbered<T> {
    fn add(&mut self, item: T) -> usize {
        let free = self.0.iter().position(Option::is_none).unwrap_or_else(|| {
            self.0.push(None);
            self.0.len() - 1
        });
        self.0[free] = Some(item);
        free
    }

    fn get(&mut self, number: usize) -> Result<&mut T> {
        let item = self.0.get_mut(number).and_then(Option::as_mut);
        item.ok_or_else(|| Error::state("the session is closed"))
    }

    fn remove(&mut self, number: usize) {
        if let Some(item) = self.0.get_mut(number) {
            *item = None;
        }
    }
}

thread_local! {
    static SESSIONS: RefCell<Numbered<Session>> = const { RefCell::new(Numbered(Vec::new())) };
    static INFERENCES: RefCell<Numbered<Inference>> = const { RefCell::new(Numbered(Vec::new())) };
}

/// What `body` makes of a session.
fn with<R>(number: usize, body: impl FnOnce(&mut Session) -> Result<R>) -> Result<R> {
    SESSIONS.with_borrow_mut(|sessions| body(sessions.get(number)?))
}

/// Array: how many elements each parameter has. Gives the session's number.
///
/// # Safety
/// As [`Arguments::new`] asks; so for all exports that take a table.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn session_create(table: *const Entry) -> bool {
    guard(|| {
        // SAFETY: the host promised it.
        let session = session::create(&unsafe { Arguments::new(table, 1) }.one()?)?;
        json(&SESSIONS.with_borrow_mut(|sessions| sessions.add(session)))
    })
}

/// Lets go of a session.
#[unsafe(no_mangle)]
pub extern "C" fn session_free(number: usize) {
    SESSIONS.with_borrow_mut(|sessions| sessions.remove(number));
}

/// Arrays: the program, its constants. Gives the plan's number.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn session_compile(number: usize, table: *const Entry, constants: usize) -> bool {
    guard(|| {
        // SAFETY: the host promised it.
        let mut arguments = unsafe { Arguments::new(table, 1 + constants) };
        let (program, constants) = (arguments.text()?, arguments.many(constants)?);
        json(&with(number, |session| session::compile(session, &program, &constants))?)
    })
}

/// Array: what the fields of data are, as JSON. Makes room for them; gives the number of the data.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn session_add_data(number: usize, table: *const Entry) -> bool {
    guard(|| {
        // SAFETY: the host promised it.
        let fields = unsafe { Arguments::new(table, 1) }.text()?;
        json(&with(number, |session| session::add_data(session, &fields))?)
    })
}

/// Array: the next elements of a field of data, which are copied.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn session_append_data(
    number: usize,
    table: *const Entry,
    data: u32,
    field: u32,
) -> bool {
    run(|| {
        // SAFETY: the host promised it.
        let elements = unsafe { Arguments::new(table, 1) }.one()?;
        with(number, |session| session::append_data(session, data, field, &elements))
    })
}

/// Array: the optimizer, as JSON.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn session_set_optimizer(number: usize, table: *const Entry) -> bool {
    run(|| {
        // SAFETY: the host promised it.
        let optimizer = unsafe { Arguments::new(table, 1) }.text()?;
        with(number, |session| session::set_optimizer(session, &optimizer))
    })
}

/// Arrays: earlier steps, values of the parameters, of the optimizer's buffers.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn session_write(
    number: usize,
    table: *const Entry,
    parameters: usize,
    buffers: usize,
) -> bool {
    run(|| {
        // SAFETY: the host promised it.
        let mut arguments = unsafe { Arguments::new(table, 1 + parameters + buffers) };
        let steps = arguments.one()?;
        let (parameters, buffers) = (arguments.many(parameters)?, arguments.many(buffers)?);
        with(number, |session| session::write(session, &parameters, &buffers, &steps))
    })
}

/// Arrays to be written: as of [`session_write`].
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn session_read(
    number: usize,
    table: *const Entry,
    parameters: usize,
    buffers: usize,
) -> bool {
    run(|| {
        // SAFETY: the host promised it.
        let mut arguments = unsafe { Arguments::new(table, 1 + parameters + buffers) };
        let mut steps = arguments.one()?;
        let (mut parameters, mut buffers) = (arguments.many(parameters)?, arguments.many(buffers)?);
        with(number, |session| session::read(session, &mut parameters, &mut buffers, &mut steps))
    })
}

/// Copies the losses into the array for them; the rest as JSON.
fn report(outcome: Outcome, losses: &mut [f32]) -> Result<Vec<u8>> {
    let (made, summary): (_, Summary) = session::summary(outcome);
    for (to, loss) in losses.iter_mut().zip(made) {
        *to = loss;
    }
    json(&summary)
}

/// Runs a slice of an epoch, of which `done` steps have been run. Arrays: the plans, the slice of the order, the words of
/// the seed, and for the losses one with a place for each step. Gives JSON.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn session_run(
    number: usize,
    table: *const Entry,
    data: usize,
    batch: usize,
    done: u32,
    allow_non_finite: u32,
) -> bool {
    guard(|| {
        // SAFETY: the host promised it.
        let mut arguments = unsafe { Arguments::new(table, 4) };
        let plans = session::plans(&arguments.one()?)?;
        let (order, seed, mut losses) = (arguments.one()?, arguments.one()?, arguments.one()?);
        let mut manner = session::manner(&seed, allow_non_finite != 0)?;
        let epoch = Epoch { plans, data, order: order.ints()?, batch };
        let outcome = with(number, |session| {
            manner.streams.first += u64::from(done) * session.streams(plans.0) as u64;
            session.run(&epoch, manner, &Control::default())
        })?;
        report(outcome, losses.floats_mut()?)
    })
}

/// Runs one batch of `samples`. Arrays: the words of the seed, `inputs`, and one with a place for the loss. Gives JSON.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn session_step(
    number: usize,
    table: *const Entry,
    plan: usize,
    inputs: usize,
    samples: usize,
    allow_non_finite: u32,
) -> bool {
    guard(|| {
        // SAFETY: the host promised it.
        let mut arguments = unsafe { Arguments::new(table, 2 + inputs) };
        let manner = session::manner(&arguments.one()?, allow_non_finite != 0)?;
        let (inputs, mut losses) = (arguments.many(inputs)?, arguments.one()?);
        let inputs = session::all_data(&inputs)?;
        let control = Control::default();
        let outcome = with(number, |session| session.step(plan, &inputs, samples, manner, &control))?;
        report(outcome, losses.floats_mut()?)
    })
}

/// Arrays: `inputs`. Gives the bytes of the output, which are floats.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn session_predict(
    number: usize,
    table: *const Entry,
    plan: usize,
    inputs: usize,
) -> bool {
    guard(|| {
        // SAFETY: the host promised it.
        let inputs = unsafe { Arguments::new(table, inputs) }.many(inputs)?;
        let output = with(number, |session| session.predict(plan, &session::all_data(&inputs)?))?;
        Ok(output.iter().flat_map(|x| x.to_le_bytes()).collect())
    })
}

/// Gives what a plan does, as JSON.
#[unsafe(no_mangle)]
pub extern "C" fn session_explain(number: usize, plan: u32) -> bool {
    guard(|| with(number, |session| session::explain(session, plan)).map(String::into_bytes))
}

/// Gives the floating-point operations a second that this machine reaches.
#[unsafe(no_mangle)]
pub extern "C" fn peak(threads: usize) -> bool {
    guard(|| json(&roofline::peak(threads)))
}

/// Arrays: the program, its constants. Gives the number of a plan for predictions.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn inference_compile(table: *const Entry, constants: usize) -> bool {
    guard(|| {
        // SAFETY: the host promised it.
        let mut arguments = unsafe { Arguments::new(table, 1 + constants) };
        let inference = Inference::compile(&arguments.text()?, &arguments.many(constants)?)?;
        json(&INFERENCES.with_borrow_mut(|inferences| inferences.add(inference)))
    })
}

/// Lets go of it.
#[unsafe(no_mangle)]
pub extern "C" fn inference_free(number: usize) {
    INFERENCES.with_borrow_mut(|inferences| inferences.remove(number));
}

/// Arrays: `parameters`, which are copied; without any, those that it has are let go of.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn inference_keep(number: usize, table: *const Entry, parameters: usize) -> bool {
    run(|| {
        // SAFETY: the host promised it.
        let parameters = unsafe { Arguments::new(table, parameters) }.many(parameters)?;
        INFERENCES.with_borrow_mut(|all| all.get(number)?.keep(&parameters))
    })
}

/// Arrays: `inputs`, `parameters`, the output. Without parameters it computes with those that it keeps.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn inference_run(
    number: usize,
    table: *const Entry,
    inputs: usize,
    parameters: usize,
) -> bool {
    run(|| {
        // SAFETY: the host promised it.
        let mut arguments = unsafe { Arguments::new(table, inputs + parameters + 1) };
        let (inputs, parameters) = (arguments.many(inputs)?, arguments.many(parameters)?);
        let mut output = arguments.one()?;
        INFERENCES.with_borrow_mut(|all| all.get(number)?.run(&inputs, &parameters, &mut output))
    })
}
