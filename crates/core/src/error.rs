//! Typed errors. Each carries a kind, which the TypeScript side maps to its class, and a message
//! that names the operation or layer, what came, what was expected and what to do.

use std::fmt;

/// What went wrong, in the words of the public API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Shapes that do not fit each other or the operation.
    Shape,
    /// An element type that the operation does not take.
    Dtype,
    /// An index, a label or a dimension out of range.
    Index,
    /// Any other argument that makes no sense.
    Argument,
    /// A call that does not fit the state of the object.
    State,
    /// Data that cannot be used: missing, empty, corrupt.
    Data,
    /// A file whose bytes do not follow its format.
    Format,
    /// A defect of ferrograd itself: an internal invariant that does not hold.
    Internal,
}

impl ErrorKind {
    /// The stable code by which programs recognise the error.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Shape => "ERR_SHAPE",
            Self::Dtype => "ERR_DTYPE",
            Self::Index => "ERR_INDEX",
            Self::Argument => "ERR_ARGUMENT",
            Self::State => "ERR_STATE",
            Self::Data => "ERR_DATA",
            Self::Format => "ERR_FORMAT",
            Self::Internal => "ERR_INTERNAL",
        }
    }
}

/// An error of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What went wrong.
    pub kind: ErrorKind,
    /// The full sentence for people.
    pub message: String,
}

/// The result of everything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! constructors {
    ($($name:ident => $kind:ident),* $(,)?) => {
        impl Error {
            $(
                #[doc = concat!("An error of kind [`ErrorKind::", stringify!($kind), "`].")]
                pub fn $name(message: impl Into<String>) -> Self {
                    Self { kind: ErrorKind::$kind, message: message.into() }
                }
            )*
        }
    };
}

constructors! {
    shape => Shape,
    dtype => Dtype,
    index => Index,
    argument => Argument,
    state => State,
    data => Data,
    format => Format,
    internal => Internal,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
