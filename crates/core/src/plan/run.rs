//! A plan that is ready: what runs it step by step, and looks at the results.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Instant;
use crate::dtype::{Data, DataMut};
use crate::error::{Error, Result};
use crate::graph::{Arena, Few};
use crate::kernels::Mode;
use crate::plan::keep::Weights;
use crate::plan::memory::{Bindings, Constant, Memory};
use crate::plan::metric::Judge;
use crate::plan::program::Program;
use crate::plan::step::{Context, Phase, Place, PlanInfo, Step, StepInfo, Target, Updates, Written, real};
use crate::pool::{get_num_threads, parallel_for, with_num_threads};
use crate::real::Real;

/// A program compiled for one batch shape: ready to run.
#[derive(Debug)]
pub struct Plan<T> {
    pub(super) program: Program,
    /// What it was compiled for.
    pub(super) threads: usize,
    pub(super) weights: Weights,
    /// Whether what it keeps is finite while it runs.
    pub(super) finite: bool,
    pub(super) steps: Vec<Step<T>>,
    /// How many steps come before the loss is known.
    pub(super) forward: usize,
    pub(super) memory: Memory<T>,
    /// What operations convert and rearrange lives here; after the first step it is never enlarged.
    pub(super) scratch: Arena<T>,
    pub(super) inputs: Vec<Place>,
    pub(super) seeds: Vec<Place>,
    pub(super) output: Option<(Place, usize)>,
    pub(super) loss: Option<Place>,
    pub(super) metrics: Vec<Judge>,
    pub(super) updated: Vec<usize>,
    pub(super) times: Vec<(Duration, u32)>,
}

/// A memory that several threads write, each its own copy of an input.
struct Shared<'a, T>(&'a Memory<T>);

// SAFETY: `fill_with` gives every thread another copy.
unsafe impl<T: Sync> Sync for Shared<'_, T> {}

impl<'a, T> Shared<'a, T> {
    fn get(&self) -> &'a Memory<T> {
        self.0
    }
}

impl<T: Real> Plan<T> {
    /// The same program, compiled for these updates and the number of threads of now.
    pub fn compile_again(&self, updates: &Updates<T>) -> Result<Self> {
        self.compile_with(updates, self.weights)
    }

    /// The same program, compiled for the number of threads of now, and so that it keeps weights.
    pub fn keeping(&self, updates: &Updates<T>) -> Result<Self> {
        self.compile_with(updates, Weights::Kept)
    }

    fn compile_with(&self, updates: &Updates<T>, weights: Weights) -> Result<Self> {
        let constants: Vec<Data<'_, T>> = self.memory.constants().iter().map(Constant::data).collect();
        Self::compile(&self.program, &constants, updates, weights)
    }

    /// Whether it was compiled for another number of threads than that of now.
    pub fn is_outdated(&self) -> bool {
        self.threads != get_num_threads()
    }

    /// Takes over the parameters that it keeps: from here to [`Plan::unload`] it is the plan that has them.
    pub fn load(&mut self, bindings: &Bindings<'_, T>) -> Result<()> {
        if !self.memory.load(bindings) {
            return Err(missing());
        }
        self.finite = !self.trains() && self.memory.is_finite();
        Ok(())
    }

    /// Gives back the parameters that it keeps.
    pub fn unload(&mut self, bindings: &Bindings<'_, T>) -> Result<()> {
        if !self.trains() || (bindings.is_writable() && self.memory.unload(bindings)) {
            return Ok(());
        }
        Err(missing())
    }

    /// Makes the plan one for the number of threads of now, if it was compiled for another.
    pub fn adapt(&mut self, updates: &Updates<T>) -> Result<()> {
        if self.is_outdated() {
            *self = self.compile_again(updates)?;
        }
        Ok(())
    }

    /// Whether parameters are updated.
    pub fn trains(&self) -> bool {
        self.program.train
    }

    /// How many inputs a batch has.
    pub fn input_count(&self) -> usize {
        self.inputs.len()
    }

    /// How many streams of random numbers a step draws from.
    pub fn seed_count(&self) -> usize {
        self.seeds.len()
    }

    /// The parameters that a step changes.
    pub fn updated(&self) -> &[usize] {
        &self.updated
    }

    /// Fills an input before a step: `fill` gets its elements, once for each copy that there is, on the thread that will
    /// read it. The first error is returned.
    pub fn fill_with(
        &mut self,
        input: usize,
        fill: &(dyn Fn(DataMut<'_, T>) -> Result<()> + Sync),
    ) -> Result<()> {
        self.memory.provide();
        let Place { storage, .. } = self.inputs[input];
        let target = Target { storage, mode: Mode::Write };
        let memory = Shared(&self.memory);
        let failure = Mutex::new(None);
        let copies = self.memory.storages()[storage].copies;
        let threads = if copies > 1 { 1 } else { get_num_threads() }; // each has a copy to fill
        parallel_for(copies, 1, &|copies| {
            for copy in copies {
                // SAFETY: no step runs, the plan is borrowed mutably, and copies do not overlap.
                let to = unsafe { memory.get().write_copy(target, copy) }.data;
                if let Err(error) = with_num_threads(threads, || fill(to)) {
                    *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                }
            }
        });
        failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    /// Copies the elements of an input. An internal error if they are others than it has.
    pub fn fill(&mut self, input: usize, from: Data<'_, T>) -> Result<()> {
        self.fill_with(input, &|to| {
            match (from, to) {
                (Data::Real(from), DataMut::Real(to)) if from.len() == to.len() => to.copy_from_slice(from),
                (Data::Int(from), DataMut::Int(to)) if from.len() == to.len() => to.copy_from_slice(from),
                (Data::Byte(from), DataMut::Byte(to)) if from.len() == to.len() => to.copy_from_slice(from),
                _ => return Err(Error::internal("a batch does not fit the input of its plan")),
            }
            Ok(())
        })
    }

    /// Sets the words that key a stream of random numbers.
    pub fn set_seed(&mut self, seed: usize, words: [i32; 4]) {
        self.memory.provide();
        let Place { storage, .. } = self.seeds[seed];
        // SAFETY: as in `input`.
        let mut written = unsafe { self.memory.write(Target { storage, mode: Mode::Write }) };
        if let DataMut::Int(target) = &mut written.data {
            target.copy_from_slice(&words);
        }
    }

    /// Runs the steps up to the loss. Nothing outside the plan changes. An error of an operation that refuses a value,
    /// such as a label out of range, leaves everything as it was.
    pub fn forward(&mut self, bindings: &Bindings<'_, T>, updates: &Updates<T>, profile: bool) -> Result<()> {
        if !self.memory.bind(bindings) {
            return Err(missing());
        }
        self.run(0..self.forward, updates, profile)
    }

    /// After [`Plan::forward`] with the same, writable bindings: the derivatives and the updates.
    pub fn backward(
        &mut self,
        bindings: &Bindings<'_, T>,
        updates: &Updates<T>,
        profile: bool,
    ) -> Result<()> {
        if !(bindings.is_writable() && self.memory.bind(bindings)) {
            return Err(Error::internal("a plan that trains needs parameters to change"));
        }
        self.run(self.forward..self.steps.len(), updates, profile)
    }

    fn run(&mut self, range: std::ops::Range<usize>, updates: &Updates<T>, profile: bool) -> Result<()> {
        let Self { steps, memory, scratch, times, finite, .. } = self;
        let mut context = Context { arena: scratch, updates, finite: *finite };
        let mut begin = profile.then(Instant::now);
        for (step, time) in steps[range.clone()].iter().zip(&mut times[range]) {
            // SAFETY: `verify` has seen that every place read is written before, and that no target of a step shares
            // memory with what else it uses; the bindings lend the rest exclusively where the steps write it.
            let reads: Few<Data<'_, T>> = unsafe {
                step.reads.iter().map(|place| place.map_or(Data::Real(&[][..]), |p| memory.read(p))).collect()
            };
            // SAFETY: as above.
            let mut writes: Few<Written<'_, T>> =
                unsafe { step.writes.iter().map(|target| memory.write(*target)).collect() };
            step.kernel.run(&reads, &mut writes, &mut context)?;
            if let Some(start) = begin {
                let now = Instant::now();
                *time = (time.0 + (now - start), time.1 + 1);
                begin = Some(now);
            }
        }
        Ok(())
    }

    /// The loss of the last [`Plan::forward`].
    pub fn loss(&self) -> Option<T> {
        // SAFETY: no step runs.
        let data = unsafe { self.memory.read(self.loss?) };
        real(data).first().copied()
    }

    /// The output of the last [`Plan::forward`].
    pub fn output(&self) -> &[T] {
        let Some((place, elements)) = self.output else { return &[] };
        // SAFETY: no step runs.
        &real(unsafe { self.memory.read(place) })[..elements]
    }

    /// Adds what the metrics count of the last [`Plan::forward`] to `sums`.
    pub fn count(&self, sums: &mut [f64]) {
        for (judge, sum) in self.metrics.iter().zip(sums) {
            // SAFETY: no step runs.
            let (output, target) =
                unsafe { (self.memory.read(judge.output), self.memory.read(judge.target)) };
            *sum += judge.count(real(output), target);
        }
    }

    /// How many metrics there are.
    pub fn metric_count(&self) -> usize {
        self.metrics.len()
    }

    /// What the steps do, for people.
    pub fn explain(&self) -> PlanInfo {
        let storages = self.memory.storages();
        let bytes = |storage: usize| storages[storage].bytes::<T>() as u64;
        let label = |storage: usize| storages[storage].label.clone();
        let steps = self.steps.iter().zip(&self.times).map(|(step, (time, runs))| {
            let read = step.reads.iter().flatten().map(|place| place.storage);
            let written = step.writes.iter().map(|target| target.storage);
            let added = step.writes.iter().filter(|target| target.mode == Mode::Add);
            StepInfo {
                name: step.kernel.name(),
                phase: if step.phase == Phase::Forward { "forward" } else { "backward" },
                fused: step.kernel.fused(),
                inputs: read.clone().map(label).collect(),
                outputs: written.clone().map(label).collect(),
                bytes: read.chain(written).chain(added.map(|target| target.storage)).map(bytes).sum(),
                flops: step.kernel.flops(),
                microseconds: (*runs > 0).then(|| time.as_secs_f64() * 1e6 / f64::from(*runs)),
            }
        });
        PlanInfo { steps: steps.collect(), arena_bytes: self.memory.arena_bytes(), threads: self.threads }
    }
}

fn missing() -> Error {
    Error::state("a parameter was detached or resized")
}
