//! Where in C some sums belong.

use super::Matrix;
use crate::kernels::simd::Vector;

/// The most lanes of a vector.
const MAX_LANES: usize = 16;

/// A visit to C. A product that is deeper than a block takes several, and each brings the sums of its part of the depth.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// Whether C still has the values that it had before the product.
    pub first: bool,
    /// Whether C will have the values that it has after the product.
    pub last: bool,
}

impl Pass {
    /// The pass of a product that takes one.
    pub const ONLY: Self = Self { first: true, last: true };
}

/// The elements of C that the lanes of a few vectors are for: neighbours in a row of C, and each vector a row further down;
/// or neighbours in a column, and each vector a column further on.
///
/// Its methods load what other matrices have for these elements, into as many lanes of as many vectors.
///
/// # Safety
/// That of [`Epilogue::apply`](super::Epilogue::apply), which gets the place from [`matmul`](super::matmul()).
#[derive(Clone, Copy, Debug)]
pub struct Place<T> {
    /// Where the element of the first vector's first lane is.
    pub(super) data: *mut T,
    /// The distance from a lane's element to the next.
    pub(super) stride: usize,
    /// The distance from a vector's elements to the next.
    pub(super) pitch: usize,
    /// How many lanes have an element.
    pub(super) lanes: usize,
    /// The first element's row.
    pub(super) row: usize,
    /// The first element's column.
    pub(super) col: usize,
    /// Whether the lanes go down a column.
    pub(super) down: bool,
    pub(super) pass: Pass,
}

#[expect(clippy::missing_safety_doc, reason = "that of the type")]
impl<T: Copy + Default> Place<T> {
    /// Whether C still has the values that it had before the product.
    #[inline(always)]
    pub fn is_first(&self) -> bool {
        self.pass.first
    }

    /// Whether C will have the values that it has after the product.
    #[inline(always)]
    pub fn is_last(&self) -> bool {
        self.pass.last
    }

    /// What C has here.
    #[inline(always)]
    pub unsafe fn former<V: Vector<T>, const N: usize>(&self) -> [V; N] {
        // SAFETY: the caller's promise.
        unsafe { self.load(self.data, self.pitch, self.stride) }
    }

    /// What a matrix of C's shape has here.
    #[inline(always)]
    pub unsafe fn elements<V: Vector<T>, const N: usize>(&self, matrix: &Matrix<T>) -> [V; N] {
        let Matrix { data, row_stride, col_stride, .. } = *matrix;
        let from = data.as_ptr().wrapping_add(self.row * row_stride + self.col * col_stride);
        let (pitch, stride) = if self.down { (col_stride, row_stride) } else { (row_stride, col_stride) };
        // SAFETY: the caller's promise.
        unsafe { self.load(from, pitch, stride) }
    }

    /// What a slice with a number for each column of C has here.
    #[inline(always)]
    pub unsafe fn of_columns<V: Vector<T>, const N: usize>(&self, numbers: &[T]) -> [V; N] {
        // SAFETY: the caller's promise.
        unsafe { self.along(numbers, self.col, !self.down) }
    }

    /// What a slice with a number for each row of C has here.
    #[inline(always)]
    pub unsafe fn of_rows<V: Vector<T>, const N: usize>(&self, numbers: &[T]) -> [V; N] {
        // SAFETY: the caller's promise.
        unsafe { self.along(numbers, self.row, self.down) }
    }

    /// Numbers from `first` on: one a lane, or one a vector.
    #[inline(always)]
    unsafe fn along<V: Vector<T>, const N: usize>(&self, numbers: &[T], first: usize, lanes: bool) -> [V; N] {
        let from = numbers.as_ptr().wrapping_add(first);
        // SAFETY: the caller's promise.
        unsafe {
            if lanes {
                let [vector] = self.load(from, 0, 1);
                return [vector; N];
            }
            let mut vectors = [V::splat(T::default()); N];
            for (i, vector) in vectors.iter_mut().enumerate() {
                *vector = V::splat(*from.add(i));
            }
            vectors
        }
    }

    #[inline(always)]
    unsafe fn load<V: Vector<T>, const N: usize>(
        &self,
        from: *const T,
        pitch: usize,
        stride: usize,
    ) -> [V; N] {
        // SAFETY: the caller's promise; lanes without an element are not touched.
        unsafe {
            let mut vectors = [V::splat(T::default()); N];
            for (i, vector) in vectors.iter_mut().enumerate() {
                let from = from.wrapping_add(i * pitch);
                *vector = match stride {
                    1 if self.lanes == V::LANES => V::load(from),
                    1 => V::load_partial(from, self.lanes),
                    // The dot products' four: the only ones that lie apart often.
                    _ if self.lanes == 4 && V::LANES == 4 => {
                        V::load([0, 1, 2, 3].map(|lane| *from.add(lane * stride)).as_ptr())
                    }
                    _ => V::load(gathered(from, stride, self.lanes).as_ptr()),
                }
            }
            vectors
        }
    }

    /// Writes the lanes to C.
    #[inline(always)]
    pub(super) unsafe fn store<V: Vector<T>, const N: usize>(&self, vectors: [V; N]) {
        for (i, vector) in vectors.into_iter().enumerate() {
            let to = self.data.wrapping_add(i * self.pitch);
            // SAFETY: the caller's promise; lanes without an element are not touched.
            unsafe {
                match self.stride {
                    1 if self.lanes == V::LANES => vector.store(to),
                    1 => vector.store_partial(to, self.lanes),
                    _ => {
                        let mut numbers = [T::default(); MAX_LANES];
                        vector.store(numbers.as_mut_ptr());
                        let numbers = &numbers[..V::LANES];
                        for (lane, &x) in numbers.iter().enumerate() {
                            if lane < self.lanes {
                                *to.add(lane * self.stride) = x;
                            }
                        }
                    }
                }
            }
        }
    }
}

/// `n` numbers that lie apart. Not inlined into every tile, which it would blow up.
#[cold]
#[inline(never)]
unsafe fn gathered<T: Copy + Default>(from: *const T, stride: usize, n: usize) -> [T; MAX_LANES] {
    let mut numbers = [T::default(); MAX_LANES];
    for (i, x) in numbers.iter_mut().enumerate().take(n) {
        // SAFETY: the caller's promise.
        *x = unsafe { *from.add(i * stride) };
    }
    numbers
}
