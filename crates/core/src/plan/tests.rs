//! Plans against the eager engine, for every operation and for networks made at random.

use serde_json::{Value, json};

use crate::dtype::{DType, Data, DataMut};
use crate::graph::{Arena, Call, Leaf, Node, backward};
use crate::kernels::{Mode, strided};
use crate::ops::{self, Grad, all_samples};
use crate::optim::{Sgd, UpdateRule};
use crate::plan::program::{LeafKind, Program};
use crate::plan::{Bindings, Plan, Updates, Weights};
use crate::rng::Rng;
use crate::shape::{Layout, Shape};

/// Elements of any type.
#[derive(Clone, Debug)]
enum Elements {
    Real(Vec<f64>),
    Int(Vec<i32>),
    Byte(Vec<u8>),
}

impl Elements {
    fn new(dtype: DType, values: &[f64]) -> Self {
        match dtype {
            DType::Float32 => Self::Real(values.to_vec()),
            DType::Int32 => Self::Int(values.iter().map(|&v| v as i32).collect()),
            DType::Uint8 | DType::Bool => Self::Byte(values.iter().map(|&v| v as u8).collect()),
        }
    }

    fn data(&self) -> Data<'_, f64> {
        match self {
            Self::Real(x) => Data::Real(x),
            Self::Int(x) => Data::Int(x),
            Self::Byte(x) => Data::Byte(x),
        }
    }

    fn data_mut(&mut self) -> DataMut<'_, f64> {
        match self {
            Self::Real(x) => DataMut::Real(x),
            Self::Int(x) => DataMut::Int(x),
            Self::Byte(x) => DataMut::Byte(x),
        }
    }
}

/// A program that is being written, with the values of its leaves.
#[derive(Default)]
struct Tracer {
    leaves: Vec<Value>,
    nodes: Vec<Value>,
    values: Vec<Elements>,
    counts: [usize; 3],
    sealed: bool,
}

impl Tracer {
    fn leaf(&mut self, kind: usize, dtype: DType, shape: &[usize], values: &[f64]) -> usize {
        assert!(!self.sealed, "leaves come first");
        let name = ["input", "parameter", "constant"][kind];
        self.leaves.push(json!({
            "kind": name, "index": self.counts[kind], "dtype": dtype.name(), "shape": shape, "trainable": kind == 1,
        }));
        self.counts[kind] += 1;
        self.values.push(Elements::new(dtype, values));
        self.leaves.len() - 1
    }

    fn op(&mut self, name: &str, attributes: &str, inputs: &[usize]) -> usize {
        self.sealed = true;
        let attributes: Value = serde_json::from_str(attributes).unwrap();
        self.nodes.push(json!({ "op": name, "attributes": attributes, "inputs": inputs }));
        self.leaves.len() + self.nodes.len() - 1
    }

    /// Lets no gradient through this input of the last operation.
    fn detach(&mut self, place: usize) {
        if let Some(node) = self.nodes.last_mut() {
            node["detached"] = json!([place]);
        }
    }

    fn program(&self, loss: usize) -> Program {
        let program = json!({ "leaves": self.leaves, "nodes": self.nodes, "loss": loss, "train": true });
        Program::parse(&program.to_string()).unwrap()
    }

    fn of_kind(&self, program: &Program, kind: LeafKind) -> Vec<&Elements> {
        (0..self.leaves.len()).filter(|&i| program.leaves[i].kind == kind).map(|i| &self.values[i]).collect()
    }
}

/// Loss and gradients of the parameters, by the engine of the explicit loop.
fn eager(tracer: &Tracer, program: &Program, loss: usize) -> (f64, Vec<Option<Vec<f64>>>) {
    let mut values = tracer.values.clone();
    let mut types: Vec<(DType, Shape)> = program
        .leaves
        .iter()
        .map(|leaf| leaf.tensor_type().map(|tensor| (tensor.dtype, tensor.shape)).unwrap())
        .collect();
    let mut nodes = Vec::new();
    for node in &program.nodes {
        let inputs: Vec<(DType, Layout)> =
            node.inputs.iter().map(|&i| (types[i].0, Layout::contiguous(types[i].1.clone()))).collect();
        let call = Call::<f64>::new(ops::parse(&node.op, node.attributes.get()).unwrap(), &inputs).unwrap();
        let output = call.output().clone();
        let mut y = Elements::new(output.dtype, &vec![f64::NAN; output.shape.elements()]);
        match (call.alias(), &values[node.inputs[0]], &mut y) {
            (Some(layout), Elements::Real(x), Elements::Real(y)) => {
                strided::gather(&x[layout.offset.min(x.len())..], &layout.shape, &layout.strides, y);
            }
            (Some(layout), Elements::Int(x), Elements::Int(y)) => {
                strided::gather(&x[layout.offset.min(x.len())..], &layout.shape, &layout.strides, y);
            }
            (Some(layout), Elements::Byte(x), Elements::Byte(y)) => {
                strided::gather(&x[layout.offset.min(x.len())..], &layout.shape, &layout.strides, y);
            }
            _ => {
                let x: Vec<Data<'_, f64>> = node.inputs.iter().map(|&i| values[i].data()).collect();
                call.forward(&x, y.data_mut(), &mut Arena::new()).unwrap();
            }
        }
        types.push((output.dtype, output.shape));
        nodes.push(Node { call, inputs: node.inputs.clone(), output: values.len() });
        values.push(y);
    }
    let parameters: Vec<usize> =
        (0..program.leaves.len()).filter(|&i| program.leaves[i].kind == LeafKind::Parameter).collect();
    let mut grads: Vec<Vec<f64>> =
        parameters.iter().map(|&i| vec![f64::NAN; types[i].1.elements()]).collect();
    let mut leaves: Vec<Leaf<'_, f64>> = parameters
        .iter()
        .zip(&mut grads)
        .map(|(&value, data)| Leaf { value, grad: Grad { data, mode: Mode::Write } })
        .collect();
    nodes.truncate(loss + 1 - program.leaves.len());
    for (node, traced) in nodes.iter_mut().zip(&program.nodes) {
        for &place in &traced.detached {
            let copy = values[node.inputs[place]].clone();
            node.inputs[place] = values.len(); // the same elements, made by nobody
            values.push(copy);
        }
    }
    let data: Vec<Data<'_, f64>> = values.iter().map(Elements::data).collect();
    backward(&nodes, &data, &[1.0], &mut leaves, &mut Arena::new()).unwrap();
    let reached: Vec<bool> = leaves.iter().map(|leaf| leaf.grad.mode == Mode::Add).collect();
    let Elements::Real(value) = &values[loss] else { panic!("the loss is no number") };
    (value[0], grads.into_iter().zip(reached).map(|(grad, reached)| reached.then_some(grad)).collect())
}

/// Whether two numbers are one but for rounding; NaN is NaN.
fn close(x: f64, y: f64) -> bool {
    x == y || (x - y).abs() <= 1e-9 * y.abs().max(1.0) || (x.is_nan() && y.is_nan())
}

/// Runs a plan for one step with each rule, and compares with the same steps of the explicit loop.
fn compare(what: &str, tracer: &Tracer, loss: usize) {
    let program = tracer.program(loss);
    let (expected, grads) = eager(tracer, &program, loss);
    let start: Vec<Vec<f64>> = tracer
        .of_kind(&program, LeafKind::Parameter)
        .into_iter()
        .map(|elements| match elements {
            Elements::Real(x) => x.clone(),
            other => panic!("a parameter is {other:?}"),
        })
        .collect();
    let rules = [
        Sgd::new(0.5),
        Sgd { weight_decay: 0.25, maximize: true, ..Sgd::new(0.5) },
        Sgd { momentum: 0.5, ..Sgd::new(0.5) },
    ];
    for (rule, weights) in
        rules.into_iter().flat_map(|rule| [Weights::Lent, Weights::Kept].map(|w| (rule.clone(), w)))
    {
        let mut updates = Updates::none(start.len());
        updates.group.fill(Some(0));
        updates.rules.push(Box::new(rule.clone()));
        let constants: Vec<Data<'_, f64>> =
            tracer.of_kind(&program, LeafKind::Constant).into_iter().map(Elements::data).collect();
        let mut plan =
            Plan::compile(&program, &constants, &updates, weights).unwrap_or_else(|e| panic!("{what}: {e}"));
        let buffers = UpdateRule::<f64>::buffers(&rule);
        let mut parameters = start.clone();
        let mut memories: Vec<Vec<Vec<f64>>> =
            start.iter().map(|x| vec![vec![f64::NAN; x.len()]; buffers]).collect();
        for (number, elements) in tracer.of_kind(&program, LeafKind::Input).into_iter().enumerate() {
            plan.fill(number, elements.data()).unwrap();
        }
        {
            let memories = memories.iter_mut().map(|m| m.iter_mut().map(Vec::as_mut_slice).collect());
            let bindings = Bindings::writing(parameters.iter_mut().map(Vec::as_mut_slice), memories);
            plan.load(&bindings).unwrap();
            plan.forward(&bindings, &updates, false).unwrap();
            let value = plan.loss().unwrap();
            assert!(close(value, expected), "{what}: {value}, expected {expected}");
            plan.backward(&bindings, &updates, true).unwrap();
            plan.unload(&bindings).unwrap();
        }
        for (number, grad) in grads.iter().enumerate() {
            let mut wanted = start[number].clone();
            if let Some(grad) = grad {
                let mut memory = vec![f64::NAN; wanted.len()];
                let memory = &mut [&mut memory[..]][..buffers];
                rule.update(0, &mut wanted, grad, memory);
            }
            assert_eq!(plan.updated().contains(&number), grad.is_some(), "{what}: {number} is updated");
            for (i, (x, wanted)) in parameters[number].iter().zip(&wanted).enumerate() {
                assert!(
                    close(*x, *wanted),
                    "{what}, {rule:?}: parameter {number} at {i}: {x}, expected {wanted}"
                );
            }
        }
    }
}

#[test]
fn every_operation_in_a_plan_is_the_eager_one() {
    for (name, samples) in all_samples() {
        for sample in samples {
            let elements: usize = {
                let types: Vec<_> = sample
                    .inputs
                    .iter()
                    .map(|input| (input.dtype, Layout::contiguous(Shape::new(&input.shape).unwrap())))
                    .collect();
                let call = Call::<f64>::new(ops::parse(name, &sample.attributes).unwrap(), &types).unwrap();
                if !call.output().dtype.is_float() {
                    continue;
                }
                call.output().shape.elements()
            };
            let mut tracer = Tracer::default();
            let inputs: Vec<usize> = sample
                .inputs
                .iter()
                .map(|input| {
                    let kind = if input.dtype.is_float() { 1 } else { 2 };
                    tracer.leaf(kind, input.dtype, &input.shape, &input.values)
                })
                .collect();
            let mut rng = Rng::new(5, elements as u64);
            let weights: Vec<f64> = (0..elements).map(|_| rng.uniform_f64() + 0.5).collect();
            let weights = tracer.leaf(2, DType::Float32, &[elements], &weights);
            // Twice, so that gradients are added up.
            let y = tracer.op(name, &sample.attributes, &inputs);
            let again = tracer.op(name, &sample.attributes, &inputs);
            let y = tracer.op("add", "{}", &[y, again]);
            let y = tracer.op("contiguous", "{}", &[y]);
            let y = tracer.op("view", &format!(r#"{{"shape": [{elements}]}}"#), &[y]);
            let y = tracer.op("mul", "{}", &[y, weights]);
            let loss = tracer.op("sum", "{}", &[y]);
            compare(&format!("{name} {}", sample.attributes), &tracer, loss);
        }
    }
}

/// A network of dense layers, relus and others, with skips and shared weights, on a batch.
fn random_network(seed: u64) -> (Tracer, usize) {
    let mut rng = Rng::new(seed, 1);
    let mut tracer = Tracer::default();
    let [batch, classes] = [9, 7].map(|most| 1 + rng.below(most) as usize);
    let depth = 1 + rng.below(4) as usize;
    let same = 1 + rng.below(20) as usize;
    let width = |rng: &mut Rng| if rng.below(2) == 0 { same } else { 1 + rng.below(70) as usize };
    let mut widths = vec![width(&mut rng)];
    widths.extend((1..depth).map(|_| width(&mut rng)));
    widths.push(classes);
    let random = |rng: &mut Rng, n: usize| -> Vec<f64> { (0..n).map(|_| rng.normal() * 0.5).collect() };
    let x = random(&mut rng, batch * widths[0]);
    let x = tracer.leaf(0, DType::Float32, &[batch, widths[0]], &x);
    let labels: Vec<f64> = (0..batch).map(|_| f64::from(rng.below(classes as u32))).collect();
    let labels = tracer.leaf(0, DType::Int32, &[batch], &labels);
    let mut layers: Vec<(usize, usize, Option<usize>, usize)> = Vec::new();
    for pair in widths.windows(2) {
        let shared =
            layers.iter().find(|layer| (layer.0, layer.3) == (pair[0], pair[1]) && pair[0] == pair[1]);
        if let Some(layer) = shared.copied() {
            layers.push(layer);
            continue;
        }
        let weight = random(&mut rng, pair[0] * pair[1]);
        let weight = tracer.leaf(1, DType::Float32, &[pair[1], pair[0]], &weight);
        let bias = (rng.below(4) > 0).then(|| {
            let values = random(&mut rng, pair[1]);
            tracer.leaf(1, DType::Float32, &[pair[1]], &values)
        });
        layers.push((pair[0], weight, bias, pair[1]));
    }
    let detaches = rng.below(3) == 0;
    let mut h = x;
    for (number, &(inputs, weight, bias, outputs)) in layers.iter().enumerate() {
        let operands: Vec<usize> = [Some(h), Some(weight), bias].into_iter().flatten().collect();
        let mut y = tracer.op("linear", "{}", &operands);
        if detaches && rng.below(3) == 0 {
            tracer.detach(rng.below(operands.len() as u32) as usize);
        }
        if number + 1 < layers.len() {
            y = match rng.below(6) {
                0..=2 => tracer.op("relu", "{}", &[y]),
                3 => tracer.op("tanh", "{}", &[y]),
                4 => tracer.op("gelu", "{}", &[y]),
                _ => y,
            };
            if inputs == outputs && rng.below(2) == 0 {
                y = tracer.op("add", "{}", &[y, h]);
            }
            if detaches && rng.below(3) == 0 {
                tracer.detach(0);
            }
            if rng.below(4) == 0 {
                y = tracer.op("view", &format!(r#"{{"shape": [{batch}, {outputs}]}}"#), &[y]);
            }
        }
        h = y;
    }
    let loss = tracer.op("crossEntropy", "{}", &[h, labels]);
    (tracer, loss)
}

#[test]
fn networks_in_a_plan_are_the_eager_ones() {
    for seed in 0..150 {
        let (tracer, loss) = random_network(seed);
        compare(&format!("network {seed}: {:?}", tracer.nodes), &tracer, loss);
    }
}

/// A plan for two dense layers with a relu between them, with these rules.
fn two_layers(rule: Sgd) -> Plan<f64> {
    let mut tracer = Tracer::default();
    let x = tracer.leaf(0, DType::Float32, &[4, 3], &[0.5; 12]);
    let labels = tracer.leaf(0, DType::Int32, &[4], &[0.0; 4]);
    let [w, v] =
        [[5, 3], [2, 5]].map(|shape| tracer.leaf(1, DType::Float32, &shape, &vec![0.1; shape[0] * shape[1]]));
    let h = tracer.op("linear", "{}", &[x, w]);
    let h = tracer.op("relu", "{}", &[h]);
    let y = tracer.op("linear", "{}", &[h, v]);
    let loss = tracer.op("crossEntropy", "{}", &[y, labels]);
    let mut updates = Updates::none(2);
    updates.group.fill(Some(0));
    updates.rules.push(Box::new(rule));
    Plan::compile(&tracer.program(loss), &[], &updates, Weights::Lent).unwrap()
}

#[test]
fn what_can_be_fused_is() {
    let fused = |plan: &Plan<f64>| -> Vec<String> {
        plan.explain()
            .steps
            .into_iter()
            .filter(|step| !step.fused.is_empty())
            .map(|step| step.fused.join(" + "))
            .collect()
    };
    let plain = two_layers(Sgd::new(0.1));
    let (mask, descent) = ("linear gradient + relu gradient", "linear gradient + update");
    assert_eq!(fused(&plain), ["linear + relu", mask, descent, descent]);
    assert_eq!(plain.explain().steps.len(), 7, "{:?}", plain.explain());
    let momentum = two_layers(Sgd { momentum: 0.9, ..Sgd::new(0.1) });
    assert_eq!(fused(&momentum), ["linear + relu", mask]);
}

/// Which parameters a plan for this program keeps.
fn kept(tracer: &Tracer, loss: usize, rule: Sgd, parameters: usize) -> Vec<usize> {
    let mut updates = Updates::<f64>::none(parameters);
    updates.group.fill(Some(0));
    updates.rules.push(Box::new(rule));
    let plan = Plan::compile(&tracer.program(loss), &[], &updates, Weights::Kept).unwrap();
    let labels: Vec<String> = plan.explain().steps.into_iter().flat_map(|step| step.inputs).collect();
    let is_kept = |p: &usize| {
        labels.iter().any(|label| label.starts_with(&format!("parameter {p}:")) && label.contains("kept"))
    };
    (0..parameters).filter(is_kept).collect()
}

#[test]
fn weights_that_meet_no_gradient_of_an_input_are_kept() {
    for rule in [Sgd::new(0.1), Sgd { momentum: 0.9, ..Sgd::new(0.1) }] {
        // The first of two layers; not the second, nor what is small.
        for (width, expected) in [(40, &[0][..]), (31, &[])] {
            let mut tracer = Tracer::default();
            let x = tracer.leaf(0, DType::Float32, &[4, 3], &[0.5; 12]);
            let labels = tracer.leaf(0, DType::Int32, &[4], &[0.0; 4]);
            let w = tracer.leaf(1, DType::Float32, &[width, 3], &vec![0.1; 3 * width]);
            let v = tracer.leaf(1, DType::Float32, &[50, width], &vec![0.1; 50 * width]);
            let h = tracer.op("linear", "{}", &[x, w]);
            let y = tracer.op("linear", "{}", &[h, v]);
            let loss = tracer.op("crossEntropy", "{}", &[y, labels]);
            assert_eq!(kept(&tracer, loss, rule.clone(), 2), expected);
        }
        // What is read otherwise as well stays as it is.
        let mut tracer = Tracer::default();
        let x = tracer.leaf(0, DType::Float32, &[4, 40], &[0.5; 160]);
        let w = tracer.leaf(1, DType::Float32, &[40, 40], &[0.1; 1600]);
        let h = tracer.op("linear", "{}", &[x, w]);
        let y = tracer.op("mul", "{}", &[w, w]);
        let [h, y] = [h, y].map(|v| tracer.op("sum", "{}", &[v]));
        let loss = tracer.op("add", "{}", &[h, y]);
        assert_eq!(kept(&tracer, loss, rule, 1), [0; 0]);
    }
}

#[test]
fn a_plan_for_another_optimizer_changes_nothing() {
    let mut plan = two_layers(Sgd::new(0.1));
    let mut updates = Updates::none(2);
    updates.group.fill(Some(0));
    updates.rules.push(Box::new(Sgd { momentum: 0.9, ..Sgd::new(0.1) }));
    let (mut w, mut v) = ([0.1; 15], [0.1; 10]);
    let bindings = Bindings::writing([&mut w[..], &mut v[..]], [vec![], vec![]]);
    plan.forward(&bindings, &updates, false).unwrap();
    let error = plan.backward(&bindings, &updates, false).unwrap_err();
    assert!(error.message.contains("compiled for another optimizer"), "{error}");
    drop(bindings);
    assert_eq!((w, v), ([0.1; 15], [0.1; 10]));
}

#[test]
fn parameters_of_another_size_are_refused() {
    let mut plan = two_layers(Sgd::new(0.1));
    let short = Bindings::reading([&[0.0; 15][..], &[0.0; 9]]);
    assert!(plan.forward(&short, &Updates::none(2), false).is_err());
    let missing = Bindings::reading([&[0.0; 15][..]]);
    assert!(plan.forward(&missing, &Updates::none(2), false).is_err());
}
