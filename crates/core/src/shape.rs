//! Shapes, strides and the NumPy broadcasting rule.

use std::fmt;
use std::ops::{Deref, DerefMut};

use arrayvec::ArrayVec;

use crate::error::{Error, Result};

/// The most dimensions that a tensor may have.
pub const MAX_NDIM: usize = 8;

/// The most elements that a tensor may have: indices fit 32-bit integers with room to spare.
pub const MAX_ELEMENTS: usize = 1 << 31;

/// The sizes of a tensor's dimensions, outermost first.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Shape(ArrayVec<usize, MAX_NDIM>);

impl Shape {
    /// The shape with these sizes; an error if there are more than [`MAX_NDIM`], or absurdly many elements.
    pub fn new(sizes: &[usize]) -> Result<Self> {
        if sizes.len() > MAX_NDIM {
            return Err(Error::shape(format!(
                "a tensor has at most {MAX_NDIM} dimensions, got {}: {sizes:?}",
                sizes.len()
            )));
        }
        let elements = sizes.iter().try_fold(1usize, |n, &size| n.checked_mul(size));
        if elements.is_none_or(|n| n > MAX_ELEMENTS) {
            return Err(Error::shape(format!(
                "a tensor has at most {MAX_ELEMENTS} elements, got shape {sizes:?}"
            )));
        }
        Ok(Self(sizes.iter().copied().collect()))
    }

    /// The number of elements: 1 for a scalar.
    pub fn elements(&self) -> usize {
        self.0.iter().product()
    }

    /// Row-major strides, in elements.
    pub fn strides(&self) -> Strides {
        let mut strides = Strides(self.0.iter().map(|_| 0).collect());
        let mut step = 1;
        for (stride, &size) in strides.iter_mut().zip(&self.0).rev() {
            *stride = step;
            step *= size.max(1);
        }
        strides
    }

    /// A dimension given as PyTorch does, negative counting from the end.
    pub fn dim(&self, dim: isize, op: &str) -> Result<usize> {
        let n = self.len().max(1) as isize; // a scalar takes dim 0 and −1, as in PyTorch
        if dim < -n || dim >= n {
            return Err(Error::index(format!(
                "{op}: dim {dim} is out of range for shape {self}, expected {} to {}",
                -n,
                n - 1
            )));
        }
        Ok((if dim < 0 { dim + n } else { dim }) as usize)
    }

    /// The shape without dimension `dim`, or with size 1 there.
    pub fn reduce(&self, dim: usize, keep: bool) -> Shape {
        let mut shape = self.clone();
        if dim < shape.len() {
            if keep {
                shape[dim] = 1;
            } else {
                shape.0.remove(dim);
            }
        }
        shape
    }

    /// The shape with `size` put in as dimension `dim`.
    pub fn insert(&self, dim: usize, size: usize) -> Result<Shape> {
        let mut sizes = self.to_vec();
        sizes.insert(dim, size);
        Shape::new(&sizes)
    }

    /// The common shape of two operands under NumPy's rule: aligned at the last dimension, sizes equal or 1.
    pub fn broadcast(&self, other: &Shape, op: &str) -> Result<Shape> {
        let n = self.len().max(other.len());
        let mut sizes: ArrayVec<usize, MAX_NDIM> = ArrayVec::new();
        for i in 0..n {
            let at = |s: &Shape| (i + s.len()).checked_sub(n).map_or(1, |k| s[k]);
            sizes.push(match (at(self), at(other)) {
                (a, b) if a == b => a,
                (1, b) => b,
                (a, 1) => a,
                (a, b) => {
                    return Err(Error::shape(format!(
                        "{op}: shapes {self} and {other} do not broadcast: sizes {a} and {b} at dimension {i} are neither equal nor 1"
                    )));
                }
            });
        }
        Shape::new(&sizes)
    }
}

impl Deref for Shape {
    type Target = [usize];
    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl DerefMut for Shape {
    fn deref_mut(&mut self) -> &mut [usize] {
        &mut self.0
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.as_slice())
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Distances in elements between neighbours along each dimension; 0 repeats one element.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Strides(ArrayVec<usize, MAX_NDIM>);

impl Strides {
    /// The strides with these distances; there are as many as the shape has dimensions.
    pub fn new(steps: &[usize]) -> Result<Self> {
        match ArrayVec::try_from(steps) {
            Ok(strides) => Ok(Self(strides)),
            Err(_) => {
                Err(Error::shape(format!("a tensor has at most {MAX_NDIM} dimensions, got {}", steps.len())))
            }
        }
    }
}

impl Deref for Strides {
    type Target = [usize];
    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl DerefMut for Strides {
    fn deref_mut(&mut self) -> &mut [usize] {
        &mut self.0
    }
}

/// How a tensor lies in its storage.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Layout {
    /// Sizes.
    pub shape: Shape,
    /// Steps, one a dimension.
    pub strides: Strides,
    /// The index of the first element.
    pub offset: usize,
}

impl Layout {
    /// Row-major from the start of the storage.
    pub fn contiguous(shape: Shape) -> Self {
        Self { strides: shape.strides(), shape, offset: 0 }
    }

    /// Whether the elements follow each other in row-major order (sizes of 1 take any stride).
    pub fn is_contiguous(&self) -> bool {
        let mut step = 1;
        for (&size, &stride) in self.shape.iter().zip(self.strides.iter()).rev() {
            if size != 1 {
                if stride != step {
                    return self.shape.elements() == 0;
                }
                step *= size;
            }
        }
        true
    }

    /// One past the largest index that the layout reaches: the least length its storage may have.
    pub fn extent(&self) -> usize {
        if self.shape.elements() == 0 {
            return 0;
        }
        let last: usize = self.shape.iter().zip(self.strides.iter()).map(|(&n, &s)| (n - 1) * s).sum();
        self.offset + last + 1
    }

    /// This layout with its elements, in row-major order, in another shape; `None` if no strides give that.
    pub fn view(&self, shape: &Shape) -> Option<Layout> {
        if shape.elements() != self.shape.elements() {
            return None;
        }
        let mut strides = shape.strides();
        if !self.is_contiguous() {
            // Dimensions that are stepped through evenly are one stretch, which may be cut anew.
            let mut stretches: ArrayVec<(usize, usize), MAX_NDIM> = ArrayVec::new();
            for (&size, &stride) in self.shape.iter().zip(self.strides.iter()).filter(|&(&size, _)| size != 1)
            {
                match stretches.last_mut() {
                    Some((whole, step)) if *step == size * stride => {
                        (*whole, *step) = (*whole * size, stride)
                    }
                    _ => stretches.push((size, stride)),
                }
            }
            let (mut rest, mut step) = (1, 1);
            for (&size, stride) in shape.iter().zip(strides.iter_mut()).rev().filter(|&(&size, _)| size != 1)
            {
                if rest == 1 {
                    (rest, step) = stretches.pop()?;
                }
                if rest % size != 0 {
                    return None;
                }
                *stride = step;
                step *= size;
                rest /= size;
            }
        }
        Some(Layout { shape: shape.clone(), strides, offset: self.offset })
    }

    /// This layout with a dimension of size 1 put in at `dim`.
    pub fn unsqueeze(&self, dim: usize) -> Layout {
        let mut layout = self.clone();
        if !layout.shape.0.is_full() && dim <= layout.shape.len() {
            layout.shape.0.insert(dim, 1);
            layout.strides.0.insert(dim, 0);
        }
        layout
    }

    /// This layout read as if it had the larger shape `to`: broadcast dimensions get stride 0.
    /// `to` must be a result of [`Shape::broadcast`] with this shape.
    pub fn broadcast_to(&self, to: &Shape) -> Layout {
        let missing = to.len() - self.shape.len();
        let mut strides = Strides(to.iter().map(|_| 0).collect());
        for (i, (&size, &stride)) in self.shape.iter().zip(self.strides.iter()).enumerate() {
            strides[missing + i] = if size == to[missing + i] { stride } else { 0 };
        }
        Layout { shape: to.clone(), strides, offset: self.offset }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(sizes: &[usize]) -> Shape {
        Shape::new(sizes).unwrap()
    }

    #[test]
    fn broadcasting_follows_numpy() {
        let of = |a: &[usize], b: &[usize]| shape(a).broadcast(&shape(b), "add").map(|s| s.to_vec());
        assert_eq!(of(&[2, 3], &[3]).unwrap(), [2, 3]);
        assert_eq!(of(&[2, 1], &[3]).unwrap(), [2, 3]);
        assert_eq!(of(&[], &[4]).unwrap(), [4]);
        assert_eq!(of(&[1], &[0]).unwrap(), [0]);
        let error = of(&[2, 3], &[2]).unwrap_err();
        assert!(error.message.contains("add: shapes [2, 3] and [2] do not broadcast"), "{error}");
    }

    #[test]
    fn absurd_shapes_are_refused() {
        assert!(Shape::new(&[usize::MAX, 2]).is_err());
        assert!(Shape::new(&[1 << 20, 1 << 20]).is_err());
        assert!(Shape::new(&[1; 9]).is_err());
    }

    #[test]
    fn layouts_know_whether_they_are_contiguous() {
        let mut layout = Layout::contiguous(shape(&[2, 3]));
        assert!(layout.is_contiguous());
        assert_eq!(layout.extent(), 6);
        layout.shape = shape(&[3, 2]);
        layout.strides = Strides::new(&[1, 3]).unwrap();
        assert!(!layout.is_contiguous());
        assert_eq!(layout.extent(), 6);
    }

    #[test]
    fn dims_count_from_the_end_too() {
        let s = shape(&[4, 5]);
        assert_eq!(s.dim(-1, "sum").unwrap(), 1);
        assert!(s.dim(2, "sum").unwrap_err().message.contains("dim 2 is out of range for shape [4, 5]"));
        assert_eq!(shape(&[]).dim(-1, "sum").unwrap(), 0);
    }
}
