use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::{MAX_THREADS, choose, get_num_threads, parallel_for, set_num_threads, with_num_threads};
use crate::error::ErrorKind;

/// The lanes that work was cut into, in order.
fn lanes(threads: usize, items: usize, grain: usize) -> Vec<Range<usize>> {
    let lanes = Mutex::new(Vec::new());
    with_num_threads(threads, || parallel_for(items, grain, &|lane| lanes.lock().unwrap().push(lane)));
    let mut lanes = lanes.into_inner().unwrap();
    lanes.sort_by_key(|lane| lane.start);
    lanes
}

#[test]
fn lanes_cover_everything_once_in_multiples_of_the_grain() {
    for threads in [1, 2, 3, 7] {
        for items in [0, 1, 2, 5, 64, 100, 1001] {
            for grain in [0, 1, 3, 64, 2000] {
                let lanes = lanes(threads, items, grain);
                assert!(lanes.len() <= threads);
                let mut end = 0;
                for lane in &lanes {
                    assert_eq!(lane.start, end);
                    assert!(!lane.is_empty() && lane.start % grain.max(1) == 0);
                    end = lane.end;
                }
                assert_eq!(end, items);
            }
        }
    }
    assert_eq!(lanes(3, 10, 2), [0..2, 2..6, 6..10]);
}

#[test]
fn many_callers_at_once_and_calls_within_lanes_all_end() {
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..if cfg!(miri) { 2 } else { 300 } {
                    let sum = AtomicUsize::new(0);
                    with_num_threads(3, || {
                        parallel_for(30, 1, &|outer| {
                            assert_eq!(get_num_threads(), 3);
                            parallel_for(outer.len(), 1, &|inner| {
                                for i in inner {
                                    sum.fetch_add(outer.start + i, Ordering::Relaxed);
                                }
                            });
                        });
                    });
                    assert_eq!(sum.into_inner(), 435);
                }
            });
        }
    });
}

#[test]
fn sleeping_workers_wake_and_slow_lanes_are_waited_for() {
    for _ in 0..3 {
        let sum = AtomicUsize::new(0);
        with_num_threads(4, || {
            parallel_for(4, 1, &|lane| {
                thread::sleep(Duration::from_millis(lane.start as u64 * 2));
                sum.fetch_add(lane.start, Ordering::Relaxed);
            });
        });
        assert_eq!(sum.into_inner(), 6);
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_panic_reaches_the_caller_once_all_lanes_have_ended() {
    for culprit in 0..3 {
        let ended = AtomicUsize::new(0);
        let caught = catch_unwind(AssertUnwindSafe(|| {
            with_num_threads(3, || {
                parallel_for(3, 1, &|lane| {
                    assert_ne!(lane.start, culprit, "lane");
                    thread::sleep(Duration::from_millis(1));
                    ended.fetch_add(1, Ordering::Relaxed);
                });
            });
        }));
        assert!(caught.is_err());
        assert_eq!(ended.into_inner(), 2);
    }
    assert_eq!(lanes(3, 3, 1).len(), 3);
}

#[test]
fn absurd_numbers_of_threads_are_refused() {
    for n in [0, MAX_THREADS + 1] {
        assert_eq!(set_num_threads(n).unwrap_err().kind, ErrorKind::Argument);
    }
    assert_eq!(choose(Some("3")), Ok(3));
    assert_eq!(choose(Some("")), choose(None));
    for wish in ["0", "-1", "many", "1000"] {
        let error = choose(Some(wish)).unwrap_err();
        assert!(
            error.message.starts_with("FERROGRAD_NUM_THREADS: expected 1 to 256 threads, got"),
            "{error}"
        );
    }
}
