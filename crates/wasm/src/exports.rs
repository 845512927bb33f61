//! All exports but those of operations: a line each for what the core does.

use ferrograd_core::host::safetensors::NamedTensor;
use ferrograd_core::host::{Buffer, data, optim, random, safetensors};
use ferrograd_core::kernels::isa::{initialize_isa, isa};
use ferrograd_core::{Error, Result, pool};
use serde::de::DeserializeOwned;

use crate::arena::{Arguments, Entry};
use crate::boundary::{guard, json, report_panics, run};

/// To be called first. Arrays: what the environment has as `FERROGRAD_ISA` and `FERROGRAD_NUM_THREADS`.
///
/// # Safety
/// As [`Arguments::new`] asks; so for all exports that take a table.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn initialize(table: *const Entry) -> bool {
    report_panics();
    run(|| {
        // SAFETY: the host promised it.
        let mut arguments = unsafe { Arguments::new(table, 2) };
        initialize_isa(&arguments.text()?)?;
        pool::initialize_num_threads(&arguments.text()?)?;
        Ok(())
    })
}

/// Gives the version.
#[unsafe(no_mangle)]
pub extern "C" fn version() -> bool {
    guard(|| Ok(env!("CARGO_PKG_VERSION").into()))
}

/// Gives the name of the instruction set in use.
#[unsafe(no_mangle)]
pub extern "C" fn instruction_set() -> bool {
    guard(|| Ok(isa().name().into()))
}

/// The number of lanes that work is cut into; here they run one after the other.
#[unsafe(no_mangle)]
pub extern "C" fn get_num_threads() -> usize {
    pool::get_num_threads()
}

/// Sets it.
#[unsafe(no_mangle)]
pub extern "C" fn set_num_threads(threads: usize) -> bool {
    run(|| pool::set_num_threads(threads))
}

/// Arrays: the rule's name, its options, earlier steps, a gradient for each of `params`, these, `buffers`.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn optimizer_step(table: *const Entry, params: usize, buffers: usize) -> bool {
    run(|| {
        // SAFETY: the host promised it.
        let mut arguments = unsafe { Arguments::new(table, 3 + 2 * params + buffers) };
        let (rule, options, steps) = (arguments.text()?, arguments.text()?, arguments.one()?);
        let (grads, mut params) = (arguments.many(params)?, arguments.many(params)?);
        optim::step(&rule, &options, &mut params, &grads, &mut arguments.many(buffers)?, &steps)
    })
}

/// Lets `body` write the only array of a call.
///
/// # Safety
/// As above.
unsafe fn fill(table: *const Entry, body: impl FnOnce(&mut Buffer) -> Result<()>) -> bool {
    // SAFETY: the caller promised it.
    run(|| body(&mut unsafe { Arguments::new(table, 1) }.one()?))
}

/// Array: the one to fill.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fill_uniform(
    table: *const Entry,
    seed: f64,
    stream: f64,
    low: f64,
    high: f64,
) -> bool {
    // SAFETY: the host promised it.
    unsafe { fill(table, |out| random::fill_uniform(out, seed, stream, low, high)) }
}

/// Array: the one to fill.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fill_normal(
    table: *const Entry,
    seed: f64,
    stream: f64,
    mean: f64,
    deviation: f64,
) -> bool {
    // SAFETY: the host promised it.
    unsafe { fill(table, |out| random::fill_normal(out, seed, stream, mean, deviation)) }
}

/// Array: the one to fill.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fill_integers(
    table: *const Entry,
    seed: f64,
    stream: f64,
    low: i32,
    high: i32,
) -> bool {
    // SAFETY: the host promised it.
    unsafe { fill(table, |out| random::fill_integers(out, seed, stream, low, high)) }
}

/// Array: the one to fill.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fill_permutation(table: *const Entry, seed: f64, stream: f64) -> bool {
    // SAFETY: the host promised it.
    unsafe { fill(table, |out| random::fill_permutation(out, seed, stream)) }
}

/// Arrays: the rows, their order, the output.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gather_rows(table: *const Entry, row: usize) -> bool {
    run(|| {
        // SAFETY: the host promised it.
        let mut arguments = unsafe { Arguments::new(table, 3) };
        let (rows, order) = (arguments.one()?, arguments.one()?);
        data::gather_rows(&rows, row, (&order, None), &mut arguments.one()?)
    })
}

/// Arrays: the images, their order, means and standard deviations, the output.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gather_images(table: *const Entry, row: usize, divide: f64) -> bool {
    run(|| {
        // SAFETY: the host promised it.
        let mut arguments = unsafe { Arguments::new(table, 5) };
        let (images, order) = (arguments.one()?, arguments.one()?);
        let (mean, std) = (arguments.one()?, arguments.one()?);
        data::gather_images(&images, row, (&order, None), divide, &mean, &std, &mut arguments.one()?)
    })
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| Error::internal(e.to_string()))
}

/// Arrays: the tensors and the metadata as JSON, the elements of `count` tensors. Gives the file.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn write_safetensors(table: *const Entry, count: usize) -> bool {
    guard(|| {
        // SAFETY: the host promised it.
        let mut arguments = unsafe { Arguments::new(table, 2 + count) };
        let tensors: Vec<NamedTensor> = from_json(&arguments.text()?)?;
        let metadata = from_json(&arguments.text()?)?;
        safetensors::write(&tensors, &arguments.many(count)?, &metadata)
    })
}

/// Array: the file. Gives its header as JSON.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn parse_safetensors(table: *const Entry) -> bool {
    // SAFETY: the host promised it.
    guard(|| json(&safetensors::parse(&unsafe { Arguments::new(table, 1) }.one()?)?))
}

/// Arrays: the file, `count` outputs.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn read_safetensors(table: *const Entry, count: usize) -> bool {
    run(|| {
        // SAFETY: the host promised it.
        let mut arguments = unsafe { Arguments::new(table, 1 + count) };
        safetensors::read(&arguments.one()?, &mut arguments.many(count)?)
    })
}

/// Arrays: the images and the labels to write.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn synthetic_digits(table: *const Entry, seed: f64, first: f64) -> bool {
    run(|| {
        // SAFETY: the host promised it.
        let mut arguments = unsafe { Arguments::new(table, 2) };
        data::synthetic_digits(seed as u64, first as usize, &mut arguments.one()?, &mut arguments.one()?)
    })
}
