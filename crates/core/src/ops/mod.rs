//! Operations: one file each, and the table that lists them.
//!
//! To add one: write `ops/<name>.rs` with a struct whose fields are the attributes, implement
//! [`UnaryFunction`], [`BinaryFunction`] or [`Operation`] for it and give `samples`; add its line to the table below.
//! The generic tests then cover it: central differences, broadcasting, strided inputs, the same tensor twice, threads.

pub mod binary;
pub mod class_loss;
pub(crate) mod convert;
pub mod index;
pub mod loss;
mod number;
pub mod operation;
pub mod pointwise_loss;
pub mod query;
pub mod reduction;
pub mod row_map;
pub mod unary;

use std::fmt::Debug;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::dtype::TensorType;
use crate::error::{Error, Result};
use crate::real::Real;

pub use binary::{Binary, BinaryFunction};
pub use class_loss::{ClassFunction, ClassLoss};
pub use comparison::{Comparison, Relation};
pub use operation::{Class, Grad, Operation, Reads, Signature};
pub use pointwise_loss::{PointwiseFunction, PointwiseLoss};
pub use query::{Query, RowQuery};
pub use reduction::{ColumnFunction, Dims, Reduction, RowFunction};
pub use row_map::{RowMap, RowMapFunction};
pub use unary::{Unary, UnaryFunction};

/// What the table knows of an operation, whatever the element type.
pub trait Named {
    /// The name: in errors, in graphs, and towards the TypeScript side.
    const NAME: &'static str;

    /// Small inputs that show everything the operation can do, for the generic tests.
    #[cfg(test)]
    fn samples() -> Vec<samples::Sample>;
}

#[cfg(test)]
pub mod samples;
#[cfg(test)]
mod tests;

/// `Exp => Unary, exp, "exp"`: the type, how it becomes an [`Operation`], its module and its name. A module of several
/// operations has one line: the types first, the names last.
macro_rules! ops {
    ($($($type:ident),+ => $kind:ident, $module:ident, $($name:literal),+;)*) => {
        $(mod $module;)*
        $($(pub use $module::$type;)+)*

        /// The names of all operations.
        pub const NAMES: &[&str] = &[$($($name),+),*];

        /// The operation with this name and these attributes, a JSON object.
        pub fn parse<T: Real>(name: &str, attributes: &str) -> Result<Arc<dyn Operation<T>>> {
            match name {
                $($($name => Ok(Arc::new(ops!(@wrap $kind, attributes_of::<$type>(name, attributes)?))),)+)*
                _ => Err(Error::argument(format!("there is no operation named {name:?}"))),
            }
        }

        /// Every operation with its samples.
        #[cfg(test)]
        pub fn all_samples() -> Vec<(&'static str, Vec<samples::Sample>)> {
            vec![$($(($name, <$type as Named>::samples())),+),*]
        }

        /// The names of the operations of a kind.
        #[cfg(test)]
        pub fn names_of(kind: &str) -> Vec<&'static str> {
            let all = [$($(($name, stringify!($kind))),+),*];
            all.iter().filter(|(_, k)| *k == kind).map(|(name, _)| *name).collect()
        }

        $($(const _: () = assert!(same(<$type as Named>::NAME.as_bytes(), $name.as_bytes()));)+)*
    };
    (@wrap Operation, $op:expr) => { $op };
    (@wrap $kind:ident, $op:expr) => { $kind($op) };
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

ops! {
    Add => Binary, add, "add";
    Sub => Binary, sub, "sub";
    Mul => Binary, mul, "mul";
    Div => Binary, div, "div";
    Maximum => Binary, maximum, "maximum";
    Minimum => Binary, minimum, "minimum";
    Pow => Operation, pow, "pow";
    Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual => Comparison, comparison,
        "eq", "ne", "lt", "le", "gt", "ge";
    Where => Operation, select, "where";
    Neg => Unary, neg, "neg";
    Abs => Unary, abs, "abs";
    Reciprocal => Unary, reciprocal, "reciprocal";
    Square => Unary, square, "square";
    Sqrt => Unary, sqrt, "sqrt";
    Exp => Unary, exp, "exp";
    Log => Unary, log, "log";
    Sin => Unary, sin, "sin";
    Cos => Unary, cos, "cos";
    Tanh => Unary, tanh, "tanh";
    Sigmoid => Unary, sigmoid, "sigmoid";
    Relu => Unary, relu, "relu";
    LeakyRelu => Unary, leaky_relu, "leakyRelu";
    Gelu => Operation, gelu, "gelu";
    Silu => Unary, silu, "silu";
    Clamp => Unary, clamp, "clamp";
    Cast => Operation, cast, "cast";
    Dropout => Operation, dropout, "dropout";
    View => Operation, view, "view";
    Expand => Operation, expand, "expand";
    Slice => Operation, slice, "slice";
    Squeeze => Operation, squeeze, "squeeze";
    Unsqueeze => Operation, unsqueeze, "unsqueeze";
    Permute => Operation, permute, "permute";
    Contiguous => Operation, contiguous, "contiguous";
    Cat => Operation, cat, "cat";
    IndexSelect => Operation, index_select, "indexSelect";
    Gather => Operation, gather, "gather";
    OneHot => Operation, one_hot, "oneHot";
    Sum => Reduction, sum, "sum";
    Mean => Reduction, mean, "mean";
    Prod => Reduction, prod, "prod";
    Max, Min => Reduction, extremum, "max", "min";
    Var => Reduction, var, "var";
    LogSumExp => Reduction, log_sum_exp, "logSumExp";
    Argmax, Argmin => Query, arg_extremum, "argmax", "argmin";
    Any, All => Query, any_all, "any", "all";
    Softmax, LogSoftmax => RowMap, softmax, "softmax", "logSoftmax";
    Matmul => Operation, matmul, "matmul";
    Linear => Operation, linear, "linear";
    CrossEntropy => ClassLoss, cross_entropy, "crossEntropy";
    NllLoss => ClassLoss, nll_loss, "nllLoss";
    MseLoss => PointwiseLoss, mse_loss, "mseLoss";
}

/// By way of a JSON value: a parser of text for each operation takes 20 kB more of the binary.
fn attributes_of<A: DeserializeOwned + Debug>(name: &str, attributes: &str) -> Result<A> {
    let value = json(attributes).and_then(A::deserialize);
    value.map_err(|e| refused(name, &e))
}

#[inline(never)]
fn json(attributes: &str) -> serde_json::Result<Value> {
    serde_json::from_str(attributes)
}

#[inline(never)]
fn refused(name: &str, error: &serde_json::Error) -> Error {
    // Where in the JSON it was is of no use to whoever called a method.
    let message = error.to_string();
    let reason = message.split(" at line ").next().unwrap_or(&message);
    Error::argument(format!("{name}: {reason}"))
}

/// Exactly `N` inputs.
pub fn expect_inputs<'a, const N: usize>(
    name: &str,
    inputs: &'a [TensorType],
) -> Result<&'a [TensorType; N]> {
    inputs
        .try_into()
        .map_err(|_| Error::argument(format!("{name}: expected {N} inputs, got {}", inputs.len())))
}
