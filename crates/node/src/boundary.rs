//! What crosses into JavaScript: results, or errors with a code. Never a panic.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ferrograd_core::{Error, ErrorKind, Result};

/// The status of an error: its code, from which `src/errors.ts` makes the class.
pub type Code = &'static str;

/// Runs the body of an export. A panic is a defect of ours: it becomes an error too, and the process goes on.
pub fn guard<R>(body: impl FnOnce() -> Result<R>) -> napi::Result<R, Code> {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(Error { kind, message })) => Err(napi::Error::new(kind.code(), message)),
        Err(panic) => {
            let what = panic.downcast_ref::<String>().map(String::as_str);
            let what = what.or(panic.downcast_ref::<&str>().copied()).unwrap_or("unknown panic");
            Err(napi::Error::new(
                ErrorKind::Internal.code(),
                format!("a defect in ferrograd, please report it: {what}"),
            ))
        }
    }
}
