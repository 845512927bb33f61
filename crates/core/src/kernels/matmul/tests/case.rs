//! A product with everything that it needs, and what must come of it.

use super::super::{Activate, Activation, Bias, Matrix, MatrixMut, ReluGradient, Scale, matmul};
use crate::kernels::Mode;
use crate::rng::Rng;

/// An index below `n`.
pub fn below(rng: &mut Rng, n: usize) -> usize {
    rng.below(n as u32) as usize
}

/// A matrix in memory of its own, with NaN wherever there is no element.
pub struct Owned {
    pub data: Vec<f32>,
    pub rows: usize,
    pub cols: usize,
    pub row_stride: usize,
    pub col_stride: usize,
}

impl Owned {
    pub fn new(rows: usize, cols: usize, (row_stride, col_stride): (usize, usize), rng: &mut Rng) -> Self {
        let length = if rows * cols == 0 { 0 } else { (rows - 1) * row_stride + (cols - 1) * col_stride + 1 };
        let mut data = vec![f32::NAN; length];
        for i in 0..rows {
            for j in 0..cols {
                data[i * row_stride + j * col_stride] = rng.uniform() * 2.0 - 1.0;
            }
        }
        Self { data, rows, cols, row_stride, col_stride }
    }

    /// One of the ways in which a matrix may lie: contiguous or padded rows or columns, repeated ones, both strided.
    pub fn any(rows: usize, cols: usize, rng: &mut Rng) -> Self {
        let padding = [0, 0, 1, 5, 16][below(rng, 5)];
        let strides = match below(rng, 12) {
            0..5 => (cols + padding, 1),
            5..9 => (1, rows + padding),
            9 => (0, 1),
            10 => (1, 0),
            _ => (2 * cols + 1 + padding, 2),
        };
        Self::new(rows, cols, strides, rng)
    }

    pub fn view(&self) -> Matrix<'_, f32> {
        let Self { ref data, rows, cols, row_stride, col_stride } = *self;
        Matrix { data, rows, cols, row_stride, col_stride }
    }

    pub fn at(&self, i: usize, j: usize) -> f64 {
        f64::from(self.data[i * self.row_stride + j * self.col_stride])
    }
}

/// An epilogue with what it reads.
pub enum After {
    Mode(Mode),
    Activate { rows: Vec<f32>, cols: Vec<f32>, slope: Option<f32> },
    ReluGradient { output: Owned, mode: Mode },
    Scale { alpha: f32, beta: f32 },
}

impl After {
    pub fn any(rows: usize, cols: usize, rng: &mut Rng) -> Self {
        let numbers = |n, rng: &mut Rng| (0..n).map(|_| rng.uniform() * 2.0 - 1.0).collect();
        match below(rng, 10) {
            0 => Self::Mode(Mode::Write),
            1 => Self::Mode(Mode::Add),
            2 | 3 => Self::ReluGradient {
                output: Owned::any(rows, cols, rng),
                mode: [Mode::Write, Mode::Add][below(rng, 2)],
            },
            4 | 5 => Self::Scale { alpha: -0.3, beta: [1.0, 0.9, 0.0][below(rng, 3)] },
            _ => {
                let (rows, cols) = match below(rng, 3) {
                    0 => (numbers(rows, rng), Vec::new()),
                    1 => (Vec::new(), numbers(cols, rng)),
                    _ => (Vec::new(), Vec::new()),
                };
                Self::Activate { rows, cols, slope: [None, Some(0.0), Some(0.1)][below(rng, 3)] }
            }
        }
    }

    /// Whether C is read.
    fn reads(&self) -> bool {
        match self {
            Self::Mode(mode) | Self::ReluGradient { mode, .. } => *mode == Mode::Add,
            Self::Activate { .. } => false,
            Self::Scale { .. } => true,
        }
    }

    /// Everything that is read beside C.
    pub fn numbers(&mut self) -> &mut [f32] {
        match self {
            Self::Activate { rows, cols, .. } if cols.is_empty() => rows,
            Self::Activate { cols, .. } => cols,
            Self::ReluGradient { output, .. } => &mut output.data,
            Self::Mode(_) | Self::Scale { .. } => &mut [],
        }
    }

    fn run(&self, a: Matrix<f32>, b: Matrix<f32>, c: MatrixMut<f32>) {
        match self {
            Self::Mode(mode) => matmul(a, b, c, *mode),
            Self::Activate { rows, cols, slope } => {
                let bias = match (rows.is_empty(), cols.is_empty()) {
                    (true, true) => Bias::None,
                    (true, false) => Bias::Columns(cols),
                    (false, _) => Bias::Rows(rows),
                };
                let activation = match *slope {
                    None => Activation::Identity,
                    Some(0.0) => Activation::Relu,
                    Some(slope) => Activation::LeakyRelu { slope },
                };
                matmul(a, b, c, Activate { bias, activation });
            }
            Self::ReluGradient { output, mode } => {
                matmul(a, b, c, ReluGradient { output: output.view(), mode: *mode })
            }
            Self::Scale { alpha, beta } => matmul(a, b, c, Scale { alpha: *alpha, beta: *beta }),
        }
    }

    /// What C[i, j] becomes, given its former value and a product in double precision; and the sum of the magnitudes
    /// that rounding errors are relative to, given that of the product.
    fn expected(&self, (i, j): (usize, usize), former: f64, product: f64, magnitude: f64) -> (f64, f64) {
        let stored = |mode: &Mode, product: f64, magnitude: f64| match mode {
            Mode::Write => (product, magnitude),
            Mode::Add => (former + product, former.abs() + magnitude),
        };
        match self {
            Self::Mode(mode) => stored(mode, product, magnitude),
            Self::Activate { rows, cols, slope } => {
                let bias = rows.get(i).or(cols.get(j)).map_or(0.0, |&bias| f64::from(bias));
                let x = product + bias;
                let negative = match *slope {
                    None => x,
                    Some(0.0) => 0.0,
                    Some(slope) => x * f64::from(slope),
                };
                (if x <= 0.0 { negative } else { x }, magnitude + bias.abs())
            }
            Self::ReluGradient { output, mode } if output.at(i, j) <= 0.0 => stored(mode, 0.0, 0.0),
            Self::ReluGradient { mode, .. } => stored(mode, product, magnitude),
            Self::Scale { alpha, beta } => {
                let (alpha, beta) = (f64::from(*alpha), f64::from(*beta));
                (beta * former + alpha * product, (beta * former).abs() + alpha.abs() * magnitude)
            }
        }
    }
}

pub struct Case {
    pub a: Owned,
    pub b: Owned,
    pub c: Vec<f32>,
    pub row_stride: usize,
    pub after: After,
}

impl Case {
    pub fn new(a: Owned, b: Owned, after: After, rng: &mut Rng) -> Self {
        let row_stride = b.cols + [0, 0, 3][below(rng, 3)];
        let mut c: Vec<f32> = (0..a.rows * row_stride).map(|_| rng.uniform()).collect();
        if !after.reads() {
            c.fill(f32::NAN); // nothing of it may be left
        }
        Self { a, b, c, row_stride, after }
    }

    pub fn any(rows: usize, depth: usize, cols: usize, rng: &mut Rng) -> Self {
        let (a, b) = (Owned::any(rows, depth, rng), Owned::any(depth, cols, rng));
        let after = After::any(rows, cols, rng);
        Self::new(a, b, after, rng)
    }

    /// C afterwards.
    pub fn run(&self) -> Vec<f32> {
        // C starts anywhere in a cache line.
        let mut memory = vec![0.0; self.c.len() + 1];
        let c = &mut memory[1..];
        c.copy_from_slice(&self.c);
        let (rows, cols) = (self.a.rows, self.b.cols);
        let c = MatrixMut { data: c, rows, cols, row_stride: self.row_stride };
        self.after.run(self.a.view(), self.b.view(), c);
        memory.split_off(1)
    }

    /// Compares C with what double precision gives; what lies between rows must be untouched.
    pub fn check(&self, c: &[f32]) {
        let Self { a, b, .. } = self;
        for i in 0..a.rows {
            for j in 0..self.row_stride {
                let (found, former) = (c[i * self.row_stride + j], self.c[i * self.row_stride + j]);
                if j >= b.cols {
                    assert_eq!(found.to_bits(), former.to_bits(), "wrote between the rows");
                    continue;
                }
                let (found, former) = (f64::from(found), f64::from(former));
                let products = || (0..a.cols).map(|p| a.at(i, p) * b.at(p, j));
                let (product, magnitude) = (products().sum(), products().map(f64::abs).sum());
                let (expected, scale) = self.after.expected((i, j), former, product, magnitude);
                // Twice what random errors add up to; equal products, of repeated rows, err alike. And underflow.
                let bound = 2.0 * scale * f64::from(f32::EPSILON) * (4.0 + (a.cols as f64).sqrt());
                let bound = bound + f64::from(f32::MIN_POSITIVE);
                let right = match bound.is_finite() {
                    true => (found - expected).abs() <= bound,
                    false => found == expected || found.is_nan() && expected.is_nan(),
                };
                assert!(
                    right,
                    "{} × {} × {}, strides {:?} and {:?}: C[{i}, {j}] is {found}, expected {expected}",
                    a.rows,
                    a.cols,
                    b.cols,
                    (a.row_stride, a.col_stride),
                    (b.row_stride, b.col_stride),
                );
            }
        }
    }
}
