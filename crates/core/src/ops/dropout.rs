use serde::Deserialize;

use crate::dtype::{DType, DataMut, Operand, TensorType};
use crate::error::{Error, Result};
use crate::kernels::parallel::chunks_mut;
use crate::kernels::strided::GRAIN;
use crate::kernels::{Mode, vectorize};
use crate::ops::{Class, Grad, Named, Operation, Reads, expect_inputs};
use crate::real::Real;
use crate::rng::philox_blocks;
use crate::shape::Shape;

/// Each element kept with probability 1 − `p` and then divided by it, or else made 0 (Srivastava et al. 2014, in the
/// form that leaves the expectation as it is). The gradient passes where the element was kept, with the same factor.
///
/// What is kept is a function of the second input, four `int32` words of seed, and of the element's index alone:
/// backward makes the mask again, on any number of threads. Element i has word i mod 4 of Philox block ⌊i/4⌋.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropout {
    p: f64,
}

/// Philox blocks that are made at once, and the words that they have.
const BLOCKS: usize = 16;
const WORDS: usize = 4 * BLOCKS;

impl Named for Dropout {
    const NAME: &'static str = "dropout";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        use super::samples::Sample;
        [("0.5", &[3, 5][..]), ("0.1", &[200]), ("0", &[4]), ("1", &[4]), ("0.3", &[]), ("0.3", &[0])]
            .map(|(p, shape)| {
                let sample = Sample::new(&format!(r#"{{"p": {p}}}"#)).real(shape, -2.0..2.0);
                sample.int(&[4], &[1, -2, 3, i32::MIN])
            })
            .into()
    }
}

impl Dropout {
    /// `y (+)= x · mask / (1 − p)`
    fn apply<T: Real>(&self, seed: &[i32], x: &[T], y: &mut [T], mode: Mode) {
        let word = |i: usize| seed[i] as u32;
        let (key, stream) = ([word(0), word(1)], [word(2), word(3)]);
        // A word below this drops its element: 2³² of them if p is 1.
        let threshold = (self.p * 4_294_967_296.0).round() as u64;
        let scale = if self.p == 1.0 { T::ZERO } else { T::from_f64(1.0 / (1.0 - self.p)) };
        // Parts begin at multiples of the grain, which whole groups of words fill.
        const { assert!(GRAIN.is_multiple_of(WORDS)) };
        chunks_mut(y, GRAIN, |first, y| {
            vectorize(
                #[inline(always)]
                move || {
                    let x = &x[first..][..y.len()];
                    for (group, (y, x)) in y.chunks_mut(WORDS).zip(x.chunks(WORDS)).enumerate() {
                        let block = first / 4 + group * BLOCKS;
                        let words = philox_blocks::<BLOCKS>(block as u64, stream, key);
                        for ((y, &x), &word) in y.iter_mut().zip(x).zip(words.as_flattened()) {
                            // Multiplied rather than chosen: NaN stays NaN, as in PyTorch.
                            let factor = if u64::from(word) < threshold { T::ZERO } else { scale };
                            let kept = x * factor;
                            *y = if mode == Mode::Add { *y + kept } else { kept };
                        }
                    }
                },
            );
        });
    }
}

impl<T: Real> Operation<T> for Dropout {
    fn infer(&self, inputs: &[TensorType]) -> Result<TensorType> {
        let [x, seed] = expect_inputs(Self::NAME, inputs)?;
        if !(0.0..=1.0).contains(&self.p) {
            return Err(Error::argument(format!(
                "dropout: expected a probability p from 0 to 1, got {}",
                self.p
            )));
        }
        if seed.dtype != DType::Int32 || seed.shape[..] != [4] {
            return Err(Error::argument(format!(
                "dropout: expected a seed of type int32 and shape [4], got {} and {}",
                seed.dtype, seed.shape
            )));
        }
        Ok(TensorType::new(DType::Float32, x.shape.clone()))
    }

    fn takes(&self, input: usize, _: &[TensorType]) -> Class {
        if input == 1 { Class::Int } else { Class::Real }
    }

    fn reads(&self) -> Reads {
        Reads::input(1)
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }

    fn forward(&self, x: &[Operand<'_, T>], y: DataMut<'_, T>, _: &Shape) -> Result<()> {
        let DataMut::Real(y) = y else {
            return Err(Error::internal("dropout: unexpected output class"));
        };
        self.apply(x[1].int(), x[0].real(), y, Mode::Write);
        Ok(())
    }

    fn backward(&self, x: &[Operand<'_, T>], _: &[T], dy: &[T], dx: &mut [Option<Grad<'_, T>>]) {
        if let Some(dx) = &mut dx[0] {
            self.apply(x[1].int(), dy, dx.data, dx.mode);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::samples::Sample;
    use crate::ops::tests::{error, gradients_f32, values_f32};
    use crate::rng::philox;

    fn ones(p: f64, n: usize) -> Sample {
        Sample::new(&format!(r#"{{"p": {p}}}"#)).values(&[n], &vec![1.0; n]).int(&[4], &[5, 6, 7, 8])
    }

    #[test]
    fn the_mask_is_the_documented_function_of_seed_and_index() {
        let n = 40_001; // more than one part, and a tail
        let y = values_f32("dropout", &ones(0.25, n));
        for (i, &y) in y.iter().enumerate() {
            let word = philox([i as u32 / 4, 0, 7, 8], [5, 6])[i % 4];
            let expected = if word < 1 << 30 { 0.0 } else { f64::from(1.0f32 / 0.75) };
            assert_eq!(y, expected, "element {i}");
        }
        let kept = y.iter().filter(|&&y| y != 0.0).count() as f64 / n as f64;
        assert!((kept - 0.75).abs() < 0.01, "{kept}");
        let gradient = gradients_f32("dropout", &ones(0.25, n), 1.0).remove(0);
        assert!(gradient.iter().zip(&y).all(|(&g, &y)| f64::from(g) == y));
    }

    #[test]
    fn nothing_or_everything_is_dropped_at_the_ends() {
        assert_eq!(values_f32("dropout", &ones(0.0, 100)), [1.0; 100]);
        assert_eq!(values_f32("dropout", &ones(1.0, 100)), [0.0; 100]);
    }

    #[test]
    fn wrong_arguments_are_refused() {
        assert_eq!(error("dropout", &ones(1.5, 2)), "dropout: expected a probability p from 0 to 1, got 1.5");
        let seedless = Sample::new(r#"{"p": 0.5}"#).values(&[1], &[1.0]).int(&[2], &[1, 2]);
        assert!(error("dropout", &seedless).contains("got int32 and [2]"));
    }
}
