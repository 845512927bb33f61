//! Rewrites: neighbouring steps that one kernel does at once, so that what lies between them is never stored.
//!
//! Each is a function that looks for its pattern at one step and changes the list where it finds it. A value that is
//! wanted elsewhere, or `after` the last step, stays.

use crate::dtype::DType;
use crate::graph::Few;
use crate::kernels::Mode;
use crate::plan::dense::{Dense, DenseInputGradient, DenseParts, DenseWeightGradient};
use crate::plan::memory::{Home, Storage};
use crate::plan::step::{Place, Single, Step, Target, Updates};
use crate::real::Real;

/// What a rewrite may look at.
struct Around<'a, T> {
    storages: &'a [Storage],
    updates: &'a Updates<T>,
    after: &'a [usize],
}

type Rewrite<T> = fn(&mut Vec<Step<T>>, usize, &Around<'_, T>) -> bool;

/// Pattern → kernel.
const fn table<T: Real>() -> [Rewrite<T>; 3] {
    [linear_relu, input_gradient_relu, weight_gradient_descent]
}

/// Applies all rewrites wherever they fit.
pub fn rewrite<T: Real>(
    steps: &mut Vec<Step<T>>,
    storages: &[Storage],
    updates: &Updates<T>,
    after: &[usize],
) {
    let around = Around { storages, updates, after };
    for rewrite in table() {
        let mut at = 0;
        while at < steps.len() {
            if !rewrite(steps, at, &around) {
                at += 1;
            }
        }
    }
}

/// The one step that uses what step `at` alone writes there, if nobody else does and it is not wanted in the end.
fn only_user<T: Real>(steps: &[Step<T>], at: usize, around: &Around<'_, T>) -> Option<usize> {
    let [Target { storage, mode: Mode::Write }] = steps[at].writes[..] else { return None };
    if around.after.contains(&storage) || around.storages[storage].home != Home::Arena {
        return None;
    }
    let mut users =
        (0..steps.len()).filter(|&i| i != at && (steps[i].uses(storage) || steps[i].writes(storage)));
    let user = users.next().filter(|&user| user > at)?;
    users.next().is_none().then_some(user)
}

/// y = relu(linear(x)): the relu in the product's epilogue.
fn linear_relu<T: Real>(steps: &mut Vec<Step<T>>, at: usize, around: &Around<'_, T>) -> bool {
    let Some(Single::Dense(dense @ Dense { relu: false, .. })) = steps[at].kernel.single() else {
        return false;
    };
    let Some(user) = only_user(steps, at, around) else { return false };
    let Some(Single::Forward("relu")) = steps[user].kernel.single() else { return false };
    let writes = steps.remove(user).writes;
    steps[at].writes = writes;
    steps[at].kernel = Box::new(Dense { relu: true, ..dense });
    true
}

/// The gradient of a dense layer's input that goes back through a relu at once: masked in the product's epilogue.
fn input_gradient_relu<T: Real>(steps: &mut Vec<Step<T>>, at: usize, around: &Around<'_, T>) -> bool {
    let Some(Single::DenseInputGradient(DenseInputGradient { sizes, relu: false, columns })) =
        steps[at].kernel.single()
    else {
        return false;
    };
    let Some(user) = only_user(steps, at, around) else { return false };
    let Some(Single::Gradient("relu")) = steps[user].kernel.single() else { return false };
    // Its operands: the input, which is not read; the output; the gradient of that.
    let ([None, Some(y), Some(_)], [written]) = (&steps[user].reads[..], &steps[user].writes[..]) else {
        return false;
    };
    let (y, written) = (*y, *written);
    // It is computed earlier than before: what it adds to must be there.
    let touched = |step: &Step<T>| step.writes(written.storage) || step.uses(written.storage);
    if steps[at..user].iter().any(touched) {
        return false;
    }
    steps.remove(user);
    steps[at].reads.push(Some(y));
    steps[at].writes = Few::from_slice(&[written]);
    steps[at].kernel = Box::new(DenseInputGradient { sizes, relu: true, columns });
    true
}

/// The gradient of a weight that only plain gradient descent reads: the weight takes its step in the product's epilogue.
fn weight_gradient_descent<T: Real>(steps: &mut Vec<Step<T>>, at: usize, around: &Around<'_, T>) -> bool {
    let Some(Single::DenseWeightGradient(gradient @ DenseWeightGradient { descent: None, .. })) =
        steps[at].kernel.single()
    else {
        return false;
    };
    let Some(user) = only_user(steps, at, around) else { return false };
    let Some(Single::Update(parameter)) = steps[user].kernel.single() else { return false };
    let descends = around.updates.rule(parameter).is_some_and(|rule| rule.descent().is_some());
    let [weight] = steps[user].writes[..] else { return false };
    // The weight changes earlier than before: nobody may read it from here on.
    if !descends || steps[at + 1..user].iter().any(|step| step.uses(weight.storage)) {
        return false;
    }
    steps.remove(user);
    steps[at].writes = Few::from_slice(&[weight]);
    steps[at].kernel = Box::new(DenseWeightGradient { descent: Some(parameter), ..gradient });
    true
}

/// The most threads that each get a copy of an input: a copy costs the time to gather it, and saves less and less.
const MOST_COPIES: usize = 4;

/// Products with fewer multiply-adds are not cut.
const CUT: u64 = 512 * 1024;

/// Gives every thread its own copy of the `inputs` that large dense layers read: each gathers the whole batch for itself,
/// and none waits for what another has written.
pub fn copy_inputs<T: Real>(
    steps: &mut [Step<T>],
    storages: &mut [Storage],
    inputs: &[usize],
    threads: usize,
) {
    if !(2..=MOST_COPIES).contains(&threads) {
        return;
    }
    for &input in inputs {
        let reads = |place: &Option<Place>| *place == Some(Place::start(input));
        let sizes = |step: &Step<T>| match step.kernel.single() {
            Some(Single::Dense(dense)) if reads(&step.reads[0]) => Some(dense.sizes),
            Some(Single::DenseWeightGradient(dense)) if reads(&step.reads[1]) => Some(dense.sizes),
            _ => None,
        };
        if !steps.iter().filter_map(sizes).any(|sizes| sizes.flops() / 2 >= CUT) {
            continue;
        }
        storages[input].copies = threads;
        let copies = storages[input].pitch::<T>();
        for step in steps.iter_mut().filter(|step| sizes(step).is_some()) {
            step.kernel = match step.kernel.single() {
                Some(Single::Dense(dense)) => Box::new(Dense { copies, ..dense }),
                Some(Single::DenseWeightGradient(dense)) => Box::new(DenseWeightGradient { copies, ..dense }),
                _ => continue,
            };
        }
    }
}

/// Makes the small dense layers that follow large ones work on what each thread has in its cache: the large one's columns,
/// of which each thread has written its own, are the small one's inputs.
pub fn keep_columns<T: Real>(steps: &mut [Step<T>], storages: &mut Vec<Storage>, threads: usize) {
    if !(2..=MOST_COPIES).contains(&threads) {
        return;
    }
    for at in 0..steps.len() {
        let Some(Single::Dense(dense @ Dense { sizes, copies: 0, .. })) = steps[at].kernel.single() else {
            continue;
        };
        let (Some(x @ Some(Place { storage, offset: 0 })), Some(&weight)) =
            (steps[at].reads.first().copied(), steps[at].reads.get(1))
        else {
            continue;
        };
        let large = |step: &Step<T>| {
            let wide = |made: Dense| made.sizes.flops() / 2 >= CUT && made.sizes.outputs == sizes.inputs;
            step.writes(storage) && matches!(step.kernel.single(), Some(Single::Dense(made)) if wide(made))
        };
        if sizes.flops() / 2 >= CUT || sizes.inputs < 2 * threads * sizes.outputs || !steps.iter().any(large)
        {
            continue;
        }
        let parts = DenseParts { dense, threads };
        storages.push(Storage {
            dtype: DType::Float32,
            elements: parts.elements(),
            home: Home::Arena,
            copies: 1,
            label: format!("partial sums: float32 [{threads}, {}, {}]", sizes.rows, sizes.outputs),
        });
        steps[at].writes.push(Target { storage: storages.len() - 1, mode: Mode::Write });
        steps[at].kernel = Box::new(parts);
        for step in steps.iter_mut() {
            step.kernel = match step.kernel.single() {
                Some(Single::DenseInputGradient(gradient)) if step.reads.get(1) == Some(&weight) => {
                    Box::new(DenseInputGradient { columns: true, ..gradient })
                }
                Some(Single::DenseWeightGradient(gradient))
                    if step.reads.get(1) == Some(&x) && gradient.sizes.outputs == sizes.outputs =>
                {
                    Box::new(DenseWeightGradient { columns: true, ..gradient })
                }
                _ => continue,
            };
        }
    }
}
