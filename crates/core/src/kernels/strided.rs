//! Walking strided operands in row-major order, run by run: a run is a stretch along the innermost dimension.

mod tiles;

use std::ops::Range;

use arrayvec::ArrayVec;
use tiles::Tiles;

use crate::kernels::parallel::chunks_mut;
use crate::real::Real;
use crate::shape::MAX_NDIM;

/// Loops with fewer elements than this are not worth a second thread.
pub const GRAIN: usize = 16 * 1024;

/// A row-major space, with the strides of `N` operands that are read along with it. Neighbouring dimensions that
/// every operand steps through evenly are merged, so that contiguous operands give one long run.
pub struct Walk<const N: usize> {
    sizes: ArrayVec<usize, MAX_NDIM>,
    strides: ArrayVec<[usize; N], MAX_NDIM>,
}

impl<const N: usize> Walk<N> {
    /// The space `shape`, of at most [`MAX_NDIM`] dimensions, with one slice of strides for each operand.
    pub fn new(shape: &[usize], operands: [&[usize]; N]) -> Self {
        let mut sizes = ArrayVec::<usize, MAX_NDIM>::new();
        let mut strides = ArrayVec::<[usize; N], MAX_NDIM>::new();
        for (dim, &size) in shape.iter().enumerate() {
            let steps: [usize; N] = std::array::from_fn(|i| operands[i][dim]);
            if size == 1 {
                continue;
            }
            if let (Some(outer), Some(outer_steps)) = (sizes.last_mut(), strides.last_mut())
                && (0..N).all(|i| outer_steps[i] == steps[i] * size)
            {
                *outer *= size;
                *outer_steps = steps;
                continue;
            }
            sizes.push(size);
            strides.push(steps);
        }
        if sizes.is_empty() {
            sizes.push(1);
            strides.push([0; N]);
        }
        Self { sizes, strides }
    }

    /// The operands' steps within a run.
    pub fn steps(&self) -> [usize; N] {
        self.strides[self.strides.len() - 1]
    }

    /// Calls `body(first, starts, length)` for each run in `range`, elements counted in row-major order: `first` is
    /// the run's first element, `starts` where the operands stand there.
    pub fn runs(&self, range: Range<usize>, mut body: impl FnMut(usize, [usize; N], usize)) {
        let inner = self.sizes[self.sizes.len() - 1];
        let mut at = range.start;
        while at < range.end {
            let length = (inner - at % inner).min(range.end - at);
            body(at, self.start(0..self.sizes.len(), at), length);
            at += length;
        }
    }

    /// Where the operands stand at an element of the space that these dimensions span.
    fn start(&self, dims: Range<usize>, element: usize) -> [usize; N] {
        let mut starts = [0; N];
        let mut rest = element;
        for (&size, steps) in self.sizes[dims.clone()].iter().zip(&self.strides[dims]).rev() {
            let index = rest % size;
            rest /= size;
            for i in 0..N {
                starts[i] += index * steps[i];
            }
        }
        starts
    }

    /// Fills `y`, which has the space's elements in row-major order: `body(first, run of y, starts)`, on all threads.
    pub fn fill<U: Send>(&self, y: &mut [U], body: impl Fn(usize, &mut [U], [usize; N]) + Sync) {
        chunks_mut(y, GRAIN, |first, chunk| {
            self.runs(first..first + chunk.len(), |at, starts, length| {
                body(at, &mut chunk[at - first..at - first + length], starts);
            });
        });
    }
}

/// `y[i] = x[i]` for x strided and y row-major.
pub fn gather<T: Copy + Send + Sync>(x: &[T], shape: &[usize], strides: &[usize], y: &mut [T]) {
    if y.is_empty() {
        return;
    }
    let walk = Walk::new(shape, [strides]);
    match Tiles::of(&walk) {
        Some(tiles) => tiles.gather(x, y),
        None => fill(&walk, x, y, |x| x),
    }
}

/// `y[i] = f(x[i])` for x strided and y row-major. Not by squares, as [`gather`], which would be a tenth of the binary for
/// all pairs of types.
pub fn convert<T: Copy + Sync, U: Copy + Send>(
    x: &[T],
    shape: &[usize],
    strides: &[usize],
    y: &mut [U],
    f: impl Fn(T) -> U + Sync,
) {
    if !y.is_empty() {
        fill(&Walk::new(shape, [strides]), x, y, f);
    }
}

fn fill<T: Copy + Sync, U: Copy + Send>(walk: &Walk<1>, x: &[T], y: &mut [U], f: impl Fn(T) -> U + Sync) {
    let [step] = walk.steps();
    walk.fill(y, |_, y, [start]| match step {
        0 => y.fill(f(x[start])),
        1 => y.iter_mut().zip(&x[start..]).for_each(|(y, &x)| *y = f(x)),
        _ => y.iter_mut().zip(x[start..].iter().step_by(step)).for_each(|(y, &x)| *y = f(x)),
    });
}

/// The transpose of [`gather`]: `y[at(i)] += x[i]`, for x row-major and y strided. Steps of 0 make it the sum over
/// broadcast dimensions.
pub fn scatter<T: Real>(x: &[T], shape: &[usize], strides: &[usize], y: &mut [T]) {
    if x.is_empty() {
        return;
    }
    let walk = Walk::new(shape, [strides]);
    if let Some(tiles) = Tiles::of(&walk) {
        return tiles.scatter(x, y);
    }
    let [step] = walk.steps();
    walk.runs(0..x.len(), |at, [start], length| {
        let run = &x[at..at + length];
        match step {
            0 => y[start] += crate::kernels::reduce::sum(run),
            1 => y[start..start + length].iter_mut().zip(run).for_each(|(y, &x)| *y += x),
            _ => y[start..].iter_mut().step_by(step).zip(run).for_each(|(y, &x)| *y += x),
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contiguous_dimensions_become_one_run() {
        let mut runs = Vec::new();
        Walk::new(&[2, 3, 4], [&[12, 4, 1], &[0, 0, 0]])
            .runs(0..24, |at, starts, n| runs.push((at, starts, n)));
        assert_eq!(runs, [(0, [0, 0], 24)]);
    }

    #[test]
    fn a_walk_can_start_anywhere() {
        let walk = Walk::new(&[3, 4], [&[1, 3]]);
        let mut seen = Vec::new();
        walk.runs(5..9, |at, starts, n| seen.push((at, starts, n)));
        assert_eq!(seen, [(5, [1 + 3], 3), (8, [2], 1)]);
    }

    #[test]
    fn gather_and_scatter_are_transposes() {
        let x: Vec<f64> = (0..12).map(f64::from).collect();
        let mut y = vec![0.0; 12];
        gather(&x, &[4, 3], &[1, 4], &mut y);
        assert_eq!(y[..4], [0.0, 4.0, 8.0, 1.0]);
        let mut back = vec![0.0; 12];
        scatter(&y, &[4, 3], &[1, 4], &mut back);
        assert_eq!(back, x);
        let mut sums = vec![1.0; 3];
        scatter(&y, &[4, 3], &[0, 1], &mut sums);
        assert_eq!(sums, [1.0 + 6.0, 1.0 + 22.0, 1.0 + 38.0]);
        let mut total = vec![0.0];
        scatter(&y, &[4, 3], &[0, 0], &mut total);
        assert_eq!(total, [66.0]);
        let mut doubled = vec![0; 12];
        convert(&x, &[4, 3], &[1, 4], &mut doubled, |v| 2 * v as i32);
        assert!(doubled.iter().zip(&y).all(|(&twice, &v)| f64::from(twice) == 2.0 * v));
    }

    #[test]
    fn squares_are_cut_wherever_they_end() {
        let shapes: [&[usize]; 6] = [&[1, 1], &[5, 3], &[16, 32], &[17, 40], &[3, 19, 33], &[2, 20, 3, 21]];
        for shape in shapes {
            let n: usize = shape.iter().product();
            let x: Vec<i32> = (0..n as i32).collect();
            let mut steps = vec![1; shape.len()];
            for d in (0..shape.len() - 1).rev() {
                steps[d] = steps[d + 1] * shape[d + 1];
            }
            // Every rotation of the dimensions, and all of them backwards.
            let dims: Vec<usize> = (0..shape.len()).collect();
            let rotations = (0..shape.len()).map(|k| [&dims[k..], &dims[..k]].concat());
            for order in rotations.chain([dims.iter().rev().copied().collect()]) {
                let sizes: Vec<usize> = order.iter().map(|&d| shape[d]).collect();
                let strides: Vec<usize> = order.iter().map(|&d| steps[d]).collect();
                let mut y = vec![-1; n];
                gather(&x, &sizes, &strides, &mut y);
                let mut at = 0;
                Walk::new(&sizes, [&strides]).runs(0..n, |_, [start], length| {
                    let step = Walk::new(&sizes, [&strides]).steps()[0];
                    for i in 0..length {
                        assert_eq!(y[at], x[start + i * step], "{sizes:?} {strides:?} {at}");
                        at += 1;
                    }
                });
                let g: Vec<f64> = y.iter().copied().map(f64::from).collect();
                let mut back = vec![1.0; n];
                scatter(&g, &sizes, &strides, &mut back);
                assert!(back.iter().enumerate().all(|(i, &v)| v == i as f64 + 1.0), "{sizes:?} {strides:?}");
            }
        }
    }

    #[test]
    fn scalars_and_empty_spaces_are_walked_too() {
        let mut y = [0.0f32];
        convert(&[3.0f32], &[], &[], &mut y, |v| v + 1.0);
        assert_eq!(y, [4.0]);
        let mut none: [f32; 0] = [];
        convert(&[3.0f32], &[0, 2], &[2, 1], &mut none, |v| v);
    }
}
