//! What the machine itself can do, with the instruction set in use: the yardsticks of the benchmarks.

use std::hint::black_box;
use std::time::{Duration, Instant};

use ferrograd_core::kernels::simd::{Simd, Vectorized, dispatch};

/// Independent multiply-adds on registers: more of them than latency × throughput of any core.
pub struct Peak {
    /// How often each of the chains is multiplied and added to.
    pub steps: usize,
}

impl Vectorized for Peak {
    /// Floating-point operations, and the time that they took.
    type Output = (f64, Duration);

    unsafe fn run<V: Simd>(self) -> (f64, Duration) {
        const CHAINS: usize = 12;
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

/// The most GFLOP/s that one thread reached in several short attempts.
#[allow(dead_code, reason = "each bench compiles its own copy of this module, and not all need it")]
pub fn peak() -> f64 {
    let attempt = || {
        let (flops, time) = dispatch(Peak { steps: 20_000 });
        flops / time.as_secs_f64() / 1e9
    };
    (0..50).map(|_| attempt()).fold(0.0, f64::max)
}

/// a = b × factor + c, as in STREAM: three numbers pass between core and memory for each step.
#[allow(dead_code, reason = "as above")]
pub struct Triad<'a> {
    pub a: &'a mut [f32],
    pub b: &'a [f32],
    pub c: &'a [f32],
}

impl Vectorized for Triad<'_> {
    type Output = ();

    unsafe fn run<V: Simd>(self) {
        let n = self.a.len().min(self.b.len()).min(self.c.len());
        let (a, b, c) = (self.a.as_mut_ptr(), self.b.as_ptr(), self.c.as_ptr());
        // SAFETY: `dispatch` chose `V`; all three have `n` numbers, and no vector goes beyond the last whole one.
        unsafe {
            V::enter(
                #[inline(always)]
                || {
                    let factor = V::splat(black_box(0.5));
                    let mut i = 0;
                    while i + V::LANES <= n {
                        V::load(b.add(i)).mul_add(factor, V::load(c.add(i))).store(a.add(i));
                        i += V::LANES;
                    }
                },
            );
        }
    }
}
