//! Data that lives in memory: generated, gathered into batches, cast and normalised.

pub mod digits;
pub mod gather;
