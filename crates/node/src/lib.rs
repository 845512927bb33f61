//! The Node.js binding: converts arguments, calls the core, maps errors.

use napi_derive::napi;

/// The version of the native code.
#[napi]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
