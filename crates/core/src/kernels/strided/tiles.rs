//! Transposition by squares. Where the row-major side runs along one dimension and the strided side along another, each
//! line of memory that one of them visits would be visited again for its next element, after many others. A square of
//! lines is read whole, turned in the first cache, and written whole.

use std::ops::Range;

use crate::kernels::isa::vectorize_narrow;
use crate::kernels::parallel::rows_mut;
use crate::kernels::strided::{GRAIN, Walk};
use crate::real::Real;

/// Elements along a square's side: a cache line of `f32`.
const SIDE: usize = 16;

/// Elements along the strided operand's lines that are turned before going on: the hardware fetches ahead there.
const BAND: usize = 4 * SIDE;

/// A walk whose operand jumps along the innermost dimension, and runs along another one.
pub struct Tiles<'a> {
    walk: &'a Walk<1>,
    /// The dimension along which the operand's elements are neighbours.
    along: usize,
    /// Elements of the row-major side from one of them to the next.
    inner: usize,
}

/// Where a square starts in the strided operand and in row-major order, and its sizes along either.
struct Tile {
    strided: usize,
    row_major: usize,
    sizes: [usize; 2],
}

impl<'a> Tiles<'a> {
    pub fn of(walk: &'a Walk<1>) -> Option<Self> {
        let innermost = walk.sizes.len() - 1;
        let along = walk.strides[..innermost].iter().rposition(|&[step]| step == 1)?;
        let inner = walk.sizes[along + 1..].iter().product();
        (walk.steps()[0] > 1).then_some(Self { walk, along, inner })
    }

    /// The elements' distances from one line of a square to the next, in the strided operand and in row-major order.
    fn steps(&self) -> [usize; 2] {
        [self.walk.steps()[0], self.inner]
    }

    /// Calls `body` for all squares of these rows: so we call the stretches of [`Self::inner`] elements in row-major order.
    #[inline(always)]
    fn each(&self, rows: Range<usize>, mut body: impl FnMut(Tile)) {
        let (size, innermost) = (self.walk.sizes[self.along], self.walk.sizes.len() - 1);
        let length = self.walk.sizes[innermost];
        let mut row = rows.start;
        while row < rows.end {
            let count = BAND.min(size - row % size).min(rows.end - row);
            let [start] = self.walk.start(0..self.along + 1, row);
            for run in 0..self.inner / length {
                let [between] = self.walk.start(self.along + 1..innermost, run);
                for at in (0..length).step_by(SIDE) {
                    for across in (0..count).step_by(SIDE) {
                        body(Tile {
                            strided: start + between + at * self.steps()[0] + across,
                            row_major: (row + across) * self.inner + run * length + at,
                            sizes: [SIDE.min(count - across), SIDE.min(length - at)],
                        });
                    }
                }
            }
            row += count;
        }
    }

    /// As [`gather`](super::gather). Not inlined: it is large.
    #[inline(never)]
    pub fn gather<T: Copy + Send + Sync>(&self, x: &[T], y: &mut [T]) {
        let steps = self.steps();
        rows_mut(y, self.inner, GRAIN, |first, part| {
            vectorize_narrow(
                #[inline(always)]
                || {
                    self.each(
                        first..first + part.len() / self.inner,
                        #[inline(always)]
                        |tile| {
                            let y = &mut part[tile.row_major - first * self.inner..];
                            turn(&x[tile.strided..], y, steps, tile.sizes, |y, x| *y = x);
                        },
                    );
                },
            );
        });
    }

    /// As [`scatter`](super::scatter).
    pub fn scatter<T: Real>(&self, x: &[T], y: &mut [T]) {
        let [step, inner] = self.steps();
        vectorize_narrow(
            #[inline(always)]
            || {
                self.each(
                    0..x.len() / inner,
                    #[inline(always)]
                    |tile| {
                        let [count, length] = tile.sizes;
                        let y = &mut y[tile.strided..];
                        turn(&x[tile.row_major..], y, [inner, step], [length, count], |y, x| *y += x);
                    },
                );
            },
        );
    }
}

/// `put(y[i, j], x[j, i])` for a square of `sizes` rows and columns of y; a row is a step away from the row before.
#[inline(always)]
fn turn<T: Copy>(x: &[T], y: &mut [T], steps: [usize; 2], sizes: [usize; 2], put: impl Fn(&mut T, T)) {
    if sizes == [SIDE; 2] {
        turn_square(x, y, steps, [SIDE; 2], put); // with sizes that the compiler knows
    } else {
        turn_square(x, y, steps, sizes, put);
    }
}

#[inline(always)]
fn turn_square<T: Copy>(
    x: &[T],
    y: &mut [T],
    [x_step, y_step]: [usize; 2],
    [rows, columns]: [usize; 2],
    put: impl Fn(&mut T, T),
) {
    let mut square = [[x[0]; SIDE]; SIDE];
    for (j, line) in square[..columns].iter_mut().enumerate() {
        line[..rows].copy_from_slice(&x[j * x_step..][..rows]);
    }
    let mut turned = [[x[0]; SIDE]; SIDE];
    for i in 0..rows {
        for j in 0..columns {
            turned[i][j] = square[j][i];
        }
    }
    for (i, line) in turned[..rows].iter().enumerate() {
        y[i * y_step..][..columns].iter_mut().zip(line).for_each(|(y, &x)| put(y, x));
    }
}
