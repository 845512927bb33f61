//! What was traced: leaves, and the operations on them.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::dtype::{DType, TensorType};
use crate::error::{Error, Result};
use crate::shape::Shape;

/// Where the values of a leaf come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LeafKind {
    /// From the batch.
    Input,
    /// From the model: what is learned.
    Parameter,
    /// From the trace: the same in every step.
    Constant,
    /// Four words that key a stream of random numbers, new ones in every step.
    Seed,
}

/// A value that no operation of the program makes. Row-major.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Leaf {
    /// Where it comes from.
    pub kind: LeafKind,
    /// Which of that kind.
    pub index: usize,
    dtype: String,
    shape: Vec<usize>,
    /// For a parameter, whether a gradient is wanted.
    #[serde(default)]
    pub trainable: bool,
}

impl Leaf {
    /// Its type.
    pub fn tensor_type(&self) -> Result<TensorType> {
        Ok(TensorType::new(DType::parse(&self.dtype)?, Shape::new(&self.shape)?))
    }
}

/// An operation with its attributes, a JSON object.
#[derive(Clone, Debug, Deserialize)]
pub struct Node {
    /// The name of the operation.
    pub op: String,
    /// What it was called with.
    pub attributes: Box<RawValue>,
    /// The numbers of its inputs.
    pub inputs: Vec<usize>,
    /// The places among its inputs through which no gradient flows, whatever the operation's derivative is.
    #[serde(default)]
    pub detached: Vec<usize>,
}

impl Node {
    /// The numbers of its inputs for the chain rule: those that are detached are `nowhere`.
    pub fn sources(&self, nowhere: usize) -> Vec<usize> {
        let source = |(place, &input)| if self.detached.contains(&place) { nowhere } else { input };
        self.inputs.iter().enumerate().map(source).collect()
    }
}

/// What is counted in each step.
#[derive(Clone, Debug, Deserialize)]
pub struct Metric {
    /// Which metric.
    pub name: MetricName,
    /// The number of the value that is judged.
    pub output: usize,
    /// The number of the value that it should be.
    pub target: usize,
}

/// The metrics that are known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MetricName {
    /// How many rows have their largest number at their label.
    Accuracy,
}

/// A traced computation. Values are numbered: leaves first, then the result of each node; inputs come before the node
/// that uses them.
#[derive(Clone, Debug, Deserialize)]
pub struct Program {
    /// The values that come from outside.
    pub leaves: Vec<Leaf>,
    /// The operations.
    pub nodes: Vec<Node>,
    /// The value that predictions are.
    pub output: Option<usize>,
    /// The value that training makes small: a scalar.
    pub loss: Option<usize>,
    /// Whether parameters are updated.
    #[serde(default)]
    pub train: bool,
    /// What is counted.
    #[serde(default)]
    pub metrics: Vec<Metric>,
}

impl Program {
    /// Reads the JSON form; an internal error if it is not one, since the binding wrote it.
    pub fn parse(text: &str) -> Result<Self> {
        let program: Self = serde_json::from_str(text)
            .map_err(|e| Error::internal(format!("a program cannot be read: {e}")))?;
        let leaves = program.leaves.len();
        let values = leaves + program.nodes.len();
        let ends = program.output.iter().chain(&program.loss).copied();
        let metrics = program.metrics.iter().flat_map(|metric| [metric.output, metric.target]);
        let nodes = program.nodes.iter().enumerate();
        let ordered = nodes.clone().all(|(k, node)| node.inputs.iter().all(|&input| input < leaves + k));
        if !ordered || ends.chain(metrics).any(|value| value >= values) {
            return Err(Error::internal("a program uses a value before it is made"));
        }
        Ok(program)
    }

    /// How many leaves of a kind it has: one more than the highest index.
    pub fn count(&self, kind: LeafKind) -> usize {
        self.leaves.iter().filter(|leaf| leaf.kind == kind).map(|leaf| leaf.index + 1).max().unwrap_or(0)
    }
}
