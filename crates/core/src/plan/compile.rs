//! From a program to a plan.

use std::sync::Arc;
use std::time::Duration;

use crate::dtype::{DType, Data, TensorType};
use crate::error::{Error, Result};
use crate::graph::{self, Arena, Call, Few, reverse};
use crate::kernels::Mode;
use crate::ops;
use crate::plan::dense::{BiasGradient, Dense, DenseInputGradient, DenseWeightGradient, Sizes};
use crate::plan::keep::{Weights, keep};
use crate::plan::memory::{self, Constant, Home, Memory, Storage};
use crate::plan::metric::Judge;
use crate::plan::program::{LeafKind, MetricName, Program};
use crate::plan::rewrite::{copy_inputs, keep_columns, rewrite};
use crate::plan::run::Plan;
use crate::plan::step::{Forward, Gradient, Kernel, Phase, Place, Step, Target, Update, Updates};
use crate::plan::verify::verify;
use crate::pool::get_num_threads;
use crate::real::Real;
use crate::shape::Layout;

/// A value while compiling.
#[derive(Clone, Debug)]
struct Value {
    place: Place,
    dtype: DType,
    /// Its layout from the place on.
    layout: Layout,
}

/// A node while compiling.
struct Traced<T> {
    op: String,
    call: Arc<Call<T>>,
}

/// What is built.
struct Builder<T> {
    storages: Vec<Storage>,
    steps: Vec<Step<T>>,
    constants: Vec<Constant<T>>,
}

impl<T: Real> Builder<T> {
    fn storage(&mut self, dtype: DType, elements: usize, home: Home, label: String) -> usize {
        self.storages.push(Storage { dtype, elements, home, copies: 1, label });
        self.storages.len() - 1
    }
}

fn label(what: &str, tensor: &TensorType) -> String {
    format!("{what}: {} {}", tensor.dtype, tensor.shape)
}

impl<T: Real> Plan<T> {
    /// Compiles a program, whose constants have these elements. Which parameters a training step changes, and how, is
    /// for `updates` to say, and whether the plan may keep some of them while it runs, for `weights`.
    ///
    /// Errors are those of the operations, for shapes that do not fit; and state errors where there is nothing to train.
    pub fn compile(
        program: &Program,
        constants: &[Data<'_, T>],
        updates: &Updates<T>,
        weights: Weights,
    ) -> Result<Self> {
        let mut builder = Builder { storages: Vec::new(), steps: Vec::new(), constants: Vec::new() };
        let mut values = leaves(program, constants, &mut builder)?;
        let nodes = forward(program, &mut builder, &mut values)?;

        let mut updated = Vec::new();
        if program.train {
            let loss = program.loss.ok_or_else(|| Error::internal("a program that trains has no loss"))?;
            updated = backward(program, loss, &nodes, &values, updates, &mut builder)?;
        }
        let place = |value: usize| values[value].place;
        let inputs = (0..program.count(LeafKind::Input)).map(|i| leaf(program, LeafKind::Input, i));
        let seeds = (0..program.count(LeafKind::Seed)).map(|i| leaf(program, LeafKind::Seed, i));
        let inputs: Vec<Place> = inputs.map(|leaf| leaf.map(place)).collect::<Result<_>>()?;
        let seeds: Vec<Place> = seeds.map(|leaf| leaf.map(place)).collect::<Result<_>>()?;
        let metrics = program.metrics.iter().map(|m| judge(m.name, &values[m.output], &values[m.target]));
        let metrics: Vec<Judge> = metrics.collect::<Result<_>>()?;
        let output = program.output.map(|output| (place(output), values[output].layout.shape.elements()));
        if let Some(output) = program.output
            && !(values[output].layout.is_contiguous() && values[output].dtype.is_float())
        {
            return Err(Error::internal("the output of a program must be contiguous floats"));
        }
        let loss = program.loss.map(place);

        let before: Vec<usize> = inputs.iter().chain(&seeds).map(|place| place.storage).collect();
        let judged = metrics.iter().flat_map(|judge| [judge.output, judge.target]);
        let ends = output.iter().map(|(place, _)| *place).chain(loss).chain(judged);
        let after: Vec<usize> = ends.map(|place| place.storage).collect();

        let Builder { mut storages, mut steps, constants } = builder;
        rewrite(&mut steps, &storages, updates, &after);
        let threads = get_num_threads();
        let kept = match weights {
            Weights::Kept => keep(&mut steps, &mut storages, &after),
            Weights::Lent => Vec::new(),
        };
        copy_inputs(&mut steps, &mut storages, &before, threads);
        keep_columns(&mut steps, &mut storages, threads);
        let lives = memory::lives(&storages, &steps, &before, &after);
        let assignment = memory::assign::<T>(&storages, &lives);
        verify(&storages, &assignment, &steps, &before, &after)?;
        let forward = steps.iter().take_while(|step| step.phase == Phase::Forward).count();
        let times = vec![(Duration::ZERO, 0); steps.len()];
        let memory = Memory::new(storages, assignment, constants, kept);
        Ok(Self {
            program: program.clone(),
            threads,
            weights,
            finite: false,
            steps,
            forward,
            memory,
            scratch: Arena::new(),
            inputs,
            seeds,
            output,
            loss,
            metrics,
            updated,
            times,
        })
    }
}

/// The value of leaf `index` of a kind.
fn leaf(program: &Program, kind: LeafKind, index: usize) -> Result<usize> {
    program
        .leaves
        .iter()
        .position(|leaf| leaf.kind == kind && leaf.index == index)
        .ok_or_else(|| Error::internal(format!("a program has no {kind:?} {index}")))
}

/// The leaves as values.
fn leaves<T: Real>(
    program: &Program,
    constants: &[Data<'_, T>],
    builder: &mut Builder<T>,
) -> Result<Vec<Value>> {
    program
        .leaves
        .iter()
        .map(|leaf| {
            let tensor = leaf.tensor_type()?;
            let index = leaf.index;
            let (home, what) = match leaf.kind {
                LeafKind::Input => (Home::Arena, "input"),
                LeafKind::Seed => (Home::Arena, "seed"),
                LeafKind::Parameter => (Home::Parameter(index), "parameter"),
                LeafKind::Constant => {
                    let fits = constants
                        .get(index)
                        .filter(|data| data.is(tensor.dtype) && data.len() == tensor.shape.elements());
                    let data =
                        fits.ok_or_else(|| Error::internal("a constant does not have its elements"))?;
                    builder.constants.push(Constant::copy(*data));
                    (Home::Constant(builder.constants.len() - 1), "constant")
                }
            };
            let elements = tensor.shape.elements();
            let label = label(&format!("{what} {index}"), &tensor);
            let storage = builder.storage(tensor.dtype, elements, home, label);
            let layout = Layout::contiguous(tensor.shape);
            Ok(Value { place: Place::start(storage), dtype: tensor.dtype, layout })
        })
        .collect()
}

/// Adds the steps that compute what is wanted; a node that nobody wants is prepared, but has no step.
fn forward<T: Real>(
    program: &Program,
    builder: &mut Builder<T>,
    values: &mut Vec<Value>,
) -> Result<Vec<Traced<T>>> {
    let leaves = program.leaves.len();
    let mut wanted = vec![false; leaves + program.nodes.len()];
    let judged = program.metrics.iter().flat_map(|metric| [metric.output, metric.target]);
    program.output.into_iter().chain(program.loss).chain(judged).for_each(|value| wanted[value] = true);
    for (k, node) in program.nodes.iter().enumerate().rev() {
        if wanted[leaves + k] {
            node.inputs.iter().for_each(|&input| wanted[input] = true);
        }
    }
    let mut nodes = Vec::new();
    for (k, node) in program.nodes.iter().enumerate() {
        let inputs: Vec<&Value> = node.inputs.iter().map(|&input| &values[input]).collect();
        let types: Vec<(DType, Layout)> = inputs.iter().map(|v| (v.dtype, v.layout.clone())).collect();
        let call = Arc::new(Call::new(ops::parse(&node.op, node.attributes.get())?, &types)?);
        let output = call.output().clone();
        let value = match call.alias() {
            Some(alias) => {
                let Place { storage, offset } = inputs[0].place;
                let place = Place { storage, offset: offset + alias.offset };
                Value { place, dtype: output.dtype, layout: Layout { offset: 0, ..alias.clone() } }
            }
            None => {
                let reads = inputs.iter().map(|value| Some(value.place)).collect();
                let label = label(&format!("{} {k}", node.op), &output);
                let storage = builder.storage(output.dtype, output.shape.elements(), Home::Arena, label);
                if wanted[leaves + k] {
                    let kernel: Box<dyn Kernel<T>> = match dense_sizes(&node.op, &call, &inputs) {
                        Some(sizes) => Box::new(Dense { sizes, relu: false, copies: 0, kept: false }),
                        None => Box::new(Forward { op: node.op.clone(), call: Arc::clone(&call) }),
                    };
                    builder.steps.push(Step {
                        kernel,
                        reads,
                        writes: Few::from_slice(&[Target { storage, mode: Mode::Write }]),
                        phase: Phase::Forward,
                    });
                }
                let layout = Layout::contiguous(output.shape);
                Value { place: Place::start(storage), dtype: output.dtype, layout }
            }
        };
        values.push(value);
        nodes.push(Traced { op: node.op.clone(), call });
    }
    Ok(nodes)
}

/// Adds the steps of the derivative of the loss and of the updates; returns the parameters that are updated.
fn backward<T: Real>(
    program: &Program,
    loss: usize,
    nodes: &[Traced<T>],
    values: &[Value],
    updates: &Updates<T>,
    builder: &mut Builder<T>,
) -> Result<Vec<usize>> {
    let leaves = program.leaves.len();
    if values[loss].layout.shape.elements() != 1 || !values[loss].dtype.is_float() {
        return Err(Error::shape(format!(
            "train: the loss must be a single number, got {} of shape {}; reduce it with mean() or sum()",
            values[loss].dtype, values[loss].layout.shape
        )));
    }
    let trained = |value: &usize| {
        let leaf = &program.leaves[*value];
        leaf.kind == LeafKind::Parameter && leaf.trainable && updates.rule(leaf.index).is_some()
    };
    let trained: Vec<usize> = (0..leaves).filter(trained).collect();
    let mut grads: Vec<Option<usize>> = vec![None; values.len()];
    if loss >= leaves {
        let one = builder.constants.len();
        builder.constants.push(Constant::copy(Data::Real(&[T::ONE])));
        grads[loss] = Some(builder.storage(DType::Float32, 1, Home::Constant(one), "the number 1".into()));
        let nowhere = values.len();
        let chain: Vec<graph::Node<&Call<T>>> = nodes[..=loss - leaves]
            .iter()
            .enumerate()
            .map(|(k, node)| graph::Node {
                call: &*node.call,
                inputs: program.nodes[k].sources(nowhere),
                output: leaves + k,
            })
            .collect();
        reverse::<T, _>(&chain, values.len() + 1, trained.iter().copied(), |k, targets, _| {
            let Some(dy) = grads[leaves + k] else { return };
            if let ([target], true) = (targets, nodes[k].call.renames_gradient())
                && target.mode == Mode::Write
                && builder.storages[dy].home == Home::Arena
            {
                grads[target.value] = Some(dy); // the same elements under another name
                return;
            }
            for target in targets {
                grads[target.value].get_or_insert_with(|| {
                    let Layout { shape, .. } = &values[target.value].layout;
                    let tensor = TensorType::new(DType::Float32, shape.clone());
                    let what = label(&format!("gradient of {}", name(program, target.value)), &tensor);
                    builder.storage(DType::Float32, shape.elements(), Home::Arena, what)
                });
            }
            let written = |target: &graph::Target| Target {
                storage: grads[target.value].unwrap_or_default(),
                mode: target.mode,
            };
            let inputs = &program.nodes[k].inputs;
            let y = values[leaves + k].place;
            gradient_steps(&nodes[k], inputs, y, dy, targets, &written, values, &mut builder.steps);
        });
    }
    let mut updated = Vec::new();
    for leaf in trained {
        let Some(grad) = grads[leaf] else { continue };
        let parameter = program.leaves[leaf].index;
        let buffers = updates.rule(parameter).map_or(0, |rule| rule.buffers());
        let elements = values[leaf].layout.shape.elements();
        let mut writes: Few<Target> =
            Few::from_slice(&[Target { storage: values[leaf].place.storage, mode: Mode::Add }]);
        for buffer in 0..buffers {
            let what = format!("buffer {buffer} of parameter {parameter}");
            let home = Home::Memory { parameter, buffer };
            writes.push(Target {
                storage: builder.storage(DType::Float32, elements, home, what),
                mode: Mode::Add,
            });
        }
        let reads = Few::from_slice(&[Some(Place::start(grad))]);
        builder.steps.push(Step {
            kernel: Box::new(Update { parameter }),
            reads,
            writes,
            phase: Phase::Backward,
        });
        updated.push(parameter);
    }
    Ok(updated)
}

/// What a value is, for people.
fn name(program: &Program, value: usize) -> String {
    match value.checked_sub(program.leaves.len()) {
        Some(k) => format!("{} {k}", program.nodes[k].op),
        None => format!("{:?} {}", program.leaves[value].kind, program.leaves[value].index).to_lowercase(),
    }
}

/// Adds the steps of the derivative of one node: of a plain dense layer one for each gradient, so that each can be fused
/// with what follows it; of any other one for all.
#[expect(clippy::too_many_arguments, reason = "all that is known of a node")]
fn gradient_steps<T: Real>(
    node: &Traced<T>,
    inputs: &[usize],
    y: Place,
    dy: usize,
    targets: &[graph::Target],
    written: &dyn Fn(&graph::Target) -> Target,
    values: &[Value],
    steps: &mut Vec<Step<T>>,
) {
    let dy = Some(Place::start(dy));
    let place = |input: usize| Some(values[inputs[input]].place);
    let mut push = |kernel, reads: &[Option<Place>], writes| {
        let reads = Few::from_slice(reads);
        steps.push(Step { kernel, reads, writes, phase: Phase::Backward });
    };
    let operands: Few<&Value> = inputs.iter().map(|&input| &values[input]).collect();
    if let Some(sizes) = dense_sizes(&node.op, &node.call, &operands) {
        for target in targets {
            let writes = Few::from_slice(&[written(target)]);
            match target.input {
                0 => push(
                    Box::new(DenseInputGradient { sizes, relu: false, columns: false }),
                    &[dy, place(1)],
                    writes,
                ),
                1 => push(
                    Box::new(DenseWeightGradient {
                        sizes,
                        descent: None,
                        copies: 0,
                        columns: false,
                        kept: false,
                    }),
                    &[dy, place(0)],
                    writes,
                ),
                _ => push(Box::new(BiasGradient), &[dy], writes),
            }
        }
        return;
    }
    let reads = node.call.reads();
    let mut places: Vec<Option<Place>> =
        (0..inputs.len()).map(|i| place(i).filter(|_| reads.reads_input(i))).collect();
    places.extend([reads.output.then_some(y), dy]);
    let kernel = Gradient {
        op: node.op.clone(),
        call: Arc::clone(&node.call),
        inputs: targets.iter().map(|target| target.input).collect(),
    };
    push(Box::new(kernel), &places, targets.iter().map(written).collect());
}

/// The sizes of a `linear` whose operands all lie row-major.
fn dense_sizes<T: Real>(op: &str, call: &Call<T>, inputs: &[&Value]) -> Option<Sizes> {
    if op != "linear" || !inputs.iter().all(|value| value.layout.is_contiguous()) {
        return None;
    }
    let weight = &inputs[1].layout.shape;
    let rows = call.output().shape.elements().checked_div(weight[0])?;
    Some(Sizes { rows, inputs: weight[1], outputs: weight[0] })
}

/// A metric of two values; an error unless they fit it.
fn judge(name: MetricName, output: &Value, target: &Value) -> Result<Judge> {
    let (scores, labels) = (&output.layout.shape, &target.layout.shape);
    let fits = scores.len() == 2
        && labels[..] == scores[..1]
        && output.layout.is_contiguous()
        && target.layout.is_contiguous()
        && output.dtype.is_float();
    if !fits {
        return Err(Error::shape(format!(
            "accuracy: expected outputs [N, classes] and labels [N], got {scores} and {labels}"
        )));
    }
    let (output, target) = (output.place, target.place);
    Ok(Judge { name, output, target, rows: scores[0], classes: scores[1] })
}
