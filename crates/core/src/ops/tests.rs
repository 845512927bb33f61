//! What must hold for every operation, tried on all of its samples.

use crate::dtype::{DType, Data, DataMut};
use crate::error::Error;
use crate::graph::{Arena, Call, Leaf, Node, backward};
use crate::kernels::Mode;
use crate::ops::samples::{Sample, SampleInput};
use crate::ops::{Grad, all_samples, names_of, parse};
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
    (Layout::contiguous(shape), Storage::new(input.dtype, &input.values))
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
    let layout = Layout { strides: Strides::new(&strides).unwrap(), offset: 3, shape };
    let mut values = vec![77.0; layout.extent()];
    let row_major = layout.shape.strides();
    for (i, &value) in input.values.iter().enumerate() {
        let at: usize = (0..strides.len()).map(|d| i / row_major[d] % layout.shape[d] * strides[d]).sum();
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
        Self { call: Call::new(op, &inputs).unwrap_or_else(|e| panic!("{name}: {e}")), storages }
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
            crate::kernels::strided::gather(&storage[at..], &layout.shape, &layout.strides, &mut values);
            return Storage::new(output.dtype, &values);
        }
        // Whatever the result's buffer held must not matter.
        let mut y = Storage::new(output.dtype, &vec![f64::NAN; output.shape.elements()]);
        self.call.forward(&self.data(), y.data_mut(), &mut Arena::new()).unwrap();
        y
    }

    /// Gradients of every float input, contributions added to `start`; by the graph, as one node.
    fn gradients(&self, dy: &[T], start: Option<f64>) -> Vec<Option<Vec<T>>> {
        let y = self.output();
        let n = self.storages.len();
        let reads = self.call.reads();
        let storages: Vec<Data<'_, T>> = (0..n)
            .map(|i| if reads.reads_input(i) { self.storages[i].data() } else { Data::Real(&[]) })
            .chain([if reads.output { y.data() } else { Data::Real(&[]) }])
            .collect();
        let mut grads: Vec<Option<Vec<T>>> = (0..n)
            .map(|i| {
                let fill = T::from_f64(start.unwrap_or(f64::NAN));
                self.call.differentiable(i).then(|| vec![fill; self.call.input_elements(i)])
            })
            .collect();
        let mode = if start.is_some() { Mode::Add } else { Mode::Write };
        let mut leaves: Vec<Leaf<'_, T>> = grads
            .iter_mut()
            .enumerate()
            .filter_map(|(value, data)| data.as_mut().map(|data| Leaf { value, grad: Grad { data, mode } }))
            .collect();
        let nodes = [Node { call: &self.call, inputs: (0..n).collect(), output: n }];
        backward(&nodes, &storages, dy, &mut leaves, &mut Arena::new()).unwrap();
        grads
    }
}

/// A gradient of the result that is different everywhere.
fn seed<T: Real>(n: usize) -> Vec<T> {
    let mut rng = Rng::new(5, n as u64);
    (0..n).map(|_| T::from_f64(rng.uniform_f64() + 0.5)).collect()
}

/// The result in `float32`.
#[track_caller]
pub fn values_f32(name: &str, sample: &Sample) -> Vec<f64> {
    Bound::<f32>::new(name, sample, plain).output().values()
}

/// The gradients of the inputs that have one, in `float32`; that of every element of the result is `dy`.
#[track_caller]
pub fn gradients_f32(name: &str, sample: &Sample, dy: f32) -> Vec<Vec<f32>> {
    let bound = Bound::<f32>::new(name, sample, plain);
    let dy = vec![dy; bound.call.output().shape.elements()];
    bound.gradients(&dy, None).into_iter().flatten().collect()
}

/// The call, or why it is refused.
fn try_call(name: &str, sample: &Sample) -> Result<Call<f32>, Error> {
    let inputs: Vec<_> = sample.inputs.iter().map(|input| (input.dtype, plain::<f32>(input).0)).collect();
    Call::new(parse::<f32>(name, &sample.attributes)?, &inputs)
}

/// The message with which the operation is refused.
#[track_caller]
pub fn error(name: &str, sample: &Sample) -> String {
    try_call(name, sample).expect_err("the operation must be refused").message
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
        assert_close(&a.output().values(), &b.output().values(), 1e-12, &format!("{name} {sample:?}"));
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
        for (written, added) in bound.gradients(&dy, None).iter().zip(bound.gradients(&dy, Some(10.0))) {
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
        if sample.inputs.iter().any(|i| i.shape != first.shape || i.dtype != DType::Float32)
            || last.values.is_empty()
        {
            return;
        }
        let mut sample = sample.clone();
        let n = sample.inputs.len();
        sample.inputs = vec![first.clone(); n];
        let bound = Bound::<f64>::new(name, &sample, plain);
        if !bound.call.output().dtype.is_float() {
            return;
        }
        let y = bound.output();
        let dy: Vec<f64> = seed(bound.call.output().shape.elements());
        let mut grad = vec![f64::NAN; first.values.len()];
        let storages = [bound.storages[0].data(), y.data()];
        let nodes = [Node { call: &bound.call, inputs: vec![0; n], output: 1 }];
        let mut leaves = [Leaf { value: 0, grad: Grad { data: &mut grad, mode: Mode::Write } }];
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
                    for (a, b) in exact.gradients(&seed(n), None).iter().zip(single.gradients(&seed(n), None))
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

/// The sample with every size but 0 and 1 multiplied by `factor`, values repeated; of integers too, or not: indices
/// and labels grow along with what they are for, seeds do not.
fn enlarged(sample: &Sample, factor: usize, integers: bool) -> Sample {
    let mut sample = sample.clone();
    for input in sample.inputs.iter_mut().filter(|input| integers || input.dtype == DType::Float32) {
        input.shape.iter_mut().filter(|size| **size > 1).for_each(|size| *size *= factor);
        let n = input.shape.iter().product();
        input.values = input.values.iter().copied().cycle().take(n).collect();
    }
    sample
}

/// The samples large enough to be cut into lanes, where the operation takes them so.
fn large_samples() -> Vec<(&'static str, Sample)> {
    const ELEMENTS: usize = 40_000; // two grains and a half
    let elements = |name: &str, sample: &Sample| {
        let output = try_call(name, sample).ok()?.output().shape.elements();
        sample.inputs.iter().map(|input| input.values.len()).chain([output]).max()
    };
    let enlarge = |name: &str, sample: &Sample| {
        let factors = std::iter::successors(Some(1usize), |factor| Some(factor + factor.div_ceil(3)));
        [true, false].into_iter().find_map(|integers| {
            factors
                .clone()
                .take_while(|&factor| factor < 2 * ELEMENTS)
                .map(|factor| enlarged(sample, factor, integers))
                .take_while(|sample| elements(name, sample).is_some())
                .find(|sample| elements(name, sample) >= Some(ELEMENTS))
        })
    };
    all_samples()
        .into_iter()
        .flat_map(|(name, samples)| {
            samples.iter().filter_map(|sample| Some((name, enlarge(name, sample)?))).collect::<Vec<_>>()
        })
        .collect()
}

/// The bits of a result and its gradients; all NaN are one, for which of two NaN an instruction passes on is open.
fn bits(name: &str, sample: &Sample) -> Vec<Vec<u64>> {
    let bits_of = |x: f64| if x.is_nan() { u64::MAX } else { x.to_bits() };
    let bound = Bound::<f32>::new(name, sample, plain);
    let mut results = vec![bound.output().values().into_iter().map(bits_of).collect()];
    if bound.call.output().dtype.is_float() {
        let dy = seed(bound.call.output().shape.elements());
        results.extend(
            bound
                .gradients(&dy, None)
                .into_iter()
                .flatten()
                .map(|g| g.into_iter().map(|g| bits_of(f64::from(g))).collect()),
        );
    }
    results
}

#[test]
fn the_number_of_threads_does_not_change_a_bit() {
    let samples = large_samples();
    for name in ["exp", "add", "sum", "max", "var", "argmax", "softmax", "where", "dropout", "cast", "matmul"]
    {
        assert!(samples.iter().any(|(n, _)| *n == name), "{name} is not among the large samples");
    }
    let threads = crate::pool::get_num_threads();
    let with_threads = |n: usize| {
        crate::pool::set_num_threads(n).unwrap();
        samples.iter().map(|(name, sample)| bits(name, sample)).collect::<Vec<_>>()
    };
    let one = with_threads(1);
    for n in [2, 3, 8] {
        for ((name, sample), (one, many)) in samples.iter().zip(one.iter().zip(with_threads(n))) {
            let shapes: Vec<_> = sample.inputs.iter().map(|input| &input.shape).collect();
            assert!(*one == many, "{name} {} {shapes:?} with {n} threads", sample.attributes);
        }
    }
    crate::pool::set_num_threads(threads).unwrap();
}

#[test]
fn special_values_are_the_same_with_every_instruction_set() {
    use crate::kernels::isa::{Isa, available, with_isa};
    let finite = [0.0, 1e-45, 1e-40, 1.2e-38, 0.3, 0.5, 1.0, 1.5, 2.0, 3.0, 20.0, 88.7, 104.0, 1e10, 3.4e38];
    let mut special: Vec<f64> = finite.iter().chain(&[f64::INFINITY]).flat_map(|&x| [x, -x]).collect();
    special.push(f64::NAN);
    let n = special.len();
    let pairs = |f: fn(usize, usize) -> usize| (0..n * n).map(|i| special[f(i, n)]).collect::<Vec<_>>();
    let inputs = [pairs(|i, n| i / n), pairs(|i, n| i % n)];
    let elementwise = ["Unary", "Binary", "Comparison"].map(names_of).concat();
    for_each_sample(|name, sample| {
        let real = sample.inputs.iter().all(|input| input.dtype == DType::Float32);
        if !real || !(elementwise.contains(&name) || ["gelu", "pow", "cast"].contains(&name)) {
            return;
        }
        let mut special = Sample::new(&sample.attributes);
        for values in &inputs[..sample.inputs.len()] {
            special = special.values(&[n * n], values);
        }
        let portable = with_isa(Isa::Portable, || bits(name, &special));
        for isa in available() {
            for (k, (a, b)) in portable.iter().zip(with_isa(isa, || bits(name, &special))).enumerate() {
                for (i, (a, b)) in a.iter().zip(&b).enumerate() {
                    let [x, y] = [inputs[0][i], inputs[1][i]];
                    assert_eq!(a, b, "{name} {} of {x}, {y}: output {k} with {isa:?}", sample.attributes);
                }
            }
        }
    });
}
