//! What comes out of a call beside arrays: bytes that the host reads.

use std::cell::RefCell;
use std::panic;

use ferrograd_core::{Error, ErrorKind, Result};

thread_local! {
    static RESULT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

fn set(bytes: Vec<u8>) {
    RESULT.with_borrow_mut(|result| *result = bytes);
}

fn set_error(code: &str, message: &str) {
    set(format!("{code}\n{message}").into_bytes());
}

/// Runs the body of an export: true, and there are its bytes; or false, and there are code and message of the error.
pub fn guard(body: impl FnOnce() -> Result<Vec<u8>>) -> bool {
    match body() {
        Ok(bytes) => {
            set(bytes);
            true
        }
        Err(Error { kind, message }) => {
            set_error(kind.code(), &message);
            false
        }
    }
}

/// As [`guard`], for what gives nothing beside arrays.
pub fn run(body: impl FnOnce() -> Result<()>) -> bool {
    match body() {
        Ok(()) => true,
        Err(error) => guard(|| Err(error)),
    }
}

/// What an export gives as JSON.
pub fn json(value: &impl serde::Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|e| Error::internal(e.to_string()))
}

/// What the standard library says of more memory than there can be: no defect, a call that needs too much.
const TOO_MUCH: &str = "capacity overflow";

/// A panic ends in a trap, after which nothing can be relied on: it leaves its message for whoever reports it.
pub fn report_panics() {
    panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let message = payload.downcast_ref::<String>().map(String::as_str);
        let message = message.or(payload.downcast_ref::<&str>().copied()).unwrap_or("unknown panic");
        let message = match message {
            TOO_MUCH => "a call needs more than the 4 GB of memory that WebAssembly has".to_string(),
            _ => format!("a defect in ferrograd, please report it: {message}"),
        };
        set_error(ErrorKind::Internal.code(), &message);
    }));
}

/// Where the bytes are, until the next call.
#[unsafe(no_mangle)]
pub extern "C" fn result_address() -> *const u8 {
    RESULT.with_borrow(|result| result.as_ptr())
}

/// How many there are.
#[unsafe(no_mangle)]
pub extern "C" fn result_length() -> usize {
    RESULT.with_borrow(Vec::len)
}
