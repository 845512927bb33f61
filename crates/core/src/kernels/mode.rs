/// What a kernel does with the values that its output already has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Overwrites them; they may be anything, even NaN.
    Write,
    /// Adds to them.
    Add,
}
