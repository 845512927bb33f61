//! Compiled plans: what a host tells a session in JSON and in arrays.

use serde::{Deserialize, Serialize};

use super::Buffer;
use crate::data::gather::Normalization;
use crate::plan::{
    Bindings, Column, Manner, Outcome, Plan, Program, Session, Stopped, Streams, Updates, Weights,
};
use crate::{DType, Data, Error, Result, optim};

fn json<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| Error::internal(format!("the binding got wrong JSON: {e}")))
}

/// The elements of all arrays.
pub fn all_data(arrays: &[Buffer]) -> Result<Vec<Data<'_, f32>>> {
    arrays.iter().map(Buffer::data).collect()
}

/// A session for parameters of so many elements.
pub fn create(parameter_elements: &Buffer) -> Result<Session> {
    let elements: Vec<usize> = parameter_elements.ints()?.iter().map(|&n| n.max(0) as usize).collect();
    Ok(Session::new(&elements))
}

/// Compiles a program; its number.
pub fn compile(session: &mut Session, program: &str, constants: &[Buffer]) -> Result<u32> {
    Ok(session.compile(&Program::parse(program)?, &all_data(constants)?)? as u32)
}

/// A part of a dataset.
#[derive(Deserialize)]
struct Field {
    dtype: String,
    elements: usize,
    row: usize,
    divide: Option<f64>,
    #[serde(default)]
    mean: Vec<f32>,
    #[serde(default)]
    std: Vec<f32>,
}

/// Makes room for data; its number. `fields` says in JSON what each part has.
pub fn add_data(session: &mut Session, fields: &str) -> Result<u32> {
    let fields: Vec<Field> = json(fields)?;
    let columns = fields.iter().map(|field| {
        let normalization = match field.divide {
            None => None,
            Some(divide) => Some(Normalization::new(divide as f32, &field.mean, &field.std)?),
        };
        Column::new(DType::parse(&field.dtype)?, field.elements, field.row, normalization)
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    Ok(session.add_data(columns) as u32)
}

/// Takes a copy of the next elements of a field of data.
pub fn append_data(session: &mut Session, data: u32, field: u32, elements: &Buffer) -> Result<()> {
    let column = session.columns(data as usize)?.get_mut(field as usize);
    column.ok_or_else(|| Error::internal("there is no such field"))?.append(elements.data()?)
}

/// The rules of an optimizer.
#[derive(Deserialize)]
struct Optimizer {
    rule: String,
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    options: Box<serde_json::value::RawValue>,
    parameters: Vec<usize>,
}

/// The rules of the optimizer from now on, as JSON.
pub fn set_optimizer(session: &mut Session, optimizer: &str) -> Result<()> {
    let Optimizer { rule, groups } = json(optimizer)?;
    let groups = groups
        .into_iter()
        .map(|group| Ok((optim::parse(&rule, group.options.get())?, group.parameters)))
        .collect::<Result<Vec<_>>>()?;
    session.set_groups(groups)
}

/// Pairs of what the session has and arrays of the same sizes.
fn pairs<'a, B>(
    ours: (Vec<&'a mut [f32]>, Vec<&'a mut [f32]>),
    theirs: (impl Iterator<Item = B>, impl Iterator<Item = B>),
    length: impl Fn(&B) -> usize,
) -> Result<Vec<(&'a mut [f32], B)>> {
    let mut all = Vec::new();
    let wrong = || Error::state("a parameter or a buffer of the optimizer was detached or resized");
    let mut join = |ours: Vec<&'a mut [f32]>, theirs: &mut dyn Iterator<Item = B>| {
        for ours in ours {
            let theirs = theirs.next().filter(|theirs| length(theirs) == ours.len()).ok_or_else(wrong)?;
            all.push((ours, theirs));
        }
        theirs.next().map_or(Ok(()), |_| Err(wrong()))
    };
    let (mut first, mut second) = theirs;
    join(ours.0, &mut first)?;
    join(ours.1, &mut second)?;
    Ok(all)
}

/// Copies values in.
pub fn write(session: &mut Session, parameters: &[Buffer], buffers: &[Buffer], steps: &Buffer) -> Result<()> {
    let parameters = parameters.iter().map(Buffer::floats).collect::<Result<Vec<_>>>()?;
    let buffers = buffers.iter().map(Buffer::floats).collect::<Result<Vec<_>>>()?;
    let steps = steps.ints()?;
    for (ours, theirs) in
        pairs(session.values()?, (parameters.into_iter(), buffers.into_iter()), |x| x.len())?
    {
        ours.copy_from_slice(theirs);
    }
    session.update_counts().into_iter().zip(steps).for_each(|(ours, &n)| *ours = n.max(0) as u64);
    Ok(())
}

/// Copies values out.
pub fn read(
    session: &mut Session,
    parameters: &mut [Buffer],
    buffers: &mut [Buffer],
    steps: &mut Buffer,
) -> Result<()> {
    let parameters = parameters.iter_mut().map(Buffer::floats_mut).collect::<Result<Vec<_>>>()?;
    let buffers = buffers.iter_mut().map(Buffer::floats_mut).collect::<Result<Vec<_>>>()?;
    let steps = steps.ints_mut()?;
    for (ours, theirs) in
        pairs(session.values()?, (parameters.into_iter(), buffers.into_iter()), |x| x.len())?
    {
        theirs.copy_from_slice(ours);
    }
    session.update_counts().into_iter().zip(steps).for_each(|(ours, n)| *n = *ours as i32);
    Ok(())
}

/// What a plan does, as JSON.
pub fn explain(session: &mut Session, plan: u32) -> Result<String> {
    let info = session.explain(plan as usize)?;
    serde_json::to_string(&info).map_err(|e| Error::internal(format!("a plan cannot be told: {e}")))
}

/// The manner of a run; `seed` has four words: the seed, and the number of the first stream.
pub fn manner(seed: &Buffer, allow_non_finite: bool) -> Result<Manner> {
    let [seed_low, seed_high, low, high] = seed.ints()? else {
        return Err(Error::internal("the binding expected four words of seed"));
    };
    let join = |low: i32, high: i32| u64::from(high as u32) << 32 | u64::from(low as u32);
    let streams = Streams { seed: join(*seed_low, *seed_high), first: join(*low, *high) };
    Ok(Manner { streams, allow_non_finite })
}

/// The plan of a full batch and that of a shorter last one, from an array that has one or both.
pub fn plans(plans: &Buffer) -> Result<(usize, Option<usize>)> {
    let plans = plans.ints()?;
    let full = *plans.first().ok_or_else(|| Error::internal("the binding expected a plan"))?;
    Ok((full as usize, plans.get(1).map(|&plan| plan as usize)))
}

/// How a run ended, but for its losses.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Steps that are done.
    pub steps: u32,
    /// The samples of these.
    pub samples: f64,
    /// What each metric has counted.
    pub metrics: Vec<f64>,
    /// `done`, `aborted` or `nonFinite`.
    pub stopped: &'static str,
    /// How long it took.
    pub seconds: f64,
}

/// The losses of a run, and the rest.
pub fn summary(outcome: Outcome) -> (Vec<f32>, Summary) {
    let summary = Summary {
        steps: outcome.steps as u32,
        samples: outcome.samples as f64,
        metrics: outcome.metrics,
        stopped: match outcome.stopped {
            Stopped::Done => "done",
            Stopped::Aborted => "aborted",
            Stopped::NonFinite => "nonFinite",
        },
        seconds: outcome.seconds,
    };
    (outcome.losses, summary)
}

/// A plan without training, run on the caller's thread.
#[derive(Debug)]
pub struct Inference {
    plan: Plan<f32>,
    updates: Updates<f32>,
    kept: Option<Kept>,
}

/// Copies of parameters, and a plan that has those which it keeps.
#[derive(Debug)]
struct Kept {
    parameters: Vec<Vec<f32>>,
    plan: Plan<f32>,
}

impl Kept {
    /// For the number of threads of now.
    fn new(plan: &Plan<f32>, parameters: Vec<Vec<f32>>, updates: &Updates<f32>) -> Result<Self> {
        let mut plan = plan.keeping(updates)?;
        plan.load(&Bindings::reading(parameters.iter().map(Vec::as_slice)))?;
        Ok(Self { parameters, plan })
    }
}

impl Inference {
    /// Compiles a program that does not train.
    pub fn compile(program: &str, constants: &[Buffer]) -> Result<Self> {
        let updates = Updates::none(0);
        let plan = Plan::compile(&Program::parse(program)?, &all_data(constants)?, &updates, Weights::Lent)?;
        Ok(Self { plan, updates, kept: None })
    }

    /// Copies the parameters: from now on [`Inference::run`] can do without them, and is faster. None are let go of.
    pub fn keep(&mut self, parameters: &[Buffer]) -> Result<()> {
        self.kept = None;
        if !parameters.is_empty() {
            let copies = parameters.iter().map(|p| Ok(p.floats()?.to_vec())).collect::<Result<_>>()?;
            self.kept = Some(Kept::new(&self.plan, copies, &self.updates)?);
        }
        Ok(())
    }

    /// Computes `output` from a batch. The parameters are read where they are; if there are none, those that are kept.
    pub fn run(&mut self, inputs: &[Buffer], parameters: &[Buffer], output: &mut Buffer) -> Result<()> {
        let Self { plan, updates, kept } = self;
        let floats = |parameter| Buffer::floats(parameter);
        let (plan, parameters) = match kept {
            Some(kept) if parameters.is_empty() => {
                if kept.plan.is_outdated() {
                    *kept = Kept::new(plan, std::mem::take(&mut kept.parameters), updates)?;
                }
                (&mut kept.plan, kept.parameters.iter().map(Vec::as_slice).collect())
            }
            _ => {
                plan.adapt(updates)?;
                (plan, parameters.iter().map(floats).collect::<Result<Vec<_>>>()?)
            }
        };
        for (number, input) in inputs.iter().enumerate().take(plan.input_count()) {
            plan.fill(number, input.data()?)?;
        }
        plan.forward(&Bindings::reading(parameters), updates, false)?;
        let (from, to) = (plan.output(), output.floats_mut()?);
        if from.len() != to.len() {
            return Err(Error::state("the buffer of the result was detached or resized"));
        }
        to.copy_from_slice(from);
        Ok(())
    }
}
