//! The WebAssembly binding: converts arguments, calls the core, hands over results and errors. Nothing here computes.
//!
//! It speaks plain numbers and imports nothing, so that it runs wherever there is WebAssembly. `src/wasm.ts`, the only
//! one to call it, copies each array into [`arena`] memory and describes it by an [`Entry`]; what was written it copies
//! back. Every export that can fail returns whether it did: [`result_address`] then has code and message, and after a
//! success what the export gives beside arrays.

mod arena;
mod boundary;
mod calls;
mod exports;
mod session;
