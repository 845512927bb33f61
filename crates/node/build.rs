//! Tells the linker that Node.js, not a library, provides the Node-API symbols.

fn main() {
    napi_build::setup();
}
