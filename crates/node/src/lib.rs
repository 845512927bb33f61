//! The Node.js binding: converts arguments, calls the core, maps errors. Nothing here computes.
//!
//! Only `src/native.ts` imports it; `src/binding.ts` describes it to TypeScript.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod allocator;
mod boundary;
mod buffers;
mod data;
mod engine;
mod forward;
mod io;
mod optim;
mod random;
#[cfg(windows)]
mod resident;
mod session;

use ferrograd_core::kernels::isa::isa_checked;
use ferrograd_core::pool;
use napi_derive::napi;

use boundary::{Code, guard};

/// The version of the native code.
#[napi]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// To be called once, before anything else is; an error where `FERROGRAD_ISA` or `FERROGRAD_NUM_THREADS` asks for what
/// there is not.
#[napi]
pub fn initialize() -> napi::Result<(), Code> {
    guard(|| {
        #[cfg(windows)]
        resident::stay_loaded();
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        allocator::expect_large_blocks();
        isa_checked()?;
        pool::default_num_threads()?;
        Ok(())
    })
}

/// The instruction set in use; an error where `FERROGRAD_ISA` names one that this machine does not have.
#[napi]
pub fn isa() -> napi::Result<String, Code> {
    guard(|| Ok(isa_checked()?.name().to_string()))
}

/// The number of threads that computations are cut for.
#[napi]
pub fn get_num_threads() -> u32 {
    pool::get_num_threads() as u32
}

/// Sets the number of threads, from 1 on.
#[napi]
pub fn set_num_threads(threads: u32) -> napi::Result<(), Code> {
    guard(|| pool::set_num_threads(threads as usize))
}
