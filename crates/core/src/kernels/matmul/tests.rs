use super::{Matrix, MatrixMut, matmul};
use crate::kernels::Mode;
use crate::kernels::isa::{available, with_isa};
use crate::pool::with_num_threads;
use crate::rng::Rng;

/// A matrix in memory of its own, with NaN wherever there is no element.
struct Owned {
    data: Vec<f32>,
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl Owned {
    fn new(rows: usize, cols: usize, (row_stride, col_stride): (usize, usize), rng: &mut Rng) -> Self {
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
    fn any(rows: usize, cols: usize, rng: &mut Rng) -> Self {
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

    fn view(&self) -> Matrix<'_, f32> {
        let Self { ref data, rows, cols, row_stride, col_stride } = *self;
        Matrix { data, rows, cols, row_stride, col_stride }
    }

    fn at(&self, i: usize, j: usize) -> f64 {
        f64::from(self.data[i * self.row_stride + j * self.col_stride])
    }
}

/// A product with everything that it needs.
struct Case {
    a: Owned,
    b: Owned,
    c: Vec<f32>,
    row_stride: usize,
    mode: Mode,
    bias: Option<Vec<f32>>,
}

impl Case {
    fn new(a: Owned, b: Owned, mode: Mode, bias: bool, rng: &mut Rng) -> Self {
        let row_stride = b.cols + [0, 0, 3][below(rng, 3)];
        let mut c: Vec<f32> = (0..a.rows * row_stride).map(|_| rng.uniform()).collect();
        if mode == Mode::Write {
            c.fill(f32::NAN); // nothing of it may be left
        }
        let bias = bias.then(|| (0..b.cols).map(|_| rng.uniform()).collect());
        Self { a, b, c, row_stride, mode, bias }
    }

    fn any(rows: usize, depth: usize, cols: usize, rng: &mut Rng) -> Self {
        let (mode, bias) = [(Mode::Write, false), (Mode::Write, true), (Mode::Add, false)][below(rng, 3)];
        Self::new(Owned::any(rows, depth, rng), Owned::any(depth, cols, rng), mode, bias, rng)
    }

    /// C afterwards.
    fn run(&self) -> Vec<f32> {
        // C starts anywhere in a cache line.
        let mut memory = vec![0.0; self.c.len() + 1];
        let c = &mut memory[1..];
        c.copy_from_slice(&self.c);
        let (rows, cols) = (self.a.rows, self.b.cols);
        let c = MatrixMut { data: c, rows, cols, row_stride: self.row_stride };
        matmul(self.a.view(), self.b.view(), c, self.mode, self.bias.as_deref());
        memory.split_off(1)
    }

    /// Compares C with the product in double precision; what lies between rows must be untouched.
    fn check(&self, c: &[f32]) {
        let Self { a, b, .. } = self;
        for i in 0..a.rows {
            for j in 0..self.row_stride {
                let (found, before) = (c[i * self.row_stride + j], self.c[i * self.row_stride + j]);
                if j >= b.cols {
                    assert_eq!(found.to_bits(), before.to_bits(), "wrote between the rows");
                    continue;
                }
                let start = match self.mode {
                    Mode::Add => f64::from(before),
                    Mode::Write => self.bias.as_ref().map_or(0.0, |bias| f64::from(bias[j])),
                };
                let products = || (0..a.cols).map(|p| a.at(i, p) * b.at(p, j));
                let expected = start + products().sum::<f64>();
                let scale = start.abs() + products().map(f64::abs).sum::<f64>();
                let bound = scale * f64::from(f32::EPSILON) * (4.0 + (a.cols as f64).sqrt());
                let error = (f64::from(found) - expected).abs();
                assert!(
                    error <= bound || scale == 0.0 && found == 0.0,
                    "{} × {} × {}, strides {:?} and {:?}, {:?}: C[{i}, {j}] is {found}, expected {expected}",
                    a.rows,
                    a.cols,
                    b.cols,
                    (a.row_stride, a.col_stride),
                    (b.row_stride, b.col_stride),
                    self.mode,
                );
            }
        }
    }
}

/// An index below `n`.
fn below(rng: &mut Rng, n: usize) -> usize {
    rng.below(n as u32) as usize
}

fn bits(c: &[f32]) -> Vec<u32> {
    c.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn agrees_with_double_precision_on_any_shape_and_layout() {
    let rng = &mut Rng::new(1, 0);
    let cases = if cfg!(miri) { 20 } else { 1500 };
    for _ in 0..cases {
        let most = if cfg!(miri) { 20 } else { 131 };
        // One dimension in three is tiny.
        let mut size = || {
            let most = if below(rng, 3) == 0 { 5 } else { most };
            below(rng, most)
        };
        let (rows, depth, cols) = (size(), size(), size());
        let case = Case::any(rows, depth, cols, rng);
        for isa in available() {
            with_isa(isa, || case.check(&case.run()));
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "too slow")]
fn agrees_with_double_precision_beyond_one_block() {
    let rng = &mut Rng::new(2, 0);
    for (rows, depth, cols) in [
        (64, 784, 128),
        (128, 64, 784),
        (130, 800, 90),
        (300, 400, 70),
        (7, 1200, 2100),
        (1, 2000, 1100),
        (260, 390, 1),
        (1030, 5, 33),
    ] {
        for _ in 0..4 {
            let case = Case::any(rows, depth, cols, rng);
            for isa in available() {
                with_isa(isa, || case.check(&case.run()));
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "too slow")]
fn any_number_of_threads_gives_the_same_bits() {
    let rng = &mut Rng::new(3, 0);
    for (rows, depth, cols) in [
        (64, 784, 128),
        (128, 64, 784),
        (129, 801, 97),
        (300, 300, 300),
        (5, 900, 1000),
        (2000, 130, 9),
        (1, 1000, 3000),
    ] {
        for _ in 0..4 {
            let case = Case::any(rows, depth, cols, rng);
            for isa in available() {
                let run = |threads| with_isa(isa, || with_num_threads(threads, || bits(&case.run())));
                let one = run(1);
                for threads in [2, 3, 7] {
                    assert!(one == run(threads), "{rows} × {depth} × {cols}: {threads} threads differ");
                }
            }
        }
    }
}

#[test]
fn spreads_nan_and_infinity_and_nothing_else() {
    let rng = &mut Rng::new(4, 0);
    for isa in available() {
        for (rows, depth, cols) in [(3, 70, 5), (7, 33, 19), (20, 9, 70), (1, 100, 1)] {
            for (a_strides, b_strides) in [
                ((depth, 1), (cols, 1)),
                ((1, rows), (cols, 1)),
                ((depth, 1), (1, depth)),
                ((1, rows), (1, depth)),
            ] {
                for special in [f32::NAN, f32::INFINITY] {
                    let mut a = Owned::new(rows, depth, a_strides, rng);
                    let mut b = Owned::new(depth, cols, b_strides, rng);
                    let (row, step, col) = (below(rng, rows), below(rng, depth), below(rng, cols));
                    a.data[row * a.row_stride + step * a.col_stride] = special;
                    b.data[step * b.row_stride + col * b.col_stride] = 0.0;
                    let case = Case::new(a, b, Mode::Write, false, rng);
                    let c = with_isa(isa, || case.run());
                    for i in 0..rows {
                        for j in 0..cols {
                            let found = c[i * case.row_stride + j];
                            let expected = i == row && (special.is_nan() || j == col);
                            assert_eq!(found.is_nan(), expected, "[{i}, {j}] is {found}: {special} × 0");
                            assert_eq!(found.is_finite(), i != row, "[{i}, {j}] is {found}: {special}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn products_without_depth_write_bias_or_zeros() {
    let empty = Matrix { data: &[], rows: 2, cols: 0, row_stride: 0, col_stride: 1 };
    let none = Matrix { data: &[], rows: 0, cols: 3, row_stride: 3, col_stride: 1 };
    let run = |mode, bias: Option<&[f32]>| {
        let mut c = [f32::NAN, 1.0, 2.0, 3.0, 4.0, 5.0];
        matmul(empty, none, MatrixMut { data: &mut c, rows: 2, cols: 3, row_stride: 3 }, mode, bias);
        c
    };
    assert_eq!(run(Mode::Write, None), [0.0; 6]);
    assert_eq!(run(Mode::Write, Some(&[7.0, 8.0, 9.0])), [7.0, 8.0, 9.0, 7.0, 8.0, 9.0]);
    assert_eq!(run(Mode::Add, None)[1..], [1.0, 2.0, 3.0, 4.0, 5.0]);
}

#[test]
fn doubles_too() {
    let a = [1.0, 2.0, 3.0, 4.0];
    let a = Matrix { data: &a, rows: 2, cols: 2, row_stride: 1, col_stride: 2 };
    let b = Matrix { row_stride: 2, col_stride: 1, ..a };
    let mut c = [0.5; 4];
    let mut run = |mode, bias: Option<&[f64]>| {
        matmul(a, b, MatrixMut { data: &mut c, rows: 2, cols: 2, row_stride: 2 }, mode, bias);
        c
    };
    assert_eq!(run(Mode::Add, None), [10.5, 14.5, 14.5, 20.5]);
    assert_eq!(run(Mode::Write, Some(&[1.0, 2.0])), [11.0, 16.0, 15.0, 22.0]);
}
