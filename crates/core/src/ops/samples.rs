//! Inputs for the generic tests, made from a description.

use std::ops::Range;

use crate::dtype::DType;
use crate::rng::Rng;

/// An operation's attributes and inputs.
#[derive(Clone, Debug)]
pub struct Sample {
    /// A JSON object.
    pub attributes: String,
    /// In order.
    pub inputs: Vec<SampleInput>,
}

/// One input.
#[derive(Clone, Debug)]
pub struct SampleInput {
    /// Element type.
    pub dtype: DType,
    /// Sizes.
    pub shape: Vec<usize>,
    /// The values, row-major; integers exactly.
    pub values: Vec<f64>,
}

impl Sample {
    /// With these attributes and no inputs yet.
    pub fn new(attributes: &str) -> Self {
        Self {
            attributes: attributes.into(),
            inputs: Vec::new(),
        }
    }

    /// One more input of floats: distinct values, evenly spread over the range in random order. Being distinct by
    /// much more than the step of central differences, they keep clear of ties in max, sort and the like.
    pub fn real(self, shape: &[usize], range: Range<f64>) -> Self {
        let n: usize = shape.iter().product();
        let mut rng = Rng::new(self.inputs.len() as u64 + 17, n as u64);
        let mut order = vec![0; n];
        rng.permutation(&mut order);
        let step = (range.end - range.start) / n.max(1) as f64;
        let values = order
            .iter()
            .map(|&i| range.start + step * (f64::from(i) + 0.3 + 0.4 * rng.uniform_f64()))
            .collect();
        self.input(DType::Float32, shape, values)
    }

    /// One more input of floats with these values.
    pub fn values(self, shape: &[usize], values: &[f64]) -> Self {
        self.input(DType::Float32, shape, values.to_vec())
    }

    /// One more input of integers with these values.
    pub fn int(self, shape: &[usize], values: &[i32]) -> Self {
        self.input(
            DType::Int32,
            shape,
            values.iter().map(|&v| f64::from(v)).collect(),
        )
    }

    /// One more input of truth values.
    pub fn bool(self, shape: &[usize], values: &[bool]) -> Self {
        self.input(
            DType::Bool,
            shape,
            values.iter().map(|&v| f64::from(u8::from(v))).collect(),
        )
    }

    fn input(mut self, dtype: DType, shape: &[usize], values: Vec<f64>) -> Self {
        assert_eq!(
            values.len(),
            shape.iter().product::<usize>(),
            "a sample's values must fill its shape"
        );
        self.inputs.push(SampleInput {
            dtype,
            shape: shape.to_vec(),
            values,
        });
        self
    }
}

/// The samples of a function of one number over a range in which it is smooth.
pub fn unary(range: Range<f64>) -> Vec<Sample> {
    unary_with("{}", range)
}

/// As [`unary`], with attributes.
pub fn unary_with(attributes: &str, range: Range<f64>) -> Vec<Sample> {
    [&[7][..], &[], &[3, 5], &[0], &[2, 3, 4]]
        .map(|shape| Sample::new(attributes).real(shape, range.clone()))
        .into()
}

/// The samples of a function of two numbers: every way to broadcast.
pub fn binary(a: Range<f64>, b: Range<f64>) -> Vec<Sample> {
    let shapes: [(&[usize], &[usize]); 9] = [
        (&[5], &[5]),
        (&[3, 4], &[4]),
        (&[4], &[3, 4]),
        (&[3, 1], &[1, 4]),
        (&[2, 3, 4], &[3, 1]),
        (&[], &[2, 2]),
        (&[2, 2], &[]),
        (&[], &[]),
        (&[0, 3], &[1]),
    ];
    shapes
        .map(|(s, t)| Sample::new("{}").real(s, a.clone()).real(t, b.clone()))
        .into()
}

/// The samples of a function of a row: over all dimensions, each one, several, kept or not.
pub fn reduction(range: Range<f64>) -> Vec<Sample> {
    let cases: [(&str, &[usize]); 9] = [
        ("{}", &[6]),
        ("{}", &[2, 3, 4]),
        ("{}", &[]),
        (r#"{"dims": [0]}"#, &[3, 4]),
        (r#"{"dims": [-1]}"#, &[3, 4]),
        (r#"{"dims": [0, 2]}"#, &[2, 3, 4]),
        (r#"{"dims": [1], "keepDim": true}"#, &[2, 3, 4]),
        (r#"{"keepDim": true}"#, &[2, 3]),
        (r#"{"dims": [0]}"#, &[2, 0]),
    ];
    cases
        .map(|(attributes, shape)| Sample::new(attributes).real(shape, range.clone()))
        .into()
}
