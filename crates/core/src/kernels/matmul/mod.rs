//! Matrix products with any strides of A and B, and what an [`Epilogue`] makes of them.

mod blocked;
mod dot;
mod epilogue;
mod pack;
mod place;
mod plain;
mod problem;
mod sparse;
#[cfg(test)]
mod tests;
mod tile;
mod workspace;

pub use epilogue::{Activate, Activation, Bias, Epilogue, ReluGradient, Scale};
pub use place::Place;

use std::marker::PhantomData;
use std::ops::Range;

use super::simd::{Simd, Vectorized, dispatch};
use crate::pool::{get_num_threads, lane, lanes, parallel_for};
use blocked::Packing;
use problem::Problem;
use tile::{TileKernels, max_vectors};

/// A matrix to read. Element (i, j) is `data[i * row_stride + j * col_stride]`; a stride of 0 repeats.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a, T> {
    /// Starts at element (0, 0).
    pub data: &'a [T],
    /// The number of rows.
    pub rows: usize,
    /// The number of columns.
    pub cols: usize,
    /// The distance from a row to the next, in elements.
    pub row_stride: usize,
    /// The distance from a column to the next, in elements.
    pub col_stride: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// A matrix whose rows follow each other.
    pub fn row_major(data: &'a [T], rows: usize, cols: usize) -> Self {
        Self { data, rows, cols, row_stride: cols, col_stride: 1 }
    }

    /// The same elements with rows for columns.
    pub fn transposed(self) -> Self {
        let Self { data, rows, cols, row_stride, col_stride } = self;
        Self { data, rows: cols, cols: rows, row_stride: col_stride, col_stride: row_stride }
    }

    /// Whether the slice has all elements of all copies.
    fn is_whole(&self, copies: usize) -> bool {
        let others = if copies > 0 { (get_num_threads() - 1) * copies } else { 0 };
        let last =
            others + (self.rows.max(1) - 1) * self.row_stride + (self.cols.max(1) - 1) * self.col_stride;
        self.rows == 0 || self.cols == 0 || last < self.data.len()
    }
}

/// A matrix to write, row-major: element (i, j) is `data[i * row_stride + j]`, with `row_stride >= cols`.
#[derive(Debug)]
pub struct MatrixMut<'a, T> {
    /// Starts at element (0, 0).
    pub data: &'a mut [T],
    /// The number of rows.
    pub rows: usize,
    /// The number of columns.
    pub cols: usize,
    /// The distance from a row to the next, in elements.
    pub row_stride: usize,
}

impl<'a, T> MatrixMut<'a, T> {
    /// A matrix whose rows follow each other.
    pub fn row_major(data: &'a mut [T], rows: usize, cols: usize) -> Self {
        Self { data, rows, cols, row_stride: cols }
    }
}

/// A number that [`matmul`] multiplies matrices of.
pub trait Product: Copy {
    /// What [`matmul`] does once it has checked its arguments.
    #[doc(hidden)]
    fn product<E: Epilogue<Self>>(
        a: Matrix<Self>,
        b: Matrix<Self>,
        c: MatrixMut<Self>,
        near: Locality,
        epilogue: E,
    );
}

/// Where the operands of a product are, as far as its caller knows: what a thread has written itself it need not fetch
/// from another's cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Locality {
    /// The distance from a copy of A to the next, in elements, where every thread has its own; 0 where there is but one.
    pub a_copies: usize,
    /// The same of B.
    pub b_copies: usize,
    /// Whether each lane has its columns of B or of C near: columns are cut then, however small the product is.
    pub columns: bool,
    /// Whether B lies in [`blocks`].
    pub b_blocks: bool,
    /// Whether C does.
    pub c_blocks: bool,
    /// Whether B is known to have neither NaN nor infinities: nobody need look.
    pub b_finite: bool,
}

impl Locality {
    fn has_blocks(self) -> bool {
        self.b_blocks || self.c_blocks
    }
}

/// The columns of each lane of a product of which an operand lies in blocks: the columns of the first lane as a
/// row-major matrix of their own, then those of the second, and so on. What a lane reads, and what it writes, is then
/// in one piece, and no other lane's is in between.
pub fn blocks(rows: usize, cols: usize, depth: usize) -> impl Iterator<Item = Range<usize>> {
    lanes(cols, columns_of_lanes(rows * depth))
}

/// A·B, and of it in C what the epilogue makes of it: [`Mode`](super::Mode) writes it or adds it, [`Activate`] adds a bias
/// and applies an activation, [`ReluGradient`] goes back through a relu, [`Scale`] makes a step of gradient descent.
///
/// The same bits for any number of threads. NaN and infinities spread as in a plain loop: 0·NaN is NaN. Where A or B is
/// mostly zeros, what is multiplied by zeros alone is left out, which changes nothing else.
///
/// # Panics
/// If shapes do not fit each other or the epilogue, or a slice is too short for its matrix.
pub fn matmul<T: Product>(a: Matrix<T>, b: Matrix<T>, c: MatrixMut<T>, epilogue: impl Epilogue<T>) {
    matmul_near(a, b, c, Locality::default(), epilogue);
}

/// As [`matmul`], where it is known what is near to which thread: lane i reads copy i, and all copies are equal.
///
/// # Panics
/// As [`matmul`]; and if there are fewer copies than threads, or what lies in blocks has gaps.
pub fn matmul_near<T: Product>(
    a: Matrix<T>,
    b: Matrix<T>,
    c: MatrixMut<T>,
    near: Locality,
    epilogue: impl Epilogue<T>,
) {
    assert!(a.rows == c.rows && b.cols == c.cols && a.cols == b.rows, "shapes do not fit");
    assert!(epilogue.fits(c.rows, c.cols), "the epilogue does not fit");
    if c.rows == 0 || c.cols == 0 {
        return;
    }
    assert!(a.is_whole(near.a_copies) && b.is_whole(near.b_copies), "a slice is too short for its matrix");
    assert!(c.row_stride >= c.cols, "rows of C overlap");
    assert!(!near.b_blocks || (b.row_stride, b.col_stride) == (b.cols, 1), "blocks of B have gaps");
    assert!(!near.c_blocks || c.row_stride == c.cols, "blocks of C have gaps");
    assert!((c.rows - 1) * c.row_stride + c.cols <= c.data.len(), "C's slice is too short for its matrix");
    T::product(a, b, c, near, epilogue);
}

impl Product for f64 {
    fn product<E: Epilogue<Self>>(
        a: Matrix<Self>,
        b: Matrix<Self>,
        c: MatrixMut<Self>,
        near: Locality,
        epilogue: E,
    ) {
        plain::matmul(a, b, c, near, epilogue);
    }
}

impl Product for f32 {
    fn product<E: Epilogue<Self>>(
        a: Matrix<Self>,
        b: Matrix<Self>,
        c: MatrixMut<Self>,
        near: Locality,
        epilogue: E,
    ) {
        match a.cols {
            0 => plain::matmul(a, b, c, near, epilogue),
            _ => dispatch(Fused {
                product: Problem::new(a, b, c, near, &epilogue),
                epilogue: PhantomData::<E>,
            }),
        }
    }
}

/// Multiplications with an addition each that are worth a thread of their own: some 5 µs.
const GRAIN: usize = 256 * 1024;

/// The most numbers of the smaller operand that [`dot`] reads again for every group of columns of the larger: half a
/// second-level cache.
const DOT_OPERAND: u64 = 128 * 1024;

/// Whether dot products are faster than tiles for a product whose operands both lie along the depth. Counted in
/// multiply-adds of vectors: a dot product adds up its lanes in the end, tiles need B transposed first. And JavaScript's
/// arrays seldom begin at a cache line: the longer vectors are, the more of a dot product's loads meet two lines, whose
/// operands are all vectors; with 16 lanes each does, and a quarter is what that costs on average.
fn dot_pays<V: Simd>(product: &Problem) -> bool {
    let [rows, cols, depth, lanes] = [product.rows, product.cols, product.depth, V::LANES].map(|n| n as u64);
    let dot = rows * cols * (depth.div_ceil(lanes) + 4) * (1024 + lanes * lanes) / 1024;
    let tiles = cols.div_ceil(lanes) * depth * (rows + lanes * 2 / 3);
    dot <= tiles && rows.min(cols) * depth <= DOT_OPERAND
}

/// Lanes have columns by multiples of these: whole vectors, and the same for every instruction set.
pub const COLUMNS: usize = 16;

/// Lanes have columns by multiples of these, given the multiply-adds of one.
fn columns_of_lanes(multiply_adds: usize) -> usize {
    GRAIN.div_ceil(multiply_adds.max(1)).next_multiple_of(COLUMNS)
}

/// Whether lanes cut the columns of C or its rows: what is packed is cut too, lest every lane packs all of it, unless
/// that side is much the shorter. The gradient of a weight, where A is packed, is cut by rows, as the weight is in the
/// forward pass and in its update: each lane then has its own part in its cache.
fn cuts_columns(product: &Problem, packing: Packing) -> bool {
    match (packing.a, packing.b) {
        (true, false) => product.cols > 8 * product.rows,
        (true, true) => product.cols > 4 * product.rows,
        (false, true) => 8 * product.cols >= product.rows,
        (false, false) => product.cols >= product.rows,
    }
}

/// A product, and the type of its epilogue.
struct Fused<E> {
    product: Problem,
    epilogue: PhantomData<E>,
}

impl<E: Epilogue<f32>> Vectorized for Fused<E> {
    type Output = ();

    unsafe fn run<V: Simd>(self) {
        let Self { product, .. } = self;
        let near = product.near;
        if let Some(product) = sparse::skips(product) {
            // SAFETY: the caller's promise.
            unsafe { sparse::by_steps::<V>(product, TileKernels::of::<V, E>()) };
            return;
        }
        if E::ALONG_DEPTH
            && !(near.columns || near.has_blocks())
            && dot_pays::<V>(&product)
            && let Some(product) = product.along_depth()
        {
            parallel_for(product.cols, columns_of_lanes(product.rows * product.depth), &|cols| {
                let part = product.part(lane(), 0..product.rows, cols);
                // SAFETY: the caller's promise; lanes have different columns.
                unsafe { dot::dot::<V>(&part, dot::finish::<V, E>) }
            });
            return;
        }
        // SAFETY: the caller's promise.
        unsafe { by_tiles::<V>(product, TileKernels::of::<V, E>()) }
    }
}

/// Columns that a tile serves with what it reads of A: with fewer, A is read more often.
const fn panel<V: Simd>() -> usize {
    max_vectors::<V>() * V::LANES
}

/// Whether A is copied, given that its rows are neighbours: a tile reads a line of it for each step, and the first cache
/// has those of a shallow product for the next tile, too.
fn packs_a<V: Simd>(product: &Problem) -> bool {
    let often = if product.depth > SHALLOW { 128 } else { 12 * panel::<V>() };
    product.a.row == 1 && product.a.col != 1 && product.cols >= often
}

/// Steps whose lines of A the first cache has beside a panel of B that streams by.
const SHALLOW: usize = 384;

/// Whether B is copied: where its rows are not contiguous, and where enough rows of A read it again that it pays to have
/// it without gaps. Short vectors take as long to multiply as long ones: they read B more slowly, and wait for it less.
fn packs_b<V: Simd>(product: &Problem) -> bool {
    let Problem { b, rows, cols, depth, .. } = *product;
    let often = match (panel::<V>(), cols * depth) {
        _ if b.row.is_multiple_of(PAGE) => 48, // all rows in the same few lines of the first cache
        (64.., _) => 96,
        (_, LARGE..) => 128,
        _ => 256,
    };
    b.col != 1 || rows >= often
}

/// Numbers in a page of memory.
const PAGE: usize = 1024;

/// Numbers of a B that the second cache has no room for beside other things.
const LARGE: usize = 256 * 1024;

/// Computes a product by tiles.
///
/// # Safety
/// The machine has the instruction set of `V`, and the kernels are those of the epilogue.
unsafe fn by_tiles<V: Simd>(product: Problem, kernels: &'static TileKernels) {
    let near = product.near;
    let product = if near.columns || near.has_blocks() { product } else { product.flat() };
    let packing = Packing { a: packs_a::<V>(&product), b: packs_b::<V>(&product) };
    let part = |rows: Range<usize>, cols: Range<usize>| {
        // SAFETY: the caller's promise; lanes have different rows, or columns.
        unsafe { blocked::blocked::<V>(&product.part(lane(), rows, cols), packing, kernels) }
    };
    if near.columns {
        parallel_for(product.cols, COLUMNS, &|cols| part(0..product.rows, cols));
    } else {
        cut(&product, near.has_blocks() || cuts_columns(&product, packing), &part);
    }
}

/// Has the lanes compute their parts: `part(rows, columns)`.
fn cut(product: &Problem, by_columns: bool, part: &(dyn Fn(Range<usize>, Range<usize>) + Sync)) {
    let Problem { rows, cols, depth, .. } = *product;
    if by_columns {
        parallel_for(cols, columns_of_lanes(rows * depth), &|cols| part(0..rows, cols));
    } else {
        parallel_for(rows, columns_of_lanes(cols * depth), &|rows| part(rows, 0..cols));
    }
}
