//! The WebAssembly binding: converts arguments, calls the core, hands over results and errors. Nothing here computes.
//!
//! It speaks plain numbers and imports nothing but a clock, so that it runs wherever there is WebAssembly. `src/wasm/`,
//! the only one to call it, copies each array into [`arena`] memory and describes it by an [`Entry`](arena::Entry); what
//! was written it copies back. Every export that can fail returns whether it did: [`boundary::result_address`] then has
//! code and message, and after a success what the export gives beside arrays.

mod arena;
mod boundary;
mod calls;
mod exports;
mod session;
