//! Batches of images out of 60,000 in random order, as a loader makes them of MNIST: microseconds a batch.
//!
//! `cargo bench --bench gather -- [isa=NAME]`. Between the batches 600 kB of something else pass through the caches. What
//! the next batch is, is worth knowing as long as the second cache holds it and all that.

use std::hint::black_box;
use std::time::Instant;

use ferrograd_core::data::gather::{Normalization, gather_images};
use ferrograd_core::kernels::isa::{available, with_isa};
use ferrograd_core::pool::set_num_threads;
use ferrograd_core::rng::Rng;

const IMAGES: usize = 60_000;
const PIXELS: usize = 28 * 28;
const BATCH: usize = 64;
/// Numbers that pass through the caches between the batches.
const STEP: usize = 150_000;

fn main() {
    let wish = std::env::args().find_map(|argument| argument.strip_prefix("isa=").map(str::to_owned));
    set_num_threads(1).expect("a number of threads");
    let mut rng = Rng::new(1, 0);
    let images: Vec<u8> = (0..IMAGES * PIXELS).map(|i| (i * 89 % 251) as u8).collect();
    let mut order = vec![0; IMAGES];
    let mut step = vec![1.0f32; STEP];
    for isa in available().into_iter().filter(|isa| wish.as_deref().is_none_or(|wish| wish == isa.name())) {
        for (name, mean, std) in [("to [0, 1]", 0.0, 1.0), ("MNIST's mean and deviation", 0.1307, 0.3081)] {
            let normalization = Normalization::new(255.0, &[mean], &[std]).expect("a normalization");
            let mut out = vec![0.0; BATCH * PIXELS];
            let mut median = |known: bool| {
                rng.permutation(&mut order);
                let batches: Vec<&[i32]> = order.chunks_exact(BATCH).collect();
                let mut times: Vec<f64> = batches
                    .windows(2)
                    .map(|pair| {
                        step.iter_mut().for_each(|x| *x *= 0.999);
                        black_box(&step);
                        let next = if known { pair[1] } else { &[] };
                        let start = Instant::now();
                        with_isa(isa, || {
                            gather_images(&images, PIXELS, pair[0], next, &normalization, black_box(&mut out))
                        })
                        .expect("a batch");
                        start.elapsed().as_secs_f64() * 1e6
                    })
                    .collect();
                times.sort_by(f64::total_cmp);
                times[times.len() / 2]
            };
            // In turns, so that what slows the machine down slows down both.
            let rounds: Vec<[f64; 2]> = (0..5).map(|_| [median(false), median(true)]).collect();
            let best = |i: usize| rounds.iter().map(|round| round[i]).fold(f64::INFINITY, f64::min);
            println!(
                "{:9} {name:27} {:5.1} µs a batch, {:5.1} µs where the next one is known",
                isa.name(),
                best(0),
                best(1)
            );
        }
    }
}
