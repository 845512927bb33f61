//! Epochs in which nothing changes. Batches do not wait for each other then: every thread takes the next one, and runs it
//! by itself, with a plan of its own. Whoever runs it, a batch gives the same bits.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::clock::Instant;
use crate::error::{Error, Result};
use crate::plan::buffer::Buffer;
use crate::plan::memory::Bindings;
use crate::plan::run::Plan;
use crate::plan::session::{Control, Manner, Outcome, Stopped};
use crate::plan::step::Updates;
use crate::pool::{get_num_threads, parallel_for, with_num_threads};

/// With more parameters, each thread's own plan would take too much memory; and the threads have enough to do in one batch.
const MOST_ELEMENTS: usize = 4 * 1024 * 1024;

/// Whether to run steps so, with these parameters.
pub fn pays(parameters: &[Buffer<f32>], steps: &[usize]) -> bool {
    let elements = parameters.iter().map(|parameter| parameter.as_slice().len()).sum::<usize>();
    get_num_threads() > 1 && steps.len() > 1 && elements <= MOST_ELEMENTS
}

/// What a thread works with, and what came of it.
struct Judge {
    /// A plan of its own for each that steps name.
    plans: Vec<(usize, Plan<f32>)>,
    scores: Vec<Score>,
    failure: Option<(usize, Error)>,
}

/// What came of a step.
struct Score {
    step: usize,
    loss: f64,
    metrics: Vec<f64>,
}

/// Runs the steps, of which each has the number of one of the `compiled` plans; `fill` makes its inputs.
///
/// An error is that of the first batch that is wrong.
pub fn judge(
    parameters: &[Buffer<f32>],
    compiled: &[Plan<f32>],
    steps: &[usize],
    samples: &(dyn Fn(usize) -> usize + Sync),
    fill: &(dyn Fn(usize, &mut Plan<f32>) -> Result<()> + Sync),
    manner: Manner,
    control: &Control,
) -> Result<Outcome> {
    let begin = Instant::now();
    let updates = Updates::none(parameters.len());
    let judges = (0..get_num_threads().min(steps.len())).map(|_| {
        let mut plans: Vec<(usize, Plan<f32>)> = Vec::new();
        for &number in steps.first().into_iter().chain(steps.last()) {
            if plans.iter().all(|&(other, _)| other != number) {
                let mut plan = with_num_threads(1, || compiled[number].compile_again(&updates))?;
                plan.load(&lend(parameters))?;
                plans.push((number, plan));
            }
        }
        Ok(Mutex::new(Judge { plans, scores: Vec::new(), failure: None }))
    });
    let judges: Vec<Mutex<Judge>> = judges.collect::<Result<_>>()?;
    let (next, progress) = (AtomicUsize::new(0), Mutex::new((0, 0, 0.0)));
    parallel_for(judges.len(), 1, &|lanes| {
        let mut judge = judges[lanes.start].lock().unwrap_or_else(PoisonError::into_inner);
        let bindings = lend(parameters);
        loop {
            let step = next.fetch_add(1, Ordering::Relaxed);
            if step >= steps.len() || control.aborted() {
                break;
            }
            let score =
                with_num_threads(1, || judge.score(step, steps[step], &bindings, &updates, fill, manner));
            match score {
                Ok(score) => {
                    let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
                    *progress = (progress.0 + 1, progress.1 + samples(step), progress.2 + score.loss);
                    control.publish(*progress);
                    judge.scores.push(score);
                }
                Err(error) => {
                    judge.failure = Some((step, error));
                    next.store(steps.len(), Ordering::Relaxed);
                }
            }
        }
    });
    let mut judges: Vec<Judge> =
        judges.into_iter().map(|judge| judge.into_inner().unwrap_or_else(PoisonError::into_inner)).collect();
    let failures = judges.iter_mut().filter_map(|judge| judge.failure.take());
    if let Some((_, error)) = failures.min_by_key(|&(step, _)| step) {
        return Err(error);
    }
    let mut scores: Vec<Score> = judges.into_iter().flat_map(|judge| judge.scores).collect();
    scores.sort_unstable_by_key(|score| score.step);
    // Of an epoch that was told to stop, what is in one piece from the start.
    let whole = scores.iter().enumerate().take_while(|(i, score)| *i == score.step).count();
    let finite = |score: &Score| score.loss.is_finite() || manner.allow_non_finite;
    let count = scores[..whole].iter().take_while(|score| finite(score)).count();
    let mut metrics = vec![0.0; compiled[steps[0]].metric_count()];
    for score in &scores[..count] {
        metrics.iter_mut().zip(&score.metrics).for_each(|(sum, x)| *sum += x);
    }
    Ok(Outcome {
        steps: count,
        samples: (0..count).map(samples).sum(),
        losses: scores[..count].iter().map(|score| score.loss as f32).collect(),
        metrics,
        stopped: match count {
            _ if count < whole => Stopped::NonFinite,
            _ if count < steps.len() => Stopped::Aborted,
            _ => Stopped::Done,
        },
        seconds: begin.elapsed().as_secs_f64(),
    })
}

/// The parameters, to be read.
fn lend(parameters: &[Buffer<f32>]) -> Bindings<'_, f32> {
    Bindings::reading(parameters.iter().map(Buffer::as_slice))
}

impl Judge {
    fn score(
        &mut self,
        step: usize,
        number: usize,
        bindings: &Bindings<'_, f32>,
        updates: &Updates<f32>,
        fill: &dyn Fn(usize, &mut Plan<f32>) -> Result<()>,
        manner: Manner,
    ) -> Result<Score> {
        let plan = self.plans.iter_mut().find(|(other, _)| *other == number);
        let (_, plan) = plan.ok_or_else(|| Error::internal("there is no such plan"))?;
        fill(step, plan)?;
        for seed in 0..plan.seed_count() {
            // Steps before the last are of the same plan.
            plan.set_seed(seed, manner.streams.words((step * plan.seed_count() + seed) as u64));
        }
        plan.forward(bindings, updates, false)?;
        let mut metrics = vec![0.0; plan.metric_count()];
        plan.count(&mut metrics);
        Ok(Score { step, loss: plan.loss().map_or(0.0, f64::from), metrics })
    }
}
