//! A training: parameters, what the optimizer remembers, data, and the plans that run on them.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crate::clock::Instant;
use crate::data::gather::{Normalization, gather_images, gather_rows};
use crate::dtype::{DType, Data, DataMut};
use crate::error::{Error, Result};
use crate::optim::UpdateRule;
use crate::plan::buffer::Buffer;
use crate::plan::judge;
use crate::plan::keep::Weights;
use crate::plan::memory::{Bindings, Constant};
use crate::plan::program::Program;
use crate::plan::run::Plan;
use crate::plan::step::{PlanInfo, Updates};
use crate::pool;

/// Every so many steps one is timed.
const PROFILED: usize = 16;

/// A part of the items of a dataset: what one input of a program is gathered from.
#[derive(Debug)]
pub struct Column {
    rows: Constant<f32>,
    /// How many elements there are once all are appended.
    elements: usize,
    /// Elements of an item.
    row: usize,
    /// For images: how bytes become numbers.
    normalization: Option<Normalization>,
}

impl Column {
    /// Room for `elements` of a type, rows of `row` each, to be appended; with a normalization they are images of bytes.
    pub fn new(
        dtype: DType,
        elements: usize,
        row: usize,
        normalization: Option<Normalization>,
    ) -> Result<Self> {
        if row == 0 || !elements.is_multiple_of(row) || (normalization.is_some() && dtype != DType::Uint8) {
            return Err(Error::internal("a column of data does not have whole rows"));
        }
        Ok(Self { rows: Constant::with_capacity(dtype, elements), elements, row, normalization })
    }

    /// Adds a copy of the next elements.
    pub fn append(&mut self, elements: Data<'_, f32>) -> Result<()> {
        if elements.len() <= self.elements - self.rows.data().len() && self.rows.append(elements) {
            return Ok(());
        }
        Err(Error::internal("a piece of data is of another type than its column, or does not fit"))
    }

    fn is_whole(&self) -> bool {
        self.rows.data().len() == self.elements
    }
}

/// What one may see and do from outside while a run goes on.
#[derive(Debug, Default)]
pub struct Control {
    abort: AtomicBool,
    steps: AtomicUsize,
    samples: AtomicUsize,
    loss: AtomicU64,
}

impl Control {
    /// Stops the run after its current step.
    pub fn abort(&self) {
        self.abort.store(true, Ordering::Relaxed);
    }

    /// Steps and samples that are done, and the sum of the losses.
    pub fn progress(&self) -> (usize, usize, f64) {
        let [steps, samples] = [&self.steps, &self.samples].map(|count| count.load(Ordering::Relaxed));
        (steps, samples, f64::from_bits(self.loss.load(Ordering::Relaxed)))
    }

    /// For a new run.
    pub fn reset(&self) {
        self.abort.store(false, Ordering::Relaxed);
        self.steps.store(0, Ordering::Relaxed);
        self.samples.store(0, Ordering::Relaxed);
        self.loss.store(0, Ordering::Relaxed);
    }

    pub(super) fn aborted(&self) -> bool {
        self.abort.load(Ordering::Relaxed)
    }

    pub(super) fn publish(&self, (steps, samples, loss): (usize, usize, f64)) {
        self.steps.store(steps, Ordering::Relaxed);
        self.samples.store(samples, Ordering::Relaxed);
        self.loss.store(loss.to_bits(), Ordering::Relaxed);
    }
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// All is done.
    Done,
    /// It was told to.
    Aborted,
    /// The next step's loss was not finite; that step was not taken.
    NonFinite,
}

/// How a run went.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Steps that are done: the parameters are those after the last of them.
    pub steps: usize,
    /// The samples of these.
    pub samples: usize,
    /// The loss of each.
    pub losses: Vec<f32>,
    /// What each metric has counted.
    pub metrics: Vec<f64>,
    /// Why it ended.
    pub stopped: Stopped,
    /// How long it took.
    pub seconds: f64,
}

/// Which batches to run, with which plans.
#[derive(Clone, Debug)]
pub struct Epoch<'a> {
    /// The plan of a full batch, and that of a shorter last one; without it the rest is left out.
    pub plans: (usize, Option<usize>),
    /// Which data.
    pub data: usize,
    /// The items, in order.
    pub order: &'a [i32],
    /// How many make a batch.
    pub batch: usize,
}

/// The first stream of random numbers of a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Streams {
    /// The generator's seed.
    pub seed: u64,
    /// The number of the first stream.
    pub first: u64,
}

impl Streams {
    pub(super) fn words(self, stream: u64) -> [i32; 4] {
        let number = self.first.wrapping_add(stream);
        [self.seed, self.seed >> 32, number, number >> 32].map(|word| word as u32 as i32)
    }
}

/// How a run deals with randomness and with losses that are not finite.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// What dropout draws from.
    pub streams: Streams,
    /// Whether a loss that is NaN or infinite stops nothing.
    pub allow_non_finite: bool,
}

/// A training.
#[derive(Debug)]
pub struct Session {
    parameters: Vec<Buffer<f32>>,
    /// What the optimizer remembers of each parameter.
    memories: Vec<Vec<Buffer<f32>>>,
    updates: Updates<f32>,
    plans: Vec<Plan<f32>>,
    /// The plan that has the parameters which it keeps.
    loaded: Option<usize>,
    data: Vec<Vec<Column>>,
}

/// The elements of several arrays.
pub type Elements<'a> = Vec<&'a mut [f32]>;

/// Parameters of one group, and their rule.
pub type Group = (Box<dyn UpdateRule<f32>>, Vec<usize>);

impl Session {
    /// With parameters of so many elements, all 0.
    pub fn new(parameters: &[usize]) -> Self {
        Self {
            parameters: parameters.iter().map(|&elements| Buffer::new(elements)).collect(),
            memories: parameters.iter().map(|_| Vec::new()).collect(),
            updates: Updates::none(parameters.len()),
            plans: Vec::new(),
            loaded: None,
            data: Vec::new(),
        }
    }

    /// Compiles a program; its number. Errors are those of [`Plan::compile`].
    pub fn compile(&mut self, program: &Program, constants: &[Data<'_, f32>]) -> Result<usize> {
        self.plans.push(Plan::compile(program, constants, &self.updates, Weights::Kept)?);
        Ok(self.plans.len() - 1)
    }

    /// Takes data in, which may be appended later; its number.
    pub fn add_data(&mut self, columns: Vec<Column>) -> usize {
        self.data.push(columns);
        self.data.len() - 1
    }

    /// The columns of data.
    pub fn columns(&mut self, data: usize) -> Result<&mut [Column]> {
        self.data.get_mut(data).map(Vec::as_mut_slice).ok_or_else(no_data)
    }

    /// Has the system provide the memory of data that is to be appended: that takes as long as to copy it.
    pub fn touch_data(&mut self, data: usize) -> Result<()> {
        self.columns(data)?.iter_mut().for_each(|column| column.rows.touch());
        Ok(())
    }

    /// The rules from now on. What was remembered is kept where its size stays. Plans that would be others are made anew.
    pub fn set_groups(&mut self, groups: Vec<Group>) -> Result<()> {
        self.settle()?;
        let count = self.parameters.len();
        let mut updates = Updates { steps: self.updates.steps.clone(), ..Updates::none(count) };
        for (number, (rule, parameters)) in groups.into_iter().enumerate() {
            rule.check()?;
            for parameter in parameters {
                *updates.group.get_mut(parameter).ok_or_else(|| Error::internal("no such parameter"))? =
                    Some(number);
            }
            updates.rules.push(rule);
        }
        let structure = |updates: &Updates<f32>| -> Vec<_> {
            let of = |p| updates.rule(p).map(|rule| (rule.buffers(), rule.descent().is_some()));
            (0..count).map(of).collect()
        };
        if structure(&updates) != structure(&self.updates) {
            for (parameter, memory) in self.memories.iter_mut().enumerate() {
                let buffers = updates.rule(parameter).map_or(0, |rule| rule.buffers());
                if memory.len() != buffers {
                    let elements = self.parameters[parameter].as_slice().len();
                    *memory = (0..buffers).map(|_| Buffer::new(elements)).collect();
                    updates.steps[parameter] = 0;
                }
            }
            let again = self.plans.iter().map(|plan| plan.compile_again(&updates));
            self.plans = again.collect::<Result<_>>()?;
        }
        self.updates = updates;
        Ok(())
    }

    /// The elements of each parameter, then of each buffer of the optimizer's, in order.
    pub fn values(&mut self) -> Result<(Elements<'_>, Elements<'_>)> {
        self.settle()?;
        let parameters = self.parameters.iter_mut().map(Buffer::as_mut_slice).collect();
        Ok((parameters, self.memories.iter_mut().flatten().map(Buffer::as_mut_slice).collect()))
    }

    /// Takes back the parameters that a plan has kept since it ran.
    fn settle(&mut self) -> Result<()> {
        let Self { parameters, memories, plans, loaded, .. } = self;
        settle(loaded, plans, &lend(parameters, memories))
    }

    /// How many updates each parameter has had, of those that are in a group.
    pub fn update_counts(&mut self) -> Vec<&mut u64> {
        let Updates { group, steps, .. } = &mut self.updates;
        group.iter().zip(steps).filter_map(|(group, steps)| group.map(|_| steps)).collect()
    }

    /// A plan.
    fn plan(&mut self, number: usize) -> Result<&mut Plan<f32>> {
        self.plans.get_mut(number).ok_or_else(no_plan)
    }

    /// How many streams of random numbers each step of a plan takes.
    pub fn streams(&self, plan: usize) -> usize {
        self.plans.get(plan).map_or(0, Plan::seed_count)
    }

    /// What a plan does, for people.
    pub fn explain(&mut self, plan: usize) -> Result<PlanInfo> {
        self.plan(plan).map(|plan| plan.explain())
    }

    /// Runs an epoch. An error, such as a label out of range, ends it at the last step before.
    pub fn run(&mut self, epoch: &Epoch<'_>, manner: Manner, control: &Control) -> Result<Outcome> {
        let (full, rest) = epoch.plans;
        let batch = epoch.batch.max(1);
        let whole = epoch.order.len() / batch;
        let count = whole + usize::from(rest.is_some() && !epoch.order.len().is_multiple_of(batch));
        let plans: Vec<usize> =
            (0..count).map(|step| if step < whole { full } else { rest.unwrap_or(full) }).collect();
        let columns = self.data.get(epoch.data).ok_or_else(no_data)?;
        if !columns.iter().all(Column::is_whole) {
            return Err(Error::internal("a part of the data is not there yet"));
        }
        for &number in plans.first().into_iter().chain(plans.last()) {
            let plan = self.plans.get(number).ok_or_else(no_plan)?;
            if plan.input_count() > columns.len() {
                return Err(Error::internal("a program has more inputs than the data has columns"));
            }
        }
        let chunks = |number: usize| epoch.order.chunks(batch).nth(number).unwrap_or_default();
        let fill = |step: usize, plan: &mut Plan<f32>, columns: &[Column]| {
            for (input, column) in columns.iter().enumerate().take(plan.input_count()) {
                plan.fill_with(input, &|out| column.gather(chunks(step), chunks(step + 1), out))?;
            }
            Ok(())
        };
        let samples = |step: usize| chunks(step).len();
        let trains = plans.first().is_some_and(|&plan| self.plans[plan].trains());
        if trains || !judge::pays(&self.parameters, &plans) {
            return self.steps(epoch.data, &plans, samples, fill, manner, control);
        }
        self.settle()?;
        let Self { parameters, plans: compiled, data, .. } = self;
        let columns = &data[epoch.data][..];
        let fill = |step: usize, plan: &mut Plan<f32>| fill(step, plan, columns);
        judge::judge(parameters, compiled, &plans, &samples, &fill, manner, control)
    }

    /// Runs one batch, whose inputs have these elements, of `samples` items.
    pub fn step(
        &mut self,
        plan: usize,
        inputs: &[Data<'_, f32>],
        samples: usize,
        manner: Manner,
        control: &Control,
    ) -> Result<Outcome> {
        let fill = |_: usize, plan: &mut Plan<f32>, _: &[Column]| copy_batch(plan, inputs);
        self.plan(plan)?;
        self.steps(0, &[plan], |_| samples, fill, manner, control)
    }

    /// The output of a plan for one batch.
    pub fn predict(&mut self, plan: usize, inputs: &[Data<'_, f32>]) -> Result<Vec<f32>> {
        let Self { parameters, memories, updates, plans, loaded, .. } = self;
        plans.get(plan).ok_or_else(no_plan)?;
        let bindings = lend(parameters, memories);
        adapt(loaded, plans, updates, &bindings)?;
        load(plan, loaded, plans, &bindings)?;
        let plan = &mut plans[plan];
        copy_batch(plan, inputs)?;
        plan.forward(&bindings, updates, false)?;
        Ok(plan.output().to_vec())
    }

    /// The loop, on as many threads as are set now. `plans` names one for each step; `fill` makes its inputs.
    fn steps(
        &mut self,
        data: usize,
        plans: &[usize],
        samples: impl Fn(usize) -> usize,
        fill: impl FnMut(usize, &mut Plan<f32>, &[Column]) -> Result<()>,
        manner: Manner,
        control: &Control,
    ) -> Result<Outcome> {
        pool::with_num_threads(pool::get_num_threads(), || {
            self.steps_with(data, plans, samples, fill, manner, control)
        })
    }

    fn steps_with(
        &mut self,
        data: usize,
        plans: &[usize],
        samples: impl Fn(usize) -> usize,
        mut fill: impl FnMut(usize, &mut Plan<f32>, &[Column]) -> Result<()>,
        manner: Manner,
        control: &Control,
    ) -> Result<Outcome> {
        let begin = Instant::now();
        let Self { parameters, memories, updates, plans: compiled, loaded, data: all } = self;
        let bindings = lend(parameters, memories);
        adapt(loaded, compiled, updates, &bindings)?;
        let metrics = plans.first().map_or(0, |&plan| compiled[plan].metric_count());
        let losses = Vec::with_capacity(plans.len());
        let mut outcome = Outcome {
            steps: 0,
            samples: 0,
            losses,
            metrics: vec![0.0; metrics],
            stopped: Stopped::Done,
            seconds: 0.0,
        };
        let columns = all.get(data).map_or(&[][..], Vec::as_slice);
        let (mut streams, mut sum) = (0, 0.0);
        for (step, &plan) in plans.iter().enumerate() {
            if control.aborted() {
                outcome.stopped = Stopped::Aborted;
                break;
            }
            load(plan, loaded, compiled, &bindings)?;
            let plan = &mut compiled[plan];
            let profile = step % PROFILED == 1;
            fill(step, plan, columns)?;
            for seed in 0..plan.seed_count() {
                plan.set_seed(seed, manner.streams.words(streams + seed as u64));
            }
            plan.forward(&bindings, updates, profile)?;
            let loss = plan.loss().map_or(0.0, f64::from);
            if !loss.is_finite() && !manner.allow_non_finite {
                outcome.stopped = Stopped::NonFinite;
                break;
            }
            plan.count(&mut outcome.metrics);
            if plan.trains() {
                plan.backward(&bindings, updates, profile)?;
                plan.updated().iter().for_each(|&parameter| updates.steps[parameter] += 1);
            }
            streams += plan.seed_count() as u64;
            sum += loss;
            outcome.losses.push(loss as f32);
            outcome.steps += 1;
            outcome.samples += samples(step);
            control.publish((outcome.steps, outcome.samples, sum));
        }
        outcome.seconds = begin.elapsed().as_secs_f64();
        Ok(outcome)
    }
}

/// Parameters and what the optimizer remembers, for plans.
fn lend<'a>(parameters: &'a mut [Buffer<f32>], memories: &'a mut [Vec<Buffer<f32>>]) -> Bindings<'a, f32> {
    Bindings::writing(
        parameters.iter_mut().map(Buffer::as_mut_slice),
        memories.iter_mut().map(|buffers| buffers.iter_mut().map(Buffer::as_mut_slice).collect()),
    )
}

/// Has the plan that keeps parameters give them back.
fn settle(loaded: &mut Option<usize>, plans: &mut [Plan<f32>], bindings: &Bindings<'_, f32>) -> Result<()> {
    loaded.take().map_or(Ok(()), |plan| plans[plan].unload(bindings))
}

/// Gives the parameters to a plan, unless it has them.
fn load(
    plan: usize,
    loaded: &mut Option<usize>,
    plans: &mut [Plan<f32>],
    bindings: &Bindings<'_, f32>,
) -> Result<()> {
    if *loaded != Some(plan) {
        settle(loaded, plans, bindings)?;
        plans[plan].load(bindings)?;
        *loaded = Some(plan);
    }
    Ok(())
}

/// Makes all plans some for the number of threads of now.
fn adapt(
    loaded: &mut Option<usize>,
    plans: &mut [Plan<f32>],
    updates: &Updates<f32>,
    bindings: &Bindings<'_, f32>,
) -> Result<()> {
    if plans.iter().any(Plan::is_outdated) {
        settle(loaded, plans, bindings)?;
    }
    plans.iter_mut().try_for_each(|plan| plan.adapt(updates))
}

impl Column {
    /// The items that `order` names; those of `next` will be wanted after them.
    fn gather(&self, order: &[i32], next: &[i32], out: DataMut<'_, f32>) -> Result<()> {
        match (self.rows.data(), out, &self.normalization) {
            (Data::Real(rows), DataMut::Real(out), None) => gather_rows(rows, self.row, order, next, out),
            (Data::Int(rows), DataMut::Int(out), None) => gather_rows(rows, self.row, order, next, out),
            (Data::Byte(rows), DataMut::Byte(out), None) => gather_rows(rows, self.row, order, next, out),
            (Data::Byte(rows), DataMut::Real(out), Some(n)) => {
                gather_images(rows, self.row, order, next, n, out)
            }
            _ => Err(Error::internal("a column of data is of another type than the input")),
        }
    }
}

fn no_data() -> Error {
    Error::internal("there is no such data")
}

fn no_plan() -> Error {
    Error::internal("there is no such plan")
}

/// Copies a batch into the inputs of a plan.
fn copy_batch(plan: &mut Plan<f32>, inputs: &[Data<'_, f32>]) -> Result<()> {
    if inputs.len() < plan.input_count() {
        return Err(Error::internal("a batch has fewer inputs than its plan"));
    }
    let count = plan.input_count();
    inputs.iter().take(count).enumerate().try_for_each(|(number, &input)| plan.fill(number, input))
}
