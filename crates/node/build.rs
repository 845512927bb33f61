//! Tells the linker that Node.js, not a library, provides the Node-API symbols, and that the addon stays loaded.

use std::env;

fn main() {
    napi_build::setup();
    // Node.js unloads an addon with the last worker that has it, but the pool's threads still run its code then. On
    // Windows `resident` sees to this; macOS unloads no library that has thread-local values with destructors.
    let unix =
        env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| ["linux", "android", "freebsd"].contains(&&*os));
    if unix {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
