//! Operations that only rearrange: their result shares the input's storage.

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
