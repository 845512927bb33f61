//! The thread pool: work cut into fixed lanes.
//!
//! [`parallel_for`] cuts a range into lanes that depend on its length and the number of threads alone, never on what the
//! machine is doing: whoever runs them, the same lanes give the same bits. Lane 0 runs on the caller, lane i on worker i,
//! whose caches know it from the last time. A lane that its worker has not begun when the caller is through with its own
//! is run by the caller, so that a sleeping worker or a busy machine delays nothing.
//!
//! The pool serves one caller at a time; one who finds it taken — from another thread, or from within a lane — runs all
//! its lanes itself, in order. Workers are started when they are first needed, spin a little when they run out of work,
//! and then sleep. They never end: a process may exit over them.

use std::any::Any;
use std::cell::Cell;
use std::hint::spin_loop;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::kernels::isa::{Isa, isa, with_isa};

/// The most threads that may be asked for.
pub const MAX_THREADS: usize = 256;

/// How long a worker that ran out of work spins before it sleeps: waking it takes the system some 50 µs, and the next
/// work of a training loop often comes sooner.
const SPIN: Duration = Duration::from_micros(100);

/// How often the caller looks whether its workers are through before it sleeps, some 50 µs: lanes are equal, and a worker
/// that is this late has lost its core. It may have the caller's.
const WAIT_SPINS: usize = 2_000;

/// The number of threads that [`set_num_threads`] has set; 0 before.
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static OVERRIDE: Cell<Option<usize>> = const { Cell::new(None) };
    static LANE: Cell<usize> = const { Cell::new(0) };
}

/// The number of the lane that this thread is running, from 0 on; 0 outside of lanes. Whoever runs it, a lane of a
/// [`parallel_for`] has the same number each time, and it is below [`get_num_threads`].
pub fn lane() -> usize {
    LANE.get()
}

/// An error unless `n` threads may be asked for.
fn checked(n: usize, whose: &str) -> Result<usize> {
    match n {
        1..=MAX_THREADS => Ok(n),
        _ => Err(Error::argument(format!("{whose}: expected 1 to {MAX_THREADS} threads, got {n}"))),
    }
}

/// The number of threads that a value of `FERROGRAD_NUM_THREADS` asks for: all that the machine has where it asks for none.
fn choose(wish: Option<&str>) -> Result<usize> {
    let Some(wish) = wish.filter(|wish| !wish.is_empty()) else {
        return Ok(thread::available_parallelism().map_or(1, |n| n.get().min(MAX_THREADS)));
    };
    let n = wish.parse().map_err(|_| {
        Error::argument(format!("FERROGRAD_NUM_THREADS: expected 1 to {MAX_THREADS} threads, got {wish:?}"))
    })?;
    checked(n, "FERROGRAD_NUM_THREADS")
}

/// What was chosen when it was first asked for.
static CHOICE: OnceLock<Result<usize>> = OnceLock::new();

/// The number of threads at the start: what the machine has, or what the environment variable `FERROGRAD_NUM_THREADS`
/// says. If that is not 1 to [`MAX_THREADS`], an [`ErrorKind::Argument`](crate::ErrorKind::Argument) error.
pub fn default_num_threads() -> Result<usize> {
    CHOICE.get_or_init(|| choose(std::env::var("FERROGRAD_NUM_THREADS").ok().as_deref())).clone()
}

/// As [`default_num_threads`], where the host reads the environment; without effect if anything has run before.
pub fn initialize_num_threads(wish: &str) -> Result<usize> {
    CHOICE.get_or_init(|| choose(Some(wish))).clone()
}

/// Sets the number of lanes that work is cut into; an error unless it is 1 to [`MAX_THREADS`].
pub fn set_num_threads(n: usize) -> Result<()> {
    THREADS.store(checked(n, "setNumThreads")?, Ordering::Relaxed);
    Ok(())
}

/// The number of lanes that work is cut into.
pub fn get_num_threads() -> usize {
    OVERRIDE.get().unwrap_or_else(|| match THREADS.load(Ordering::Relaxed) {
        0 => default_num_threads().unwrap_or(1),
        n => n,
    })
}

/// Runs `f` with another number of threads, for what this thread and the lanes that it opens compute.
///
/// # Panics
/// If it is not 1 to [`MAX_THREADS`].
pub fn with_num_threads<R>(n: usize, f: impl FnOnce() -> R) -> R {
    struct Restore(Option<usize>);
    impl Drop for Restore {
        fn drop(&mut self) {
            OVERRIDE.set(self.0);
        }
    }
    assert!((1..=MAX_THREADS).contains(&n), "expected 1 to {MAX_THREADS} threads, got {n}");
    let _restore = Restore(OVERRIDE.replace(Some(n)));
    f()
}

/// The lanes that [`parallel_for`] cuts `0..items` into, in order.
pub fn lanes(items: usize, grain: usize) -> impl Iterator<Item = Range<usize>> {
    let cut = Cut::new(items, grain);
    (0..cut.lanes).map(move |lane| cut.lane(lane))
}

/// How a range is cut.
#[derive(Clone, Copy)]
struct Cut {
    items: usize,
    grain: usize,
    lanes: usize,
}

impl Cut {
    fn new(items: usize, grain: usize) -> Self {
        let grain = grain.max(1);
        Self { items, grain, lanes: get_num_threads().min(items.div_ceil(grain)) }
    }

    fn lane(self, lane: usize) -> Range<usize> {
        let units = self.items.div_ceil(self.grain);
        let edge = |lane: usize| (units * lane / self.lanes * self.grain).min(self.items);
        edge(lane)..edge(lane + 1)
    }
}

/// Runs `body` over `0..items`, cut into at most [`get_num_threads`] contiguous lanes of whole multiples of `grain`, but
/// for the end of the last. Lanes run at the same time or one after the other; all have ended on return.
///
/// # Panics
/// If `body` does, once all lanes have ended.
pub fn parallel_for(items: usize, grain: usize, body: &(dyn Fn(Range<usize>) + Sync)) {
    let cut = Cut::new(items, grain);
    match cut.lanes {
        0 => {}
        1 => {
            let outer = LANE.replace(0);
            body(0..items);
            LANE.set(outer);
        }
        _ => Job {
            body,
            cut,
            threads: get_num_threads(),
            isa: isa(),
            running: AtomicUsize::new(0),
            panic: Mutex::new(None),
            caller: thread::current(),
        }
        .run(),
    }
}

/// The lanes of one [`parallel_for`].
struct Job<'a> {
    body: &'a (dyn Fn(Range<usize>) + Sync),
    cut: Cut,
    /// What holds for the caller must hold for its lanes.
    threads: usize,
    isa: Isa,
    /// Workers that may still use this job.
    running: AtomicUsize,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    caller: Thread,
}

/// Where a worker finds its work; a cache line of its own, because it spins on it.
#[repr(align(128))]
struct Worker {
    /// A job whose lane it shall run, or null. Whoever swaps the job out, the worker or the caller, runs the lane.
    job: AtomicPtr<Job<'static>>,
    /// The running thread; `None` if the system would not start one.
    thread: OnceLock<Option<Thread>>,
}

/// The worker of lane 1, that of lane 2, …
static WORKERS: [Worker; MAX_THREADS - 1] =
    [const { Worker { job: AtomicPtr::new(ptr::null_mut()), thread: OnceLock::new() } }; MAX_THREADS - 1];

/// Whether some job has the workers.
static TAKEN: AtomicBool = AtomicBool::new(false);

impl Job<'_> {
    fn run(&self) {
        if TAKEN.swap(true, Ordering::Acquire) {
            for lane in 0..self.cut.lanes {
                self.run_lane(lane);
            }
        } else {
            self.share();
            TAKEN.store(false, Ordering::Release);
        }
        if let Some(panic) = self.panic.lock().unwrap_or_else(PoisonError::into_inner).take() {
            resume_unwind(panic);
        }
    }

    /// Runs lane 0 and whatever lanes the workers do not take, and waits for those that they took.
    fn share(&self) {
        let workers = &WORKERS[..self.cut.lanes - 1];
        self.running.store(workers.len(), Ordering::Relaxed);
        let job: *const Self = self;
        for (index, worker) in workers.iter().enumerate() {
            worker.job.store(job.cast::<Job<'static>>().cast_mut(), Ordering::Release);
            if let Some(thread) = worker.thread.get_or_init(|| start(index)) {
                thread.unpark();
            }
        }
        self.run_lane(0);
        for (index, worker) in workers.iter().enumerate() {
            if !worker.job.swap(ptr::null_mut(), Ordering::Relaxed).is_null() {
                self.run_lane(index + 1);
                self.running.fetch_sub(1, Ordering::Relaxed);
            }
        }
        let mut spins = 0;
        while self.running.load(Ordering::Acquire) > 0 {
            if spins < WAIT_SPINS {
                spins += 1;
                spin_loop();
            } else {
                thread::park();
            }
        }
    }

    fn run_lane(&self, lane: usize) {
        let outer = LANE.replace(lane);
        let run =
            || with_num_threads(self.threads, || with_isa(self.isa, || (self.body)(self.cut.lane(lane))));
        if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
            self.panic.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(panic);
        }
        LANE.set(outer);
    }
}

/// Starts the worker of lane `index + 1`.
fn start(index: usize) -> Option<Thread> {
    let worker = thread::Builder::new().name(format!("ferrograd-{}", index + 1)).spawn(move || work(index));
    worker.ok().map(|worker| worker.thread().clone())
}

/// A worker's life.
fn work(index: usize) {
    let slot = &WORKERS[index].job;
    let mut idle = Instant::now();
    loop {
        // Looking is cheaper than taking: the cache line stays where it is until there is something.
        let found = (0..32).any(|_| {
            spin_loop();
            !slot.load(Ordering::Relaxed).is_null()
        });
        let job = if found { slot.swap(ptr::null_mut(), Ordering::Acquire) } else { ptr::null_mut() };
        // SAFETY: a job that was swapped out of the slot lives until `running` says that this worker is through with it.
        if let Some(job) = unsafe { job.as_ref() } {
            job.run_lane(index + 1);
            let caller = job.caller.clone();
            job.running.fetch_sub(1, Ordering::Release); // `job` may be gone from here on
            caller.unpark();
            idle = Instant::now();
        } else if idle.elapsed() > SPIN {
            thread::park(); // `share` puts the job into the slot before it unparks: none is missed
        }
    }
}

#[cfg(test)]
mod tests;
