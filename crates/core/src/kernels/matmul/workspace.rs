//! Memory for what products copy.

use std::cell::RefCell;

/// Numbers in a cache line.
const LINE: usize = 16;

/// A cache line of numbers.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[expect(dead_code, reason = "written and read through pointers")] [f32; LINE]);

thread_local! {
    /// Kept, so that products do not allocate once their thread has seen their size.
    static WORKSPACE: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// Calls `body` with room for so many numbers in each place; what is there is anything. Not to be called by `body` again.
pub fn with_workspace<const N: usize>(numbers: [usize; N], body: impl FnOnce([*mut f32; N])) {
    let lines = numbers.map(|numbers| numbers.div_ceil(LINE));
    let total = lines.iter().sum();
    WORKSPACE.with_borrow_mut(|workspace| {
        if workspace.len() < total {
            workspace.resize(total, Line([0.0; LINE]));
        }
        let mut space: *mut f32 = workspace.as_mut_ptr().cast();
        body(lines.map(|lines| {
            let place = space;
            space = space.wrapping_add(lines * LINE);
            place
        }));
    });
}
