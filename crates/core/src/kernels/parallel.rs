//! Slices cut into lanes, one a thread.

use std::ops::Range;

use crate::pool::{lane, parallel_for};

/// A slice that several threads write, each its own part.
struct Parts<U>(*mut U);

// SAFETY: `chunks_mut` hands every thread a range that no other has.
unsafe impl<U: Send> Sync for Parts<U> {}

impl<U> Parts<U> {
    /// The elements of `range`.
    ///
    /// # Safety
    /// `range` lies in the slice, which is alive, and nobody else uses these elements meanwhile.
    #[expect(clippy::mut_from_ref, reason = "the caller promises that ranges do not overlap")]
    unsafe fn part(&self, range: Range<usize>) -> &mut [U] {
        // SAFETY: as promised by the caller.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(range.start), range.len()) }
    }
}

/// Calls `body(first element's index, part)` for parts that together are `y`, on all threads; parts are multiples of
/// `grain` but for the last, and depend on the length and the number of threads alone.
pub fn chunks_mut<U: Send>(y: &mut [U], grain: usize, body: impl Fn(usize, &mut [U]) + Sync) {
    if y.len() <= grain {
        body(0, y);
        return;
    }
    let parts = Parts(y.as_mut_ptr());
    parallel_for(y.len(), grain, &|range: Range<usize>| {
        // SAFETY: `parallel_for` calls with disjoint ranges of 0..y.len() and ends before `y` is used again.
        body(range.start, unsafe { parts.part(range) });
    });
}

/// As [`chunks_mut`] for several slices of one length, cut in the same places.
///
/// # Panics
/// If their lengths differ.
pub fn lockstep_mut<U: Send, const N: usize>(
    mut slices: [&mut [U]; N],
    grain: usize,
    body: impl Fn(usize, [&mut [U]; N]) + Sync,
) {
    let n = slices.first().map_or(0, |slice| slice.len());
    assert!(slices.iter().all(|slice| slice.len() == n), "slices of different lengths");
    if n <= grain {
        body(0, slices);
        return;
    }
    let parts = slices.each_mut().map(|slice| Parts(slice.as_mut_ptr()));
    parallel_for(n, grain, &|range: Range<usize>| {
        // SAFETY: as in `chunks_mut`, for each slice; they are distinct, being borrowed mutably at once.
        body(range.start, parts.each_ref().map(|parts| unsafe { parts.part(range.clone()) }));
    });
}

/// As [`chunks_mut`] for rows of `width` elements: `body(first row, whole rows)`; `grain` counts elements.
pub fn rows_mut<U: Send>(y: &mut [U], width: usize, grain: usize, body: impl Fn(usize, &mut [U]) + Sync) {
    if width == 0 || y.is_empty() {
        return;
    }
    let rows = y.len() / width;
    let parts = Parts(y.as_mut_ptr());
    parallel_for(rows, grain.div_ceil(width), &|range: Range<usize>| {
        // SAFETY: disjoint ranges of rows are disjoint ranges of elements, within `rows * width <= y.len()`.
        body(range.start, unsafe { parts.part(range.start * width..range.end * width) });
    });
}

/// Cuts `0..items` into lanes as [`parallel_for`] does, and calls `body(range, part)` for each with its own of the `count`
/// equal parts of `y`.
///
/// # Panics
/// If `y` has no `count` equal parts.
pub fn lanes_mut<U: Send>(
    y: &mut [U],
    count: usize,
    items: usize,
    grain: usize,
    body: impl Fn(Range<usize>, &mut [U]) + Sync,
) {
    let length = y.len() / count.max(1);
    assert_eq!(length * count, y.len(), "a slice that has no equal parts");
    let parts = Parts(y.as_mut_ptr());
    parallel_for(items, grain, &|range: Range<usize>| {
        let lane = lane();
        assert!(lane < count, "more lanes than parts");
        // SAFETY: lanes have different numbers, and the part lies within `y`, which outlives the lanes.
        body(range, unsafe { parts.part(lane * length..(lane + 1) * length) });
    });
}
