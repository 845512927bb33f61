//! Matrix products: GFLOP/s, and the share of the machine's own multiply-add peak, which is measured in the same run.
//!
//! `cargo bench --bench matmul -- [isa=NAME] [threads=N] [offset=N] [part of a shape's name]`; offset misaligns every
//! matrix by so many numbers.

use std::time::Instant;

use ferrograd_core::kernels::isa::{Isa, available, with_isa};
use ferrograd_core::kernels::{Matrix, MatrixMut, Mode, matmul};
use ferrograd_core::pool::set_num_threads;
use ferrograd_core::roofline;

/// How the operands lie: as in Y = X·Wᵀ, dW = dYᵀ·X or dX = dY·W, each row-major.
#[derive(Clone, Copy)]
enum Kind {
    Forward,
    WeightGradient,
    InputGradient,
}

use Kind::{Forward, InputGradient, WeightGradient};

/// Name, kind, rows, depth, columns.
const SHAPES: &[(&str, Kind, usize, usize, usize)] = &[
    ("784-128-10, batch 64: fc1 forward", Forward, 64, 784, 128),
    ("784-128-10, batch 64: fc1 weight gradient", WeightGradient, 128, 64, 784),
    ("784-128-10, batch 64: fc1 input gradient", InputGradient, 64, 128, 784),
    ("784-128-10, batch 64: fc2 forward", Forward, 64, 128, 10),
    ("784-128-10, batch 64: fc2 weight gradient", WeightGradient, 10, 64, 128),
    ("784-128-10, batch 64: fc2 input gradient", InputGradient, 64, 10, 128),
    ("784-512-512-10, batch 128: fc1 forward", Forward, 128, 784, 512),
    ("784-512-512-10, batch 128: fc1 weight gradient", WeightGradient, 512, 128, 784),
    ("784-512-512-10, batch 128: fc2 forward", Forward, 128, 512, 512),
    ("784-512-512-10, batch 128: fc2 weight gradient", WeightGradient, 512, 128, 512),
    ("784-512-512-10, batch 128: fc2 input gradient", InputGradient, 128, 512, 512),
    ("784-512-512-10, batch 128: fc3 forward", Forward, 128, 512, 10),
    ("784-512-512-10, batch 128: fc3 weight gradient", WeightGradient, 10, 128, 512),
    ("784-512-512-10, batch 128: fc3 input gradient", InputGradient, 128, 10, 512),
    ("one image: fc1 forward", Forward, 1, 784, 128),
    ("vector × matrix", InputGradient, 1, 784, 128),
    ("matrix × vector", InputGradient, 128, 784, 1),
    ("512³", InputGradient, 512, 512, 512),
    ("512³, B transposed", Forward, 512, 512, 512),
    ("512³, A transposed", WeightGradient, 512, 512, 512),
    ("1024³", InputGradient, 1024, 1024, 1024),
    ("1024³, B transposed", Forward, 1024, 1024, 1024),
    ("1024³, A transposed", WeightGradient, 1024, 1024, 1024),
    ("2048³", InputGradient, 2048, 2048, 2048),
];

fn numbers(n: usize, offset: usize) -> (Vec<f32>, usize) {
    let data: Vec<f32> = (0..n + 32).map(|i| ((i * 37) % 101) as f32 / 101.0 - 0.5).collect();
    let aligned = data.as_ptr().align_offset(64) + offset;
    (data, aligned)
}

fn main() {
    let (mut isas, mut threads, mut offset, mut filter) = (available(), 1, 0, String::new());
    for argument in std::env::args().skip(1).filter(|argument| argument != "--bench") {
        match argument.split_once('=') {
            Some(("isa", name)) => isas.retain(|isa| isa.name() == name),
            Some(("threads", n)) => threads = n.parse().expect("threads=N"),
            Some(("offset", n)) => offset = n.parse().expect("offset=N"),
            _ => filter = argument,
        }
    }
    set_num_threads(threads).expect("a number of threads");
    for isa in isas {
        with_isa(isa, || measure(isa, threads, offset, &filter));
    }
}

fn measure(isa: Isa, threads: usize, offset: usize, filter: &str) {
    println!("{}, {threads} thread(s)", isa.name());
    let peak = roofline::peak(threads).expect("a machine with nothing else to do") / 1e9;
    println!("  multiply-add peak: {peak:.1} GFLOP/s");
    for &(name, kind, rows, depth, cols) in SHAPES.iter().filter(|shape| shape.0.contains(filter)) {
        let (a, a_start) = numbers(rows * depth, offset);
        let (b, b_start) = numbers(depth * cols, offset);
        let (mut c, c_start) = numbers(rows * cols, offset);
        let (a_strides, b_strides) = match kind {
            Forward => ((depth, 1), (1, depth)),
            WeightGradient => ((1, rows), (cols, 1)),
            InputGradient => ((depth, 1), (cols, 1)),
        };
        let flop = 2.0 * (rows * cols * depth) as f64;
        let calls = (2e6 / flop).ceil() as usize;
        let mut rates: Vec<f64> = (0..((4e9 / flop) as usize).clamp(5, 300))
            .map(|_| {
                let start = Instant::now();
                for _ in 0..calls {
                    let a = Matrix {
                        data: &a[a_start..],
                        rows,
                        cols: depth,
                        row_stride: a_strides.0,
                        col_stride: a_strides.1,
                    };
                    let b = Matrix {
                        data: &b[b_start..],
                        rows: depth,
                        cols,
                        row_stride: b_strides.0,
                        col_stride: b_strides.1,
                    };
                    let c = MatrixMut { data: &mut c[c_start..], rows, cols, row_stride: cols };
                    matmul(a, b, c, Mode::Write);
                }
                flop * calls as f64 / start.elapsed().as_secs_f64() / 1e9
            })
            .collect();
        rates.sort_by(f64::total_cmp);
        let (median, best) = (rates[rates.len() / 2], rates[rates.len() - 1]);
        println!(
            "  {name:48} median {median:6.1} GFLOP/s, {:3.0} %   best {best:6.1}, {:3.0} %",
            median / peak * 100.0,
            best / peak * 100.0
        );
    }
}
