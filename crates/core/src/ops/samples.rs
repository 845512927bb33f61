//! Inputs for the generic tests, made from a description.

use std::ops::Range;

use crate::dtype::{DType, Data, DataMut};
use crate::error::Result;
use crate::graph::{Arena, Call};
use crate::ops::parse;
use crate::rng::Rng;
use crate::shape::{Layout, Shape};

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
        Self { attributes: attributes.into(), inputs: Vec::new() }
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
        self.input(DType::Int32, shape, values.iter().map(|&v| f64::from(v)).collect())
    }

    /// One more input of truth values.
    pub fn bool(self, shape: &[usize], values: &[bool]) -> Self {
        self.input(DType::Bool, shape, values.iter().map(|&v| f64::from(u8::from(v))).collect())
    }

    /// One more input of bytes.
    pub fn uint8(self, shape: &[usize], values: &[u8]) -> Self {
        self.input(DType::Uint8, shape, values.iter().map(|&v| f64::from(v)).collect())
    }

    /// What operation `name` gives in `f32`: for what the generic tests cannot know.
    pub fn evaluate(&self, name: &str) -> Result<Vec<f64>> {
        let types: Vec<(DType, Layout)> = self
            .inputs
            .iter()
            .map(|input| Ok((input.dtype, Layout::contiguous(Shape::new(&input.shape)?))))
            .collect::<Result<_>>()?;
        let call = Call::<f32>::new(parse(name, &self.attributes)?, &types)?;
        let reals: Vec<Vec<f32>> =
            self.inputs.iter().map(|i| i.values.iter().map(|&v| v as f32).collect()).collect();
        let ints: Vec<Vec<i32>> =
            self.inputs.iter().map(|i| i.values.iter().map(|&v| v as i32).collect()).collect();
        let bytes: Vec<Vec<u8>> =
            self.inputs.iter().map(|i| i.values.iter().map(|&v| v as u8).collect()).collect();
        let data: Vec<Data<'_, f32>> = (0..self.inputs.len())
            .map(|i| match self.inputs[i].dtype {
                DType::Float32 => Data::Real(&reals[i]),
                DType::Int32 => Data::Int(&ints[i]),
                DType::Uint8 | DType::Bool => Data::Byte(&bytes[i]),
            })
            .collect();
        let n = call.output().shape.elements();
        let (mut real, mut int, mut byte) = (vec![f32::NAN; n], vec![i32::MIN; n], vec![99; n]);
        let y = match call.output().dtype {
            DType::Float32 => DataMut::Real(&mut real),
            DType::Int32 => DataMut::Int(&mut int),
            DType::Uint8 | DType::Bool => DataMut::Byte(&mut byte),
        };
        call.forward(&data, y, &mut Arena::new())?;
        Ok(match call.output().dtype {
            DType::Float32 => real.into_iter().map(f64::from).collect(),
            DType::Int32 => int.into_iter().map(f64::from).collect(),
            DType::Uint8 | DType::Bool => byte.into_iter().map(f64::from).collect(),
        })
    }

    fn input(mut self, dtype: DType, shape: &[usize], values: Vec<f64>) -> Self {
        assert_eq!(values.len(), shape.iter().product::<usize>(), "a sample's values must fill its shape");
        self.inputs.push(SampleInput { dtype, shape: shape.to_vec(), values });
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
    shapes.map(|(s, t)| Sample::new("{}").real(s, a.clone()).real(t, b.clone())).into()
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
    cases.map(|(attributes, shape)| Sample::new(attributes).real(shape, range.clone())).into()
}
