//! Every kernel against double precision, with each instruction set of the machine: the bounds that the documentation
//! states (docs/accuracy.md), over random and nasty numbers, at every length from 0 to 130 and from unaligned starts.

mod apply;
mod elementwise;
mod numbers;
mod products;
mod rows;
mod sums;
mod updates;
