//! The export that runs a prepared call: a small operation spends most of its time in crossing the boundary, so this one
//! is written against Node-API itself. It does what `#[napi]` would, less what an eager operation does not need.

use std::ffi::CString;
use std::ptr;

use ferrograd_core::host::Lent;
use ferrograd_core::{Error, Result};
use napi::bindgen_prelude::Object;
use napi::{Env, JsValue, sys};
use napi_derive::napi;
use smallvec::SmallVec;

use crate::boundary::guard;
use crate::engine::ENGINE;

/// Most operations have no more arguments: the number, the output and the inputs.
const USUAL: usize = 8;

/// Adds `forward(id, output, ...inputs)` to the exports.
#[napi(module_exports)]
pub fn init(exports: Object, env: Env) -> napi::Result<()> {
    let mut function = ptr::null_mut();
    // SAFETY: the environment is alive, the name has the length given, and `forward` fits the signature.
    let status = unsafe {
        sys::napi_create_function(
            env.raw(),
            c"forward".as_ptr(),
            7,
            Some(forward),
            ptr::null_mut(),
            &mut function,
        )
    };
    napi::check_status!(status)?;
    // SAFETY: both values belong to this environment and are alive while the module is initialised.
    let status =
        unsafe { sys::napi_set_named_property(env.raw(), exports.raw(), c"forward".as_ptr(), function) };
    napi::check_status!(status)
}

/// Runs prepared call number `id` on `inputs` and fills `output`. Each is the array of a tensor, and has the element type
/// that the call was prepared for.
unsafe extern "C" fn forward(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node-API calls with a live environment and the information of this very call.
    if let Err(error) = guard(|| unsafe { run(env, info) }) {
        // Neither can hold a zero byte but by a mistake; the message is worth less than the process.
        let message = CString::new(error.reason.as_bytes()).unwrap_or_default();
        let code = CString::new(error.status).unwrap_or_default();
        // SAFETY: both are strings that end with zero.
        unsafe { sys::napi_throw_error(env, code.as_ptr(), message.as_ptr()) };
    }
    ptr::null_mut()
}

/// # Safety
/// `env` and `info` are those that Node-API called with.
unsafe fn run(env: sys::napi_env, info: sys::napi_callback_info) -> Result<()> {
    let mut arguments: SmallVec<[sys::napi_value; USUAL]> = SmallVec::from_elem(ptr::null_mut(), USUAL);
    let mut count = USUAL;
    // SAFETY: there is room for `count` arguments; `count` becomes the number that there are.
    unsafe {
        sys::napi_get_cb_info(
            env,
            info,
            &mut count,
            arguments.as_mut_ptr(),
            ptr::null_mut(),
            ptr::null_mut(),
        );
        if count > USUAL {
            arguments.resize(count, ptr::null_mut());
            sys::napi_get_cb_info(
                env,
                info,
                &mut count,
                arguments.as_mut_ptr(),
                ptr::null_mut(),
                ptr::null_mut(),
            );
        }
    }
    arguments.truncate(count);
    let [id, output, inputs @ ..] = &arguments[..] else { return Err(wrong()) };
    let mut number = 0;
    // SAFETY: a live environment and value.
    if unsafe { sys::napi_get_value_uint32(env, *id, &mut number) } != sys::Status::napi_ok {
        return Err(wrong());
    }
    // SAFETY: `src/engine.ts` passes the arrays of the tensors whose types it prepared the call for; JavaScript waits
    // for this call, so the memory stays where it is, and a result's array is not among the inputs.
    ENGINE.with_borrow_mut(|engine| unsafe {
        engine.forward(number, array(env, *output)?, inputs.iter().map(|&input| array(env, input)))
    })
}

fn wrong() -> Error {
    Error::internal("forward: expected the number of a prepared call, an output and its inputs")
}

/// Address and length of a typed array. Its element type is not asked for: finding it out is what takes longest.
///
/// # Safety
/// `env` is alive, and `value` belongs to it.
unsafe fn array(env: sys::napi_env, value: sys::napi_value) -> Result<Lent> {
    let (mut data, mut length) = (ptr::null_mut(), 0);
    // SAFETY: Node-API leaves out what a null pointer is given for.
    let status = unsafe {
        sys::napi_get_typedarray_info(
            env,
            value,
            ptr::null_mut(),
            &mut length,
            &mut data,
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    if status != sys::Status::napi_ok {
        return Err(wrong());
    }
    Ok((data.cast(), length))
}
