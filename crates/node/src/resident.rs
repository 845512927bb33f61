//! Windows: keeps this library loaded until the process ends.

use std::ffi::c_void;
use std::ptr;

#[link(name = "kernel32")]
unsafe extern "system" {
    fn GetModuleHandleExW(flags: u32, name: *const u16, module: *mut *mut c_void) -> i32;
}

const PIN: u32 = 1;
/// The name is an address within the library.
const FROM_ADDRESS: u32 = 4;

/// Node.js unloads an addon with the last worker that has it, but the pool's threads still run its code then.
pub fn stay_loaded() {
    let mut module = ptr::null_mut();
    let address: *const u16 = (stay_loaded as fn() as *const ()).cast();
    // SAFETY: the address lies in this library, and `module` has room for a handle. If it failed, unloading would be as
    // it was before.
    unsafe { GetModuleHandleExW(PIN | FROM_ADDRESS, address, &raw mut module) };
}
