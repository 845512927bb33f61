//! What the machine itself can do with the instruction set in use: the yardstick of plans and of benchmarks.

use std::hint::black_box;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::clock::Instant;
use crate::kernels::simd::{Simd, Vectorized, dispatch};
use crate::pool::{MAX_THREADS, parallel_for, with_num_threads};

/// Multiply-adds on registers, in independent chains: more of them than latency × throughput of any core.
#[derive(Clone, Copy, Debug)]
pub struct Peak {
    /// How often each of the chains is multiplied and added to.
    pub steps: usize,
}

impl Vectorized for Peak {
    /// Floating-point operations, and the time that they took.
    type Output = (f64, Duration);

    unsafe fn run<V: Simd>(self) -> (f64, Duration) {
        // Arm cores have up to four units and twice the registers.
        const CHAINS: usize = if cfg!(target_arch = "aarch64") { 24 } else { 12 };
        let start = Instant::now();
        // SAFETY: `dispatch` chose `V`.
        let sums = unsafe {
            V::enter(
                #[inline(always)]
                || {
                    let (factor, term) = (V::splat(black_box(0.999)), V::splat(black_box(0.001)));
                    let mut chains = [V::splat(0.5); CHAINS];
                    for _ in 0..self.steps {
                        for chain in &mut chains {
                            *chain = chain.mul_add(factor, term);
                        }
                    }
                    chains.into_iter().reduce(|a, b| a.add(b)).map(|sum| V::sum4([sum; 4]))
                },
            )
        };
        let seconds = start.elapsed();
        black_box(sums);
        ((self.steps * CHAINS * V::LANES * 2) as f64, seconds)
    }
}

/// Steps of an attempt, some 0.05 ms of them, and how many attempts; in browsers clocks are coarse, so there is a long one.
const ATTEMPTS: (usize, usize) = if cfg!(target_arch = "wasm32") { (800_000, 1) } else { (15_000, 60) };

/// Floating-point operations a second that `threads` threads reach in multiply-adds: the best attempt of each while all
/// are at it; no more of them than there are cores. Takes some 3 ms. None if they never were, since the machine or the pool has other work.
pub fn peak(threads: usize) -> Option<f64> {
    let (steps, attempts) = ATTEMPTS;
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = threads.clamp(1, MAX_THREADS.min(cores));
    let (running, total) = (AtomicUsize::new(0), Mutex::new(Some(0.0)));
    let all_run = || running.load(Ordering::SeqCst) == threads;
    let best = |_| {
        let together = all_run();
        let (flops, time) = dispatch(Peak { steps });
        (together && all_run() && !time.is_zero()).then(|| flops / time.as_secs_f64())
    };
    with_num_threads(threads, || {
        parallel_for(threads, 1, &|_| {
            running.fetch_add(1, Ordering::SeqCst);
            let best = (0..attempts).filter_map(best).max_by(f64::total_cmp);
            running.fetch_sub(1, Ordering::SeqCst);
            let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
            *total = total.zip(best).map(|(sum, rate)| sum + rate);
        });
    });
    total.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::isa::{available, with_isa};

    #[test]
    fn every_instruction_set_has_a_peak() {
        for isa in available() {
            let (flops, rate) = with_isa(isa, || (dispatch(Peak { steps: 10 }).0, peak(1)));
            assert!(flops >= 10.0 * 12.0 * 2.0);
            assert!(rate.is_some_and(|rate| rate.is_finite() && rate > flops), "{rate:?}");
        }
    }
}
