//! Compiled plans: sessions that train on a thread of their own, and inference on the caller's.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use ferrograd_core::host::session::{self, Summary};
use ferrograd_core::plan::{self, Control, Epoch, Outcome};
use ferrograd_core::{Data, Error, Result, roofline};
use napi::Env;
use napi::bindgen_prelude::{Object, ToNapiValue};
use napi_derive::napi;

use crate::boundary::{Code, guard};
use crate::buffers::{Array, Borrowed, all};

/// How a run ended.
#[napi(object, object_from_js = false)]
pub struct RunResult {
    /// Steps that are done.
    pub steps: u32,
    /// The samples of these.
    pub samples: f64,
    /// The loss of each.
    pub losses: Array<f32>,
    /// What each metric has counted.
    pub metrics: Vec<f64>,
    /// `done`, `aborted` or `nonFinite`.
    pub stopped: &'static str,
    /// How long it took.
    pub seconds: f64,
}

impl From<Outcome> for RunResult {
    fn from(outcome: Outcome) -> Self {
        let (losses, Summary { steps, samples, metrics, stopped, seconds }) = session::summary(outcome);
        Self { steps, samples, losses: Array(losses), metrics, stopped, seconds }
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
        let session = Mutex::new(session::create(&parameter_elements)?);
        let shared = Shared { session, control: Control::default(), busy: AtomicBool::new(false) };
        Ok(Session { shared: Arc::new(shared), jobs: None })
    })
}

#[napi]
impl Session {
    /// Compiles a program; its number.
    #[napi]
    pub fn compile(&self, program: String, constants: Vec<Borrowed>) -> napi::Result<u32, Code> {
        guard(|| session::compile(&mut *self.shared.idle()?, &program, &all(constants)))
    }

    /// Makes room for data, on the session's thread; its number.
    #[napi(ts_return_type = "Promise<number>")]
    pub fn add_data<'env>(&mut self, env: &'env Env, fields: String) -> napi::Result<Object<'env>, Code> {
        self.start(env, || {
            Ok(move |session: &mut plan::Session, _: &Control| {
                let data = session::add_data(session, &fields)?;
                session.touch_data(data as usize)?;
                Ok(data)
            })
        })
    }

    /// Takes a copy of the next elements of a field of data.
    #[napi]
    pub fn append_data(&self, data: u32, field: u32, elements: Borrowed) -> napi::Result<(), Code> {
        guard(|| session::append_data(&mut *self.shared.idle()?, data, field, &elements))
    }

    /// The rules of the optimizer from now on.
    #[napi]
    pub fn set_optimizer(&self, optimizer: String) -> napi::Result<(), Code> {
        guard(|| session::set_optimizer(&mut *self.shared.idle()?, &optimizer))
    }

    /// Copies values in.
    #[napi]
    pub fn write(
        &self,
        parameters: Vec<Borrowed>,
        buffers: Vec<Borrowed>,
        steps: Borrowed,
    ) -> napi::Result<(), Code> {
        guard(|| session::write(&mut *self.shared.idle()?, &all(parameters), &all(buffers), &steps))
    }

    /// Copies values out.
    #[napi]
    pub fn read(
        &self,
        parameters: Vec<Borrowed>,
        buffers: Vec<Borrowed>,
        mut steps: Borrowed,
    ) -> napi::Result<(), Code> {
        guard(|| {
            let session = &mut *self.shared.idle()?;
            session::read(session, &mut all(parameters), &mut all(buffers), &mut steps)
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
            let manner = session::manner(&seed, allow_non_finite)?;
            let plans = session::plans(&plans)?;
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
            let manner = session::manner(&seed, allow_non_finite)?;
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
                session.predict(plan as usize, &inputs).map(Array)
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
        guard(|| session::explain(&mut *self.shared.idle()?, plan))
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

/// Floating-point operations a second that so many threads reach on this machine; null where it has too much else to do.
#[napi]
pub fn peak(threads: u32) -> Option<f64> {
    roofline::peak(threads as usize)
}

/// A plan without training, run on the caller's thread.
#[napi]
pub struct Inference(session::Inference);

/// Compiles a program that does not train.
#[napi]
pub fn compile_inference(program: String, constants: Vec<Borrowed>) -> napi::Result<Inference, Code> {
    guard(|| Ok(Inference(session::Inference::compile(&program, &all(constants))?)))
}

#[napi]
impl Inference {
    /// Copies the parameters, for `run` without them; none are let go of.
    #[napi]
    pub fn keep(&mut self, parameters: Vec<Borrowed>) -> napi::Result<(), Code> {
        guard(|| self.0.keep(&all(parameters)))
    }

    /// Computes `output` from a batch; the parameters are read where they are, or those that are kept if there are none.
    #[napi]
    pub fn run(
        &mut self,
        inputs: Vec<Borrowed>,
        parameters: Vec<Borrowed>,
        mut output: Borrowed,
    ) -> napi::Result<(), Code> {
        guard(|| self.0.run(&all(inputs), &all(parameters), &mut output))
    }
}
