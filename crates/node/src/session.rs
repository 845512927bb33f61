//! Compiled plans: sessions that train on a thread of their own, and inference on the caller's.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use ferrograd_core::data::gather::Normalization;
use ferrograd_core::optim;
use ferrograd_core::plan::{
    self, Bindings, Column, Control, Epoch, Manner, Outcome, Plan, Program, Stopped, Streams, Updates,
};
use ferrograd_core::{Data, Error, Result};
use napi::bindgen_prelude::{Object, ToNapiValue};
use napi::{Env, sys};
use napi_derive::napi;
use serde::Deserialize;

use crate::boundary::{Code, guard};
use crate::buffers::Borrowed;

/// Floats that become a Float32Array whose memory is V8's.
pub struct Floats(Vec<f32>);

impl ToNapiValue for Floats {
    unsafe fn to_napi_value(env: sys::napi_env, Floats(floats): Self) -> napi::Result<sys::napi_value> {
        let (mut data, mut buffer, mut array) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        // SAFETY: the engine writes to the places given, or fails and says so.
        napi::check_status!(unsafe {
            sys::napi_create_arraybuffer(env, size_of_val(&floats[..]), &mut data, &mut buffer)
        })?;
        if !floats.is_empty() {
            // SAFETY: the new buffer has as many bytes, and nobody else knows it yet.
            unsafe { ptr::copy_nonoverlapping(floats.as_ptr(), data.cast(), floats.len()) };
        }
        let kind = sys::TypedarrayType::float32_array;
        // SAFETY: as the first.
        napi::check_status!(unsafe {
            sys::napi_create_typedarray(env, kind, floats.len(), buffer, 0, &mut array)
        })?;
        Ok(array)
    }
}

/// How a run ended.
#[napi(object, object_from_js = false)]
pub struct RunResult {
    /// Steps that are done.
    pub steps: u32,
    /// The samples of these.
    pub samples: f64,
    /// The loss of each.
    pub losses: Floats,
    /// What each metric has counted.
    pub metrics: Vec<f64>,
    /// `done`, `aborted` or `nonFinite`.
    pub stopped: &'static str,
    /// How long it took.
    pub seconds: f64,
}

impl From<Outcome> for RunResult {
    fn from(outcome: Outcome) -> Self {
        Self {
            steps: outcome.steps as u32,
            samples: outcome.samples as f64,
            losses: Floats(outcome.losses),
            metrics: outcome.metrics,
            stopped: match outcome.stopped {
                Stopped::Done => "done",
                Stopped::Aborted => "aborted",
                Stopped::NonFinite => "nonFinite",
            },
            seconds: outcome.seconds,
        }
    }
}

/// What the thread of a session does next.
type Job = Box<dyn FnOnce() + Send>;

/// What JavaScript and the thread of a session share.
struct Shared {
    session: Mutex<plan::Session>,
    control: Control,
    busy: AtomicBool,
}

impl Shared {
    /// The session, unless a run has it.
    fn idle(&self) -> Result<MutexGuard<'_, plan::Session>> {
        if self.busy.load(Ordering::Acquire) {
            return Err(Error::state("a run of this session is still going on"));
        }
        Ok(self.session.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Parameters, optimizer state, data and plans, with a thread that runs them.
#[napi]
pub struct Session {
    shared: Arc<Shared>,
    jobs: Option<Sender<Job>>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.shared.control.abort(); // the thread ends after the step that it is at, for want of jobs
    }
}

/// A session for parameters of so many elements.
#[napi]
pub fn create_session(parameter_elements: Borrowed) -> napi::Result<Session, Code> {
    guard(|| {
        let elements: Vec<usize> = parameter_elements.ints()?.iter().map(|&n| n.max(0) as usize).collect();
        let session = Mutex::new(plan::Session::new(&elements));
        let shared = Shared { session, control: Control::default(), busy: AtomicBool::new(false) };
        Ok(Session { shared: Arc::new(shared), jobs: None })
    })
}

/// A part of a dataset, as TypeScript describes it.
#[derive(Deserialize)]
struct Field {
    row: usize,
    divide: Option<f64>,
    #[serde(default)]
    mean: Vec<f32>,
    #[serde(default)]
    std: Vec<f32>,
}

/// The rules of an optimizer, as TypeScript describes them.
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

fn json<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| Error::internal(format!("the binding got wrong JSON: {e}")))
}

fn all_data(arrays: &[Borrowed]) -> Result<Vec<Data<'_, f32>>> {
    arrays.iter().map(|array| array.data()).collect()
}

fn manner(seed: &Borrowed, allow_non_finite: bool) -> Result<Manner> {
    let [seed_low, seed_high, low, high] = seed.ints()? else {
        return Err(Error::internal("the binding expected four words of seed"));
    };
    let join = |low: i32, high: i32| u64::from(high as u32) << 32 | u64::from(low as u32);
    let streams = Streams { seed: join(*seed_low, *seed_high), first: join(*low, *high) };
    Ok(Manner { streams, allow_non_finite })
}

/// Copies between what the session has and arrays of the same sizes.
fn exchange(
    session: &mut plan::Session,
    parameters: &mut [Borrowed],
    buffers: &mut [Borrowed],
    copy: fn(&mut [f32], &mut [f32]),
) -> Result<()> {
    let (ours, ours_remembered) = session.values();
    let pairs = [(ours, parameters), (ours_remembered, buffers)];
    for (ours, theirs) in &pairs {
        let lengths = theirs.iter().map(|array| Ok(array.floats()?.len())).collect::<Result<Vec<_>>>()?;
        if !ours.iter().map(|x| x.len()).eq(lengths) {
            return Err(Error::state("a parameter or a buffer of the optimizer was detached or resized"));
        }
    }
    for (ours, theirs) in pairs {
        for (ours, theirs) in ours.into_iter().zip(theirs) {
            copy(ours, theirs.floats_mut()?);
        }
    }
    Ok(())
}

#[napi]
impl Session {
    /// Compiles a program; its number.
    #[napi]
    pub fn compile(&self, program: String, constants: Vec<Borrowed>) -> napi::Result<u32, Code> {
        guard(|| Ok(self.shared.idle()?.compile(&Program::parse(&program)?, &all_data(&constants)?)? as u32))
    }

    /// Takes a copy of data; its number.
    #[napi]
    pub fn add_data(&self, fields: String, arrays: Vec<Borrowed>) -> napi::Result<u32, Code> {
        guard(|| {
            let fields: Vec<Field> = json(&fields)?;
            let columns = fields.iter().zip(&arrays).map(|(field, array)| {
                let normalization = match field.divide {
                    None => None,
                    Some(divide) => Some(Normalization::new(divide as f32, &field.mean, &field.std)?),
                };
                Column::copy(array.data()?, field.row, normalization)
            });
            let columns = columns.collect::<Result<Vec<_>>>()?;
            Ok(self.shared.idle()?.add_data(columns) as u32)
        })
    }

    /// The rules of the optimizer from now on.
    #[napi]
    pub fn set_optimizer(&self, optimizer: String) -> napi::Result<(), Code> {
        guard(|| {
            let Optimizer { rule, groups } = json(&optimizer)?;
            let groups = groups
                .into_iter()
                .map(|group| Ok((optim::parse(&rule, group.options.get())?, group.parameters)))
                .collect::<Result<Vec<_>>>()?;
            self.shared.idle()?.set_groups(groups)
        })
    }

    /// Copies values in.
    #[napi]
    pub fn write(
        &self,
        mut parameters: Vec<Borrowed>,
        mut buffers: Vec<Borrowed>,
        steps: Borrowed,
    ) -> napi::Result<(), Code> {
        guard(|| {
            let session = &mut *self.shared.idle()?;
            exchange(session, &mut parameters, &mut buffers, |ours, theirs| ours.copy_from_slice(theirs))?;
            let steps = steps.ints()?.iter();
            session.update_counts().into_iter().zip(steps).for_each(|(ours, &n)| *ours = n.max(0) as u64);
            Ok(())
        })
    }

    /// Copies values out.
    #[napi]
    pub fn read(
        &self,
        mut parameters: Vec<Borrowed>,
        mut buffers: Vec<Borrowed>,
        mut steps: Borrowed,
    ) -> napi::Result<(), Code> {
        guard(|| {
            let session = &mut *self.shared.idle()?;
            exchange(session, &mut parameters, &mut buffers, |ours, theirs| theirs.copy_from_slice(ours))?;
            let steps = steps.ints_mut()?.iter_mut();
            session.update_counts().into_iter().zip(steps).for_each(|(ours, n)| *n = *ours as i32);
            Ok(())
        })
    }

    /// Runs an epoch on the session's thread.
    #[napi(ts_return_type = "Promise<RunResult>")]
    #[allow(clippy::too_many_arguments, reason = "an object would cost more than it tells")]
    pub fn run<'env>(
        &mut self,
        env: &'env Env,
        plans: Borrowed,
        data: u32,
        order: Borrowed,
        batch_size: u32,
        seed: Borrowed,
        allow_non_finite: bool,
    ) -> napi::Result<Object<'env>, Code> {
        self.start(env, || {
            let manner = manner(&seed, allow_non_finite)?;
            let plans = plans.ints()?;
            let full = *plans.first().ok_or_else(|| Error::internal("the binding expected a plan"))?;
            let plans = (full as usize, plans.get(1).map(|&plan| plan as usize));
            let order = order.ints()?.to_vec();
            Ok(move |session: &mut plan::Session, control: &Control| {
                let epoch = Epoch { plans, data: data as usize, order: &order, batch: batch_size as usize };
                session.run(&epoch, manner, control).map(RunResult::from)
            })
        })
    }

    /// Runs one batch on the session's thread.
    #[napi(ts_return_type = "Promise<RunResult>")]
    pub fn step<'env>(
        &mut self,
        env: &'env Env,
        plan: u32,
        inputs: Vec<Borrowed>,
        samples: u32,
        seed: Borrowed,
        allow_non_finite: bool,
    ) -> napi::Result<Object<'env>, Code> {
        self.start(env, || {
            let manner = manner(&seed, allow_non_finite)?;
            let inputs = copies(&inputs)?;
            Ok(move |session: &mut plan::Session, control: &Control| {
                let inputs: Vec<Data<'_, f32>> = inputs.iter().map(Batch::data).collect();
                session.step(plan as usize, &inputs, samples as usize, manner, control).map(RunResult::from)
            })
        })
    }

    /// The output of a plan for one batch, computed on the session's thread.
    #[napi(ts_return_type = "Promise<Float32Array>")]
    pub fn predict<'env>(
        &mut self,
        env: &'env Env,
        plan: u32,
        inputs: Vec<Borrowed>,
    ) -> napi::Result<Object<'env>, Code> {
        self.start(env, || {
            let inputs = copies(&inputs)?;
            Ok(move |session: &mut plan::Session, _: &Control| {
                let inputs: Vec<Data<'_, f32>> = inputs.iter().map(Batch::data).collect();
                session.predict(plan as usize, &inputs).map(Floats)
            })
        })
    }

    /// Stops the run after its current step.
    #[napi]
    pub fn abort(&self) {
        self.shared.control.abort();
    }

    /// Steps and samples of the run so far, and the sum of its losses.
    #[napi]
    pub fn progress(&self) -> Vec<f64> {
        let (steps, samples, loss) = self.shared.control.progress();
        vec![steps as f64, samples as f64, loss]
    }

    /// What a plan does, as JSON.
    #[napi]
    pub fn explain(&self, plan: u32) -> napi::Result<String, Code> {
        guard(|| {
            let (steps, arena) = self.shared.idle()?.explain(plan as usize)?;
            Ok(serde_json::json!({ "steps": steps, "arenaBytes": arena }).to_string())
        })
    }

    /// Lets go of everything as soon as the run, if there is one, has stopped.
    #[napi]
    pub fn close(&mut self) {
        self.shared.control.abort();
        self.jobs = None;
        if let Ok(mut session) = self.shared.idle() {
            *session = plan::Session::new(&[]);
        }
    }

    /// Has a job done on the session's thread; a promise of its result. `prepare` copies what JavaScript could change.
    fn start<'env, R, F>(
        &mut self,
        env: &'env Env,
        prepare: impl FnOnce() -> Result<F>,
    ) -> napi::Result<Object<'env>, Code>
    where
        R: ToNapiValue + Send + 'static,
        F: FnOnce(&mut plan::Session, &Control) -> Result<R> + Send + 'static,
    {
        guard(|| {
            drop(self.shared.idle()?);
            let work = prepare()?;
            let failed = |e: napi::Error| Error::internal(format!("no promise can be made: {e}"));
            let (deferred, promise) = env.create_deferred().map_err(failed)?;
            let shared = Arc::clone(&self.shared);
            shared.control.reset();
            shared.busy.store(true, Ordering::Release);
            let job: Job = Box::new(move || {
                let result = guard(|| {
                    let mut session = shared.session.lock().unwrap_or_else(PoisonError::into_inner);
                    work(&mut session, &shared.control)
                });
                shared.busy.store(false, Ordering::Release);
                deferred.resolve(move |env: Env| result.map_err(|error| rejection(env, error)));
            });
            let sent = match &self.jobs {
                Some(jobs) => jobs.send(job).is_ok(),
                None => match start_thread() {
                    Some(jobs) => {
                        let sent = jobs.send(job).is_ok();
                        self.jobs = Some(jobs);
                        sent
                    }
                    None => {
                        job(); // the system gives no thread: the caller does it
                        true
                    }
                },
            };
            if sent { Ok(promise) } else { Err(Error::internal("the thread of a session has ended")) }
        })
    }
}

/// A thread that does the jobs sent to it, until nobody can send any more.
fn start_thread() -> Option<Sender<Job>> {
    let (sender, jobs) = channel::<Job>();
    let work = move || {
        for job in jobs {
            // What a job computes is guarded already; what is left is handing over the result.
            let _ = catch_unwind(AssertUnwindSafe(job));
        }
    };
    thread::Builder::new().name("ferrograd-run".into()).spawn(work).ok().map(|_| sender)
}

/// The JavaScript error of a failure, with its code.
fn rejection(env: Env, error: napi::Error<Code>) -> napi::Error {
    let error = napi::JsError::from(error);
    napi::Error::from(error.into_unknown(env))
}

/// A copy of an array of JavaScript.
enum Batch {
    Real(Vec<f32>),
    Int(Vec<i32>),
    Byte(Vec<u8>),
}

impl Batch {
    fn data(&self) -> Data<'_, f32> {
        match self {
            Batch::Real(x) => Data::Real(x),
            Batch::Int(x) => Data::Int(x),
            Batch::Byte(x) => Data::Byte(x),
        }
    }
}

fn copies(arrays: &[Borrowed]) -> Result<Vec<Batch>> {
    arrays
        .iter()
        .map(|array| {
            Ok(match array.data()? {
                Data::Real(x) => Batch::Real(x.to_vec()),
                Data::Int(x) => Batch::Int(x.to_vec()),
                Data::Byte(x) => Batch::Byte(x.to_vec()),
            })
        })
        .collect()
}

/// A plan without training, run on the caller's thread.
#[napi]
pub struct Inference {
    plan: Plan<f32>,
    updates: Updates<f32>,
}

/// Compiles a program that does not train.
#[napi]
pub fn compile_inference(program: String, constants: Vec<Borrowed>) -> napi::Result<Inference, Code> {
    guard(|| {
        let updates = Updates::none(0);
        let plan = Plan::compile(&Program::parse(&program)?, &all_data(&constants)?, &updates)?;
        Ok(Inference { plan, updates })
    })
}

#[napi]
impl Inference {
    /// Computes `output` from a batch; the parameters are read where they are.
    #[napi]
    pub fn run(
        &mut self,
        inputs: Vec<Borrowed>,
        parameters: Vec<Borrowed>,
        mut output: Borrowed,
    ) -> napi::Result<(), Code> {
        guard(|| {
            let Self { plan, updates } = self;
            plan.adapt(updates)?;
            for (number, input) in inputs.iter().enumerate().take(plan.input_count()) {
                plan.fill(number, input.data()?)?;
            }
            let parameters = parameters.iter().map(|array| array.floats()).collect::<Result<Vec<_>>>()?;
            plan.forward(&Bindings::reading(parameters), updates, false)?;
            let (from, to) = (plan.output(), output.floats_mut()?);
            if from.len() != to.len() {
                return Err(Error::state("the buffer of the result was detached or resized"));
            }
            to.copy_from_slice(from);
            Ok(())
        })
    }
}
