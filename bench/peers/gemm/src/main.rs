//! The gemm crate behind the line protocol of bench/README.md: products of matrices only.

use std::io::{BufRead, Write};
use std::time::Instant;

use gemm::Parallelism;
use serde_json::{Value, json};

fn main() {
    let avx512 = cfg!(feature = "avx512");
    reply(&json!({ "about": { "version": "0.19.0", "avx512": avx512 } }));
    let mut product: Option<Product> = None;
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line.expect("a line")).expect("a request");
        let answer = if let Some(program) = request.get("open") {
            product = (program["program"] == "matmul").then(|| Product::new(program));
            match &mut product {
                Some(product) => {
                    product.compute();
                    json!({ "ready": product.c.iter().map(|x| f64::from(x.abs())).sum::<f64>() })
                }
                None => json!({ "cannot": "only products of matrices" }),
            }
        } else {
            let product = product.as_mut().expect("something opened");
            product.compute(); // its code and data were away while others had their turn
            let start = Instant::now();
            for _ in 0..request["run"].as_u64().expect("a number") {
                product.compute();
            }
            json!({ "seconds": start.elapsed().as_secs_f64() })
        };
        reply(&answer);
    }
}

fn reply(answer: &Value) {
    println!("{answer}");
    std::io::stdout().flush().expect("a reader");
}

/// The numbers that every peer fills its arrays with, so that results can be compared.
fn filled(n: usize, seed: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 37 + seed * 11) % 101) as f32 / 101.0 - 0.5).collect()
}

/// C[m, n] = A[m, k] · B[k, n]; where transposed, A lies as [k, m] and B as [n, k].
struct Product {
    m: usize,
    k: usize,
    n: usize,
    /// From a row to the next, and from a column to the next.
    a_strides: (isize, isize),
    b_strides: (isize, isize),
    a: Vec<f32>,
    b: Vec<f32>,
    c: Vec<f32>,
    parallelism: Parallelism,
}

impl Product {
    fn new(program: &Value) -> Self {
        let size = |name: &str| program[name].as_u64().expect("a size") as usize;
        let (m, k, n) = (size("m"), size("k"), size("n"));
        let strides = |transposed: &Value, rows: usize, columns: usize| {
            if transposed == true { (1, rows as isize) } else { (columns as isize, 1) }
        };
        Self {
            m,
            k,
            n,
            a_strides: strides(&program["transposeA"], m, k),
            b_strides: strides(&program["transposeB"], k, n),
            a: filled(m * k, 1),
            b: filled(k * n, 2),
            c: vec![0.0; m * n],
            parallelism: match size("threads") {
                1 => Parallelism::None,
                threads => Parallelism::Rayon(threads),
            },
        }
    }

    fn compute(&mut self) {
        // SAFETY: the strides stay within the matrices, which are as large as m, k and n say.
        unsafe {
            gemm::gemm(
                self.m,
                self.n,
                self.k,
                self.c.as_mut_ptr(),
                1,
                self.n as isize,
                false,
                self.a.as_ptr(),
                self.a_strides.1,
                self.a_strides.0,
                self.b.as_ptr(),
                self.b_strides.1,
                self.b_strides.0,
                0.0,
                1.0,
                false,
                false,
                false,
                self.parallelism,
            );
        }
        std::hint::black_box(&self.c);
    }
}
