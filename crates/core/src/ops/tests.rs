//! What must hold for every operation, tried on all of its samples.

use crate::dtype::{DType, Data, DataMut};
use crate::graph::{Arena, Call, Leaf, Node, backward};
use crate::kernels::Mode;
use crate::ops::samples::{Sample, SampleInput};
use crate::ops::{Grad, all_samples, parse};
use crate::real::Real;
use crate::rng::Rng;
use crate::shape::{Layout, Shape, Strides};

/// A storage of any type.
#[derive(Clone, Debug)]
enum Storage<T> {
    Real(Vec<T>),
    Int(Vec<i32>),
    Byte(Vec<u8>),
}

impl<T: Real> Storage<T> {
    fn new(dtype: DType, values: &[f64]) -> Self {
        match dtype {
            DType::Float32 => Self::Real(values.iter().map(|&v| T::from_f64(v)).collect()),
            DType::Int32 => Self::Int(values.iter().map(|&v| v as i32).collect()),
            DType::Uint8 | DType::Bool => Self::Byte(values.iter().map(|&v| v as u8).collect()),
        }
    }

    fn data(&self) -> Data<'_, T> {
        match self {
            Self::Real(x) => Data::Real(x),
            Self::Int(x) => Data::Int(x),
            Self::Byte(x) => Data::Byte(x),
        }
    }

    fn data_mut(&mut self) -> DataMut<'_, T> {
        match self {
            Self::Real(x) => DataMut::Real(x),
            Self::Int(x) => DataMut::Int(x),
            Self::Byte(x) => DataMut::Byte(x),
        }
    }

    fn values(&self) -> Vec<f64> {
        match self {
            Self::Real(x) => x.iter().map(|x| x.to_f64()).collect(),
            Self::Int(x) => x.iter().map(|&x| f64::from(x)).collect(),
            Self::Byte(x) => x.iter().map(|&x| f64::from(x)).collect(),
        }
    }
}

/// A sample made ready: the call and the storages it reads.
struct Bound<T> {
    call: Call<T>,
    storages: Vec<Storage<T>>,
}

/// Row-major storage.
fn plain<T: Real>(input: &SampleInput) -> (Layout, Storage<T>) {
    let shape = Shape::new(&input.shape).unwrap();
    (
        Layout::contiguous(shape),
        Storage::new(input.dtype, &input.values),
    )
}

/// The same values lying in reverse order of dimensions, every second element, with an offset.
fn scattered<T: Real>(input: &SampleInput) -> (Layout, Storage<T>) {
    let shape = Shape::new(&input.shape).unwrap();
    let mut strides = Vec::new();
    let mut step = 2;
    for &size in shape.iter() {
        strides.push(step);
        step *= size.max(1);
    }
    let layout = Layout {
        strides: Strides::new(&strides).unwrap(),
        offset: 3,
        shape,
    };
    let mut values = vec![77.0; layout.extent()];
    let row_major = layout.shape.strides();
    for (i, &value) in input.values.iter().enumerate() {
        let at: usize = (0..strides.len())
            .map(|d| i / row_major[d] % layout.shape[d] * strides[d])
            .sum();
        values[layout.offset + at] = value;
    }
    (layout, Storage::new(input.dtype, &values))
}

impl<T: Real> Bound<T> {
    fn new(name: &str, sample: &Sample, lay: impl Fn(&SampleInput) -> (Layout, Storage<T>)) -> Self {
        let op = parse::<T>(name, &sample.attributes).unwrap();
        let (inputs, storages): (Vec<_>, Vec<_>) = sample
            .inputs
            .iter()
            .map(|input| {
                let (layout, storage) = lay(input);
                ((input.dtype, layout), storage)
            })
            .unzip();
        Self {
            call: Call::new(op, &inputs).unwrap_or_else(|e| panic!("{name}: {e}")),
            storages,
        }
    }

    fn data(&self) -> Vec<Data<'_, T>> {
        self.storages.iter().map(Storage::data).collect()
    }

    fn output(&self) -> Storage<T> {
        let output = self.call.output();
        if let Some(layout) = self.call.alias() {
            let mut values = vec![0.0; output.shape.elements()];
            let storage = self.storages[0].values();
            let at = layout.offset.min(storage.len());
            crate::kernels::strided::gather(
                &storage[at..],
                &layout.shape,
                &layout.strides,
                &mut values,
                |v| v,
            );
            return Storage::new(output.dtype, &values);
        }
        // Whatever the result's buffer held must not matter.
        let mut y = Storage::new(output.dtype, &vec![f64::NAN; output.shape.elements()]);
        self.call
            .forward(&self.data(), y.data_mut(), &mut Arena::new())
            .unwrap();
        y
    }

    /// Gradients of every float input, contributions added to `start`; by the graph, as one node.
    fn gradients(&self, dy: &[T], start: Option<f64>) -> Vec<Option<Vec<T>>> {
        let y = self.output();
        let n = self.storages.len();
        let reads = self.call.reads();
        let storages: Vec<Data<'_, T>> = (0..n)
            .map(|i| {
                if reads.inputs >> i & 1 == 1 {
                    self.storages[i].data()
                } else {
                    Data::Real(&[])
                }
            })
            .chain([if reads.output { y.data() } else { Data::Real(&[]) }])
            .collect();
        let mut grads: Vec<Option<Vec<T>>> = (0..n)
            .map(|i| {
                let fill = T::from_f64(start.unwrap_or(f64::NAN));
                self.call
                    .differentiable(i)
                    .then(|| vec![fill; self.call.input_elements(i)])
            })
            .collect();
        let mode = if start.is_some() { Mode::Add } else { Mode::Write };
        let mut leaves: Vec<Leaf<'_, T>> = grads
            .iter_mut()
            .enumerate()
            .filter_map(|(value, data)| {
                data.as_mut().map(|data| Leaf {
                    value,
                    grad: Grad { data, mode },
                })
            })
            .collect();
        let nodes = [Node {
            call: &self.call,
            inputs: (0..n).collect(),
            output: n,
        }];
        backward(&nodes, &storages, dy, &mut leaves, &mut Arena::new()).unwrap();
        grads
    }
}

/// A gradient of the result that is different everywhere.
fn seed<T: Real>(n: usize) -> Vec<T> {
    let mut rng = Rng::new(5, n as u64);
    (0..n).map(|_| T::from_f64(rng.uniform_f64() + 0.5)).collect()
}

fn for_each_sample(mut body: impl FnMut(&str, &Sample)) {
    for (name, samples) in all_samples() {
        assert!(!samples.is_empty(), "{name} has no samples");
        samples.iter().for_each(|sample| body(name, sample));
    }
}

fn close(a: f64, b: f64, tolerance: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= tolerance * (1.0 + a.abs().max(b.abs()))
}

#[track_caller]
fn assert_close(a: &[f64], b: &[f64], tolerance: f64, what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (i, (&a, &b)) in a.iter().zip(b).enumerate() {
        assert!(close(a, b, tolerance), "{what}: element {i}: {a} against {b}");
    }
}

#[test]
fn central_differences_agree_with_backward() {
    for_each_sample(|name, sample| {
        let bound = Bound::<f64>::new(name, sample, plain);
        if !bound.call.output().dtype.is_float() {
            return;
        }
        let dy: Vec<f64> = seed(bound.call.output().shape.elements());
        let objective = |inputs: &Sample| -> f64 {
            let y = Bound::<f64>::new(name, inputs, plain).output().values();
            y.iter().zip(&dy).map(|(y, dy)| y * dy).sum()
        };
        for (i, grad) in bound.gradients(&dy, None).into_iter().enumerate() {
            for (k, g) in grad.into_iter().flatten().enumerate() {
                let h = 1e-5;
                let at = |shift: f64| {
                    let mut moved = sample.clone();
                    moved.inputs[i].values[k] += shift;
                    objective(&moved)
                };
                // Fourth order: the error is of the order h⁴, the rounding of 1e-11.
                let difference = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
                assert!(
                    close(g, difference, 1e-6),
                    "{name} {sample:?}: input {i}, element {k}: {g} against {difference}"
                );
            }
        }
    });
}

#[test]
fn the_way_inputs_lie_in_memory_does_not_matter() {
    for_each_sample(|name, sample| {
        let [a, b] = [
            Bound::<f64>::new(name, sample, plain),
            match name {
                "view" => return, // refuses what is not contiguous
                _ => Bound::<f64>::new(name, sample, scattered),
            },
        ];
        assert_close(
            &a.output().values(),
            &b.output().values(),
            1e-12,
            &format!("{name} {sample:?}"),
        );
        if a.call.output().dtype.is_float() {
            let dy: Vec<f64> = seed(a.call.output().shape.elements());
            for (a, b) in a.gradients(&dy, None).iter().zip(b.gradients(&dy, None)) {
                if let (Some(a), Some(b)) = (a, b) {
                    assert_close(a, &b, 1e-12, &format!("gradient of {name} {sample:?}"));
                }
            }
        }
    });
}

#[test]
fn gradients_are_added_where_asked() {
    for_each_sample(|name, sample| {
        let bound = Bound::<f64>::new(name, sample, plain);
        if !bound.call.output().dtype.is_float() {
            return;
        }
        let dy: Vec<f64> = seed(bound.call.output().shape.elements());
        for (written, added) in bound
            .gradients(&dy, None)
            .iter()
            .zip(bound.gradients(&dy, Some(10.0)))
        {
            if let (Some(written), Some(added)) = (written, added) {
                let expected: Vec<f64> = written.iter().map(|g| g + 10.0).collect();
                assert_close(&expected, &added, 1e-9, &format!("{name} {sample:?}"));
            }
        }
    });
}

#[test]
fn the_same_tensor_may_be_every_input() {
    for_each_sample(|name, sample| {
        let [first, .., last] = &sample.inputs[..] else {
            return;
        };
        if sample
            .inputs
            .iter()
            .any(|i| i.shape != first.shape || i.dtype != DType::Float32)
            || last.values.is_empty()
        {
            return;
        }
        let mut sample = sample.clone();
        let n = sample.inputs.len();
        sample.inputs = vec![first.clone(); n];
        let bound = Bound::<f64>::new(name, &sample, plain);
        let y = bound.output();
        let dy: Vec<f64> = seed(bound.call.output().shape.elements());
        let mut grad = vec![f64::NAN; first.values.len()];
        let storages = [bound.storages[0].data(), y.data()];
        let nodes = [Node {
            call: &bound.call,
            inputs: vec![0; n],
            output: 1,
        }];
        let mut leaves = [Leaf {
            value: 0,
            grad: Grad {
                data: &mut grad,
                mode: Mode::Write,
            },
        }];
        backward(&nodes, &storages, &dy, &mut leaves, &mut Arena::new()).unwrap();
        let mut expected = vec![0.0; grad.len()];
        for part in bound.gradients(&dy, None).into_iter().flatten() {
            expected.iter_mut().zip(part).for_each(|(sum, g)| *sum += g);
        }
        assert_close(&expected, &grad, 1e-12, &format!("{name} {sample:?}"));
    });
}

#[test]
fn every_instruction_set_computes_the_same() {
    for isa in crate::kernels::isa::available() {
        crate::kernels::isa::with_isa(isa, || {
            for_each_sample(|name, sample| {
                let what = format!("{name} {sample:?} with {isa:?}");
                let exact = Bound::<f64>::new(name, sample, plain);
                let single = Bound::<f32>::new(name, sample, plain);
                assert_close(&exact.output().values(), &single.output().values(), 2e-5, &what);
                if exact.call.output().dtype.is_float() {
                    let n = exact.call.output().shape.elements();
                    for (a, b) in exact
                        .gradients(&seed(n), None)
                        .iter()
                        .zip(single.gradients(&seed(n), None))
                    {
                        if let (Some(a), Some(b)) = (a, b) {
                            let b: Vec<f64> = b.into_iter().map(f64::from).collect();
                            assert_close(a, &b, 1e-4, &format!("gradient of {what}"));
                        }
                    }
                }
            });
        });
    }
}
