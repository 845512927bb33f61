mod case;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::problem::Problem;
use super::sparse;
use super::{
    Activate, Activation, Bias, Epilogue, Locality, Matrix, MatrixMut, Product, ReluGradient, Scale, blocks,
    matmul, matmul_near,
};
use crate::kernels::Mode;
use crate::kernels::isa::{available, with_isa};
use crate::pool::with_num_threads;
use crate::real::Real;
use crate::rng::Rng;
use case::{After, Case, Owned, below};

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

/// Every kernel and every epilogue treats them as double precision does.
#[test]
fn nan_infinities_and_zeros_go_where_they_belong() {
    let rng = &mut Rng::new(5, 0);
    let specials = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, 1e-45, -1e-45];
    for _ in 0..if cfg!(miri) { 10 } else { 300 } {
        let most = if below(rng, 8) == 0 && !cfg!(miri) { 1200 } else { 40 };
        let mut case = Case::any(below(rng, 20), below(rng, most), below(rng, 70), rng);
        // Few enough that most of C stays finite.
        for numbers in [&mut case.a.data, &mut case.b.data, &mut case.c, case.after.numbers()] {
            for _ in 0..numbers.len().min(3) {
                numbers[below(rng, numbers.len())] = specials[below(rng, specials.len())];
            }
        }
        for isa in available() {
            with_isa(isa, || case.check(&case.run()));
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
                    let case = Case::new(a, b, After::Mode(Mode::Write), rng);
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

/// A product that is large enough to leave steps out, beyond one block now and then, with zeros in runs in A or in B.
fn mostly_zeros(rng: &mut Rng) -> Case {
    loop {
        let (rows, depth, cols) = match below(rng, 50) {
            0 => (1 + below(rng, 300), 1000 + below(rng, 100), 200 + below(rng, 400)),
            _ => (4 + below(rng, 150), 8 + below(rng, 200), 32 + below(rng, 100)),
        };
        let (rows, cols) = if below(rng, 2) == 0 { (rows, cols) } else { (cols, rows) };
        let mut case = Case::any(rows, depth, cols, rng);
        let Owned { data, row_stride, col_stride, .. } =
            if rows < cols || below(rng, 4) == 0 { &mut case.b } else { &mut case.a };
        let run = if *row_stride == 1 || *col_stride == 1 { 2 * *row_stride.max(col_stride) / 5 } else { 1 };
        for numbers in data.chunks_mut(run.max(1)) {
            if below(rng, 8) > 0 {
                numbers.fill([0.0, -0.0][below(rng, 2)]);
            }
        }
        if leaves_out(&mut case) {
            return case;
        }
    }
}

fn leaves_out(case: &mut Case) -> bool {
    let (rows, cols) = (case.a.rows, case.b.cols);
    let c = MatrixMut { data: &mut case.c, rows, cols, row_stride: case.row_stride };
    sparse::skips(Problem::new(case.a.view(), case.b.view(), c, Locality::default(), &Mode::Write)).is_some()
}

#[test]
#[cfg_attr(miri, ignore = "too slow")]
fn what_is_multiplied_by_zeros_is_left_out() {
    let rng = &mut Rng::new(7, 0);
    let specials = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-45, 0.0];
    for round in 0..300 {
        let mut case = mostly_zeros(rng);
        // NaN and infinities go where they go in double precision: 0·NaN is NaN.
        if round % 3 == 0 {
            for numbers in [&mut case.a.data, &mut case.b.data, &mut case.c] {
                let n = numbers.len();
                numbers[below(rng, n)] = specials[below(rng, specials.len())];
            }
        }
        for isa in available() {
            let run = |threads| with_isa(isa, || with_num_threads(threads, || case.run()));
            let c = run(1);
            case.check(&c);
            for threads in [2, 3] {
                assert_eq!(bits(&run(threads)), bits(&c), "{isa:?}, {threads} threads");
            }
        }
    }
}

/// The sums are those of all steps, bit for bit: 1 + tiny numbers, most of them times 0, in the order of the steps.
#[test]
#[cfg_attr(miri, ignore = "too slow")]
fn leaving_steps_out_changes_no_bit() {
    let rng = &mut Rng::new(8, 0);
    for isa in available() {
        for _ in 0..20 {
            let mut case = mostly_zeros(rng);
            if case.a.cols > 1000 {
                continue; // in several parts
            }
            case.after = After::Mode(Mode::Write);
            let fused = isa != crate::kernels::Isa::Portable && isa != crate::kernels::Isa::Wasm128;
            let c = with_isa(isa, || case.run());
            let Case { a, b, row_stride, .. } = &case;
            for i in 0..a.rows {
                for j in 0..b.cols {
                    let sum = (0..a.cols).fold(0.0f32, |sum, p| {
                        let (x, y) = (a.at(i, p) as f32, b.at(p, j) as f32);
                        if fused { x.mul_add(y, sum) } else { x * y + sum }
                    });
                    assert_eq!(c[i * row_stride + j], sum, "{isa:?} [{i}, {j}]");
                }
            }
        }
    }
}

/// Small products, few columns, few zeros, or strides that the lists do not know.
#[test]
fn products_that_gain_nothing_take_all_steps() {
    let rng = &mut Rng::new(9, 0);
    let mut case = |rows, depth, cols, zeros: usize| {
        let mut case = Case::new(
            Owned::new(rows, depth, (depth, 1), rng),
            Owned::new(depth, cols, (cols, 1), rng),
            After::Mode(Mode::Write),
            rng,
        );
        let steps = depth * zeros / 100;
        case.a.data.chunks_mut(depth).for_each(|row| row[..steps].fill(0.0));
        leaves_out(&mut case)
    };
    assert!(case(64, 100, 64, 80) && case(4, 1000, 33, 60));
    assert!(!case(64, 100, 64, 20) && !case(64, 100, 64, 0));
    assert!(!case(3, 2000, 64, 80) && !case(1000, 100, 10, 80) && !case(16, 16, 32, 80));
}

#[test]
fn products_without_depth_are_zeros() {
    let rng = &mut Rng::new(6, 0);
    for _ in 0..100 {
        let case = Case::any(below(rng, 4), 0, below(rng, 4), rng);
        case.check(&case.run());
    }
}

#[test]
fn doubles_too() {
    let a = [1.0, 2.0, 3.0, 4.0];
    let a = Matrix { data: &a, rows: 2, cols: 2, row_stride: 1, col_stride: 2 };
    let b = Matrix { row_stride: 2, col_stride: 1, ..a };
    let output = Matrix { data: &[0.0, 1.0, f64::NAN, -1.0], ..b };
    let bias = Bias::Columns(&[-11.0, 2.0]);
    fn run(a: Matrix<f64>, b: Matrix<f64>, epilogue: impl Epilogue<f64>) -> [f64; 4] {
        let mut c = [0.5; 4];
        matmul(a, b, MatrixMut { data: &mut c, rows: 2, cols: 2, row_stride: 2 }, epilogue);
        c
    }
    assert_eq!(run(a, b, Mode::Add), [10.5, 14.5, 14.5, 20.5]);
    assert_eq!(run(a, b, Activate { bias, activation: Activation::Identity }), [-1.0, 16.0, 3.0, 22.0]);
    assert_eq!(run(a, b, Activate { bias, activation: Activation::Relu }), [0.0, 16.0, 3.0, 22.0]);
    assert_eq!(
        run(a, b, Activate { bias, activation: Activation::LeakyRelu { slope: 0.5 } }),
        [-0.5, 16.0, 3.0, 22.0]
    );
    assert_eq!(run(a, b, ReluGradient { output, mode: Mode::Write }), [0.0, 14.0, 14.0, 0.0]);
    assert_eq!(run(a, b, Scale { alpha: -0.5, beta: 4.0 }), [-3.0, -5.0, -5.0, -8.0]);
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn what_an_epilogue_reads_must_cover_c() {
    let one = Matrix { data: &[1.0f32; 6], rows: 2, cols: 3, row_stride: 3, col_stride: 1 };
    let fits = |epilogue: &dyn Fn(MatrixMut<f32>)| {
        let mut c = [0.0; 6];
        catch_unwind(AssertUnwindSafe(|| {
            epilogue(MatrixMut { data: &mut c, rows: 2, cols: 3, row_stride: 3 })
        }))
        .is_ok()
    };
    let b = Matrix { rows: 3, row_stride: 0, ..one };
    let biased = |bias| fits(&|c| matmul(one, b, c, Activate { bias, activation: Activation::Identity }));
    assert!(biased(Bias::None) && biased(Bias::Columns(&[0.0; 3])) && biased(Bias::Rows(&[0.0; 2])));
    assert!(!biased(Bias::Columns(&[0.0; 2])) && !biased(Bias::Rows(&[0.0; 3])));
    let masked = |output| fits(&|c| matmul(one, b, c, ReluGradient { output, mode: Mode::Write }));
    assert!(masked(one));
    assert!(!masked(b) && !masked(Matrix { data: &one.data[..5], ..one }));
}

#[test]
fn lanes_read_their_own_copies() {
    // Copies differ here, which nobody else may do, to show which was read.
    let (rows, depth, cols) = (96, 80, 300);
    let copy = rows * depth;
    let mut a = vec![1.0f32; 2 * copy];
    a[copy..].fill(2.0);
    let b = vec![1.0f32; depth * cols];
    for isa in available() {
        let run = |threads| {
            let mut c = vec![0.0; rows * cols];
            with_isa(isa, || {
                with_num_threads(threads, || {
                    let product = MatrixMut::row_major(&mut c, rows, cols);
                    let near = Locality { a_copies: copy, ..Locality::default() };
                    matmul_near(
                        Matrix::row_major(&a, rows, depth),
                        Matrix::row_major(&b, depth, cols),
                        product,
                        near,
                        Mode::Write,
                    );
                });
            });
            c
        };
        assert!(run(1).iter().all(|&x| x == depth as f32));
        let mut both = run(2);
        both.sort_by(f32::total_cmp);
        both.dedup();
        assert_eq!(both, [depth as f32, 2.0 * depth as f32], "{isa:?}");
        #[cfg(panic = "unwind")]
        assert!(catch_unwind(|| run(3)).is_err(), "two copies are too few for three threads");
    }
}

/// A matrix as the [`blocks`] of its columns.
fn in_blocks<T: Copy + Default>(x: &[T], rows: usize, blocks: &[Range<usize>]) -> Vec<T> {
    let cols = x.len() / rows;
    blocks
        .iter()
        .flat_map(|block| (0..rows).flat_map(move |i| &x[i * cols..][block.clone()]))
        .copied()
        .collect()
}

/// Of x·W + b, whose W lies in blocks, and of W's descent, a step of −0.5·xᵀ·y: what comes of y, and of W.
fn layer<T: Product + Real>(
    x: &[T],
    w: &[T],
    [rows, inputs, outputs]: [usize; 3],
    in_blocks: bool,
) -> [Vec<T>; 2] {
    let (mut y, mut w) = (vec![T::ZERO; rows * outputs], w.to_vec());
    let x = Matrix::row_major(x, rows, inputs);
    let near = Locality { b_blocks: in_blocks, ..Locality::default() };
    let bias = vec![T::ONE; outputs];
    let epilogue = Activate { bias: Bias::Columns(&bias), activation: Activation::Relu };
    let product = MatrixMut::row_major(&mut y, rows, outputs);
    matmul_near(x, Matrix::row_major(&w, inputs, outputs), product, near, epilogue);
    let near = Locality { c_blocks: in_blocks, ..Locality::default() };
    let epilogue = Scale { alpha: T::from_f64(-0.5), beta: T::ONE };
    let dy = Matrix::row_major(&y, rows, outputs);
    matmul_near(x.transposed(), dy, MatrixMut::row_major(&mut w, inputs, outputs), near, epilogue);
    [y, w]
}

#[test]
#[cfg_attr(miri, ignore = "too slow")]
fn blocks_of_columns_hold_what_a_matrix_does() {
    let rng = &mut Rng::new(10, 0);
    for sizes in [[64, 784, 128], [5, 3, 50], [300, 40, 70], [64, 100, 129], [1, 600, 512]] {
        let [rows, inputs, outputs] = sizes;
        for zeros in [0, 80] {
            let cut = |i: usize| if i * 31 % 100 < zeros { 0.0 } else { 1.0 };
            let x: Vec<f32> = (0..rows * inputs).map(|i| rng.uniform() * cut(i % inputs)).collect();
            let w: Vec<f32> = (0..inputs * outputs).map(|_| rng.uniform() - 0.5).collect();
            for (isa, threads) in available().into_iter().flat_map(|isa| [1, 2, 3].map(|n| (isa, n))) {
                with_isa(isa, || {
                    with_num_threads(threads, || {
                        let blocks: Vec<_> = blocks(rows, outputs, inputs).collect();
                        let [y, changed] = layer(&x, &w, sizes, false);
                        let [in_y, in_w] = layer(&x, &in_blocks(&w, inputs, &blocks), sizes, true);
                        let what = format!("{sizes:?}, {zeros} % zeros, {isa:?}, {threads} threads");
                        assert_eq!(bits(&in_y), bits(&y), "{what}");
                        assert_eq!(bits(&in_w), bits(&in_blocks(&changed, inputs, &blocks)), "{what}");
                    })
                });
            }
            let doubles = |x: &[f32]| -> Vec<f64> { x.iter().map(|&x| f64::from(x)).collect() };
            with_num_threads(3, || {
                let blocks: Vec<_> = blocks(rows, outputs, inputs).collect();
                let [y, changed] = layer(&doubles(&x), &doubles(&w), sizes, false);
                let [in_y, in_w] =
                    layer(&doubles(&x), &in_blocks(&doubles(&w), inputs, &blocks), sizes, true);
                assert_eq!((in_y, in_w), (y, in_blocks(&changed, inputs, &blocks)), "{sizes:?}");
            });
        }
    }
}
