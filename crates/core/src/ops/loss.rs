//! What all losses share: how the values of a batch become one.

use std::ops::Range;

use serde::Deserialize;

use crate::kernels::parallel::chunks_mut;
use crate::kernels::reduce;
use crate::kernels::strided::GRAIN;
use crate::real::Real;

/// What a loss makes of its values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LossReduction {
    /// Their mean; NaN if there are none.
    #[default]
    Mean,
    /// Their sum.
    Sum,
    /// Nothing: they are the result.
    None,
}

/// The sum of `f` over `0..n`, on all threads. `f` sums a range of at most `block`; these sums are added pairwise, in an
/// order that `n` and `block` alone decide. `cost` is the number of elements that one of the `n` reads.
pub fn total<T: Real>(n: usize, block: usize, cost: usize, f: impl Fn(Range<usize>) -> T + Sync) -> T {
    const PIECES: usize = 64;
    let length = n.div_ceil(PIECES).next_multiple_of(block);
    let pieces = n.div_ceil(length.max(1));
    let mut sums = [T::ZERO; PIECES];
    let grain = GRAIN.div_ceil((length * cost).max(1));
    chunks_mut(&mut sums[..pieces], grain, |first, sums| {
        for (piece, sum) in (first..).zip(sums) {
            *sum = pairwise(piece * length..n.min((piece + 1) * length), block, &f);
        }
    });
    reduce::sum(&sums[..pieces])
}

fn pairwise<T: Real>(range: Range<usize>, block: usize, f: &impl Fn(Range<usize>) -> T) -> T {
    if range.len() <= block {
        return f(range);
    }
    let middle = range.start + (range.len() / 2).next_multiple_of(block);
    pairwise(range.start..middle, block, f) + pairwise(middle..range.end, block, f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_count_everything_once() {
        for n in [0, 1, 7, 63, 64, 65, 1000, 12_345] {
            for block in [1, 8, 512] {
                let sum = total::<f64>(n, block, 1000, |range| {
                    assert!(range.len() <= block);
                    range.map(|i| i as f64).sum()
                });
                assert_eq!(sum, (n * n.saturating_sub(1) / 2) as f64, "{n} by {block}");
            }
        }
    }
}
