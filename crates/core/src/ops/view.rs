//! Operations that only rearrange: their result shares the input's storage. And the first of them.

use serde::Deserialize;

use crate::dtype::{DataMut, Operand, TensorType};
use crate::error::{Error, Result};
use crate::ops::{Grad, Named, Operation, Reads, Signature, expect_inputs};
use crate::real::Real;
use crate::shape::{Layout, Shape};

/// The methods of an [`crate::ops::Operation`] that is a view: the engine never calls the passes, since a view's
/// whole meaning, gradient included, is in `arrange`.
macro_rules! no_computation {
    () => {
        fn is_view(&self) -> bool {
            true
        }

        fn reads(&self) -> Reads {
            Reads::NOTHING
        }

        fn forward(&self, _: &[Operand<'_, T>], _: DataMut<'_, T>, _: &Shape) -> Result<()> {
            Ok(())
        }

        fn backward(&self, _: &[Operand<'_, T>], _: &[T], _: &[T], _: &mut [Option<Grad<'_, T>>]) {}
    };
}

pub(crate) use no_computation;

/// The same elements in another shape, in row-major order; one size may be −1, which is worked out. A view: of a
/// strided tensor where its strides allow it, as in PyTorch, and an error where they do not.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    shape: Vec<isize>,
}

impl View {
    fn shape(&self, x: &Shape) -> Result<Shape> {
        let refused = |why: &str| {
            Err(Error::shape(format!(
                "view: cannot view shape {x} ({} elements) as {:?}{why}",
                x.elements(),
                self.shape
            )))
        };
        if self.shape.iter().any(|&size| size < -1) {
            return refused(": sizes are 0 or more, and one may be -1");
        }
        let free = self.shape.iter().filter(|&&size| size == -1).count();
        if free > 1 {
            return refused(": only one size may be -1");
        }
        let known = self.shape.iter().filter_map(|&size| usize::try_from(size).ok());
        let Some(known) = known.into_iter().try_fold(1usize, usize::checked_mul) else {
            return refused("");
        };
        if free == 1 && known == 0 {
            return refused(": -1 could be any size");
        }
        let rest = x.elements().checked_div(known).unwrap_or(0);
        if known * if free == 1 { rest } else { 1 } != x.elements() {
            return refused("");
        }
        let sizes: Vec<usize> = self
            .shape
            .iter()
            .map(|&size| usize::try_from(size).unwrap_or(rest))
            .collect();
        Shape::new(&sizes)
    }
}

impl Named for View {
    const NAME: &'static str = "view";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        use super::samples::Sample;
        let cases: [(&str, &[usize]); 7] = [
            (r#"{"shape": [6]}"#, &[2, 3]),
            (r#"{"shape": [-1, 4]}"#, &[2, 3, 4]),
            (r#"{"shape": [2, -1, 2, 1]}"#, &[2, 6]),
            (r#"{"shape": []}"#, &[1, 1]),
            (r#"{"shape": [1]}"#, &[]),
            (r#"{"shape": [0, 7]}"#, &[3, 0]),
            (r#"{"shape": [-1, 7]}"#, &[0]),
        ];
        cases
            .map(|(attributes, shape)| Sample::new(attributes).real(shape, -1.0..1.0))
            .into()
    }
}

impl<T: Real> Operation<T> for View {
    fn infer(&self, inputs: &[TensorType]) -> Result<TensorType> {
        let [x] = expect_inputs(Self::NAME, inputs)?;
        Ok(TensorType::new(x.dtype, self.shape(&x.shape)?))
    }

    fn check_layout(&self, _: usize, layout: &Layout, signature: &Signature) -> Result<()> {
        let shape = &signature.output.shape;
        if layout.view(shape).is_none() {
            return Err(Error::shape(format!(
                "view: shape {} of a strided tensor cannot be viewed as {shape}; use reshape() or clone() first",
                layout.shape
            )));
        }
        Ok(())
    }

    fn arrange(&self, _: usize, layout: &Layout, signature: &Signature) -> Layout {
        let shape = &signature.output.shape;
        layout
            .view(shape)
            .unwrap_or_else(|| Layout::contiguous(shape.clone()))
    }

    no_computation!();
}

#[cfg(test)]
mod tests {
    use crate::dtype::DType;
    use crate::graph::Call;
    use crate::ops::parse;
    use crate::shape::{Layout, Shape, Strides};

    fn layout(sizes: &[usize], strides: &[usize]) -> Layout {
        Layout {
            shape: Shape::new(sizes).unwrap(),
            strides: Strides::new(strides).unwrap(),
            offset: 5,
        }
    }

    fn view(layout: Layout, shape: &[isize]) -> Result<Layout, String> {
        let op = parse::<f32>("view", &format!(r#"{{"shape": {shape:?}}}"#)).unwrap();
        let call = Call::new(op, &[(DType::Float32, layout)]).map_err(|e| e.message)?;
        Ok(call.alias().unwrap().clone())
    }

    #[test]
    fn strided_tensors_are_viewed_where_their_strides_allow_it() {
        // Columns 0 to 3 of a [6, 8] tensor: rows can be regrouped, but not joined.
        assert_eq!(
            view(layout(&[6, 4], &[8, 1]), &[2, 3, 4]),
            Ok(layout(&[2, 3, 4], &[24, 8, 1]))
        );
        assert_eq!(
            view(layout(&[6, 4], &[8, 1]), &[6, 2, 2]),
            Ok(layout(&[6, 2, 2], &[8, 2, 1]))
        );
        assert_eq!(
            view(layout(&[3, 4], &[1, 3]), &[12]).unwrap_err(),
            "view: shape [3, 4] of a strided tensor cannot be viewed as [12]; use reshape() or clone() first"
        );
        // One element read again and again.
        assert_eq!(view(layout(&[6], &[0]), &[2, 3]), Ok(layout(&[2, 3], &[0, 0])));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let message = |from: &[usize], to: &[isize]| {
            view(Layout::contiguous(Shape::new(from).unwrap()), to).unwrap_err()
        };
        assert_eq!(
            message(&[64, 1, 28, 28], &[-1, 100]),
            "view: cannot view shape [64, 1, 28, 28] (50176 elements) as [-1, 100]"
        );
        assert!(message(&[4], &[-1, -1]).contains("only one size may be -1"));
        assert!(message(&[4], &[-2, 2]).contains("sizes are 0 or more"));
        assert!(message(&[0], &[-1, 0]).contains("-1 could be any size"));
        assert!(message(&[4], &[isize::MAX, isize::MAX, 4]).contains("cannot view"));
        assert!(message(&[4], &[0]).contains("cannot view"));
    }
}
