//! The native side of `npm run bench`: matrix products without JavaScript, and the yardsticks of the machine.
//!
//! Speaks the line protocol of bench/README.md. Called as `native count=N isa=NAME size=N` it multiplies N times and
//! ends: the test of instruction counts runs it under valgrind.

use std::hint::black_box;
use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use ferrograd_core::kernels::isa::{available, isa, with_isa};
use ferrograd_core::kernels::simd::{Simd, Vectorized, dispatch};
use ferrograd_core::kernels::{Matrix, MatrixMut, Mode, matmul};
use ferrograd_core::pool::set_num_threads;
use ferrograd_core::roofline::Peak;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Request {
    Open(Program),
    Run(usize),
}

#[derive(Deserialize)]
#[serde(tag = "program", rename_all = "lowercase")]
enum Program {
    Peak {
        threads: usize,
    },
    Triad {
        bytes: usize,
        threads: usize,
    },
    Matmul {
        m: usize,
        k: usize,
        n: usize,
        #[serde(rename = "transposeA")]
        transpose_a: bool,
        #[serde(rename = "transposeB")]
        transpose_b: bool,
        threads: usize,
    },
    #[serde(other)]
    Other,
}

/// Repeats what was opened, and returns the time that it took.
type Run = Box<dyn FnMut(usize) -> Duration>;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(count) = value(&arguments, "count") {
        multiply(count, value(&arguments, "size").expect("size=N"), &arguments);
        return;
    }
    reply(&json!({ "about": { "isa": isa().name() } }));
    let mut running: Option<Run> = None;
    for line in std::io::stdin().lock().lines() {
        let request = serde_json::from_str(&line.expect("a line")).expect("a request");
        reply(&match request {
            Request::Open(program) => {
                running = None; // its memory is free before the next takes some
                match open(program) {
                    Some((amount, run)) => {
                        running = Some(run);
                        json!({ "ready": amount })
                    }
                    None => json!({ "cannot": "only products of matrices" }),
                }
            }
            Request::Run(times) => {
                let run = running.as_mut().expect("something opened");
                json!({ "seconds": run(times).as_secs_f64() })
            }
        });
    }
}

fn reply(answer: &Value) {
    println!("{answer}");
    std::io::stdout().flush().expect("a reader");
}

/// What a run is checked or measured by (the sum over |C|, operations, bytes), and how to run it.
fn open(program: Program) -> Option<(f64, Run)> {
    match program {
        Program::Peak { threads } => {
            const STEPS: usize = 2_000;
            let (flops, _) = dispatch(Peak { steps: STEPS });
            let run = move |times| {
                on_threads(vec![(); threads], move |()| {
                    dispatch(Peak { steps: STEPS * times });
                })
            };
            Some((flops * threads as f64, Box::new(run)))
        }
        Program::Triad { bytes, threads } => {
            let n = (bytes / 12 / threads / 16).max(1) * 16;
            let mut sets: Vec<_> = (0..threads).map(|_| [filled(n, 1), filled(n, 2), filled(n, 3)]).collect();
            let run = move |times| {
                on_threads(sets.iter_mut().collect(), |[a, b, c]| {
                    for _ in 0..times {
                        dispatch(Triad { a: black_box(a), b, c });
                    }
                })
            };
            Some(((n * 12 * threads) as f64, Box::new(run)))
        }
        Program::Matmul { m, k, n, transpose_a, transpose_b, threads } => {
            set_num_threads(threads).expect("a number of threads");
            let mut product = Product::new([m, k, n], transpose_a, transpose_b);
            product.compute();
            let check = product.c.iter().map(|x| f64::from(x.abs())).sum();
            let run = move |times| {
                product.compute();
                let start = Instant::now();
                for _ in 0..times {
                    product.compute();
                }
                start.elapsed()
            };
            Some((check, Box::new(run)))
        }
        Program::Other => None,
    }
}

/// The time from start to end of the last of as many threads as there are arguments.
fn on_threads<T: Send>(arguments: Vec<T>, work: impl Fn(T) + Sync) -> Duration {
    let start = Instant::now();
    std::thread::scope(|scope| {
        for argument in arguments {
            scope.spawn(|| work(argument));
        }
    });
    start.elapsed()
}

/// a = b × factor + c, as in STREAM: three numbers pass between core and memory for each step.
struct Triad<'a> {
    a: &'a mut [f32],
    b: &'a [f32],
    c: &'a [f32],
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

/// The numbers that every peer fills its arrays with, so that results can be compared.
fn filled(n: usize, seed: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 37 + seed * 11) % 101) as f32 / 101.0 - 0.5).collect()
}

/// C[m, n] = A[m, k] · B[k, n]; where transposed, A lies as [k, m] and B as [n, k].
struct Product {
    sizes: [usize; 3],
    a_strides: (usize, usize),
    b_strides: (usize, usize),
    a: Vec<f32>,
    b: Vec<f32>,
    c: Vec<f32>,
}

impl Product {
    fn new(sizes @ [m, k, n]: [usize; 3], transpose_a: bool, transpose_b: bool) -> Self {
        Self {
            sizes,
            a_strides: if transpose_a { (1, m) } else { (k, 1) },
            b_strides: if transpose_b { (1, k) } else { (n, 1) },
            a: filled(m * k, 1),
            b: filled(k * n, 2),
            c: vec![0.0; m * n],
        }
    }

    fn compute(&mut self) {
        let [m, k, n] = self.sizes;
        let matrix =
            |data, rows, cols, (row_stride, col_stride)| Matrix { data, rows, cols, row_stride, col_stride };
        let a = matrix(&self.a[..], m, k, self.a_strides);
        let b = matrix(&self.b[..], k, n, self.b_strides);
        let c = MatrixMut { data: &mut self.c, rows: m, cols: n, row_stride: n };
        matmul(a, b, c, Mode::Write);
        black_box(&self.c);
    }
}

fn value(arguments: &[String], name: &str) -> Option<usize> {
    let text = arguments.iter().find_map(|argument| argument.strip_prefix(name)?.strip_prefix('='))?;
    Some(text.parse().expect("a number"))
}

/// Multiplies square matrices on one thread, with the instruction set that `isa=NAME` asks for.
fn multiply(count: usize, size: usize, arguments: &[String]) {
    let name = arguments.iter().find_map(|argument| argument.strip_prefix("isa=")).expect("isa=NAME");
    let isa =
        available().into_iter().find(|isa| isa.name() == name).expect("an instruction set of this machine");
    set_num_threads(1).expect("a number of threads");
    with_isa(isa, || {
        let mut product = Product::new([size; 3], false, false);
        for _ in 0..count {
            product.compute();
        }
    });
}
