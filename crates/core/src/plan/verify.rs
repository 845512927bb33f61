//! The check that every plan passes before it runs: what is read was written before and has not been overwritten since,
//! and no step writes what it reads.

use crate::error::{Error, Result};
use crate::kernels::Mode;
use crate::plan::memory::{Assignment, Home, Storage};
use crate::plan::step::Step;
use crate::real::Real;

/// Plays the steps with names in place of values: each line of the arena bears the number of the storage that was last
/// written there.
pub fn verify<T: Real>(
    storages: &[Storage],
    assignment: &Assignment,
    steps: &[Step<T>],
    before: &[usize],
    after: &[usize],
) -> Result<()> {
    let defect = |step: &str, storage: usize, what: &str| {
        Error::internal(format!("a plan is wrong at {step}: {} {what}", storages[storage].label))
    };
    let mut lines: Vec<Option<usize>> = vec![None; assignment.total];
    let mut written: Vec<bool> = storages.iter().map(|storage| storage.home != Home::Arena).collect();
    let own = |storage: usize| assignment.lines[storage].clone();
    for (storage, lines) in assignment.lines.iter().enumerate() {
        let needed = storages[storage].lines::<T>();
        if storages[storage].home == Home::Arena && (lines.len() != needed || lines.end > assignment.total) {
            return Err(defect("its memory", storage, "does not fit"));
        }
    }
    for &storage in before {
        written[storage] = true;
        lines[own(storage)].fill(Some(storage));
    }
    let whole = |lines: &[Option<usize>], written: &[bool], storage: usize| {
        written[storage] && lines[own(storage)].iter().all(|&owner| owner == Some(storage))
    };
    for step in steps {
        let name = step.kernel.name();
        for place in step.reads.iter().flatten() {
            if place.offset > storages[place.storage].elements {
                return Err(defect(&name, place.storage, "is read beyond its end"));
            }
            if !whole(&lines, &written, place.storage) {
                return Err(defect(&name, place.storage, "is read before it is written"));
            }
        }
        for (i, target) in step.writes.iter().enumerate() {
            let storage = target.storage;
            if storages[storage].copies > 1 {
                return Err(defect(&name, storage, "has copies, and is written by a step"));
            }
            match storages[storage].home {
                Home::Constant(_) => return Err(defect(&name, storage, "is constant and written")),
                Home::Parameter(_) | Home::Memory { .. } | Home::Kept(_) => {
                    if step.phase == super::step::Phase::Forward {
                        return Err(defect(&name, storage, "changes before the loss is known"));
                    }
                }
                Home::Arena => {}
            }
            let meets = |other: usize| {
                let (a, b) = (own(storage), own(other));
                other == storage || (a.start < b.end && b.start < a.end)
            };
            if step.reads.iter().flatten().any(|place| meets(place.storage))
                || step.writes[..i].iter().any(|other| meets(other.storage))
            {
                return Err(defect(&name, storage, "is written beside its other use"));
            }
            if target.mode == Mode::Add && !whole(&lines, &written, storage) {
                return Err(defect(&name, storage, "is added to before it is written"));
            }
        }
        for target in &step.writes {
            written[target.storage] = true;
            lines[own(target.storage)].fill(Some(target.storage));
        }
    }
    for &storage in after {
        if !whole(&lines, &written, storage) {
            return Err(defect("its end", storage, "is not there"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::DType;
    use crate::graph::Few;
    use crate::plan::dense::BiasGradient;
    use crate::plan::memory::{assign, lives};
    use crate::plan::step::{Phase, Place, Target};

    fn storage(home: Home) -> Storage {
        Storage { dtype: DType::Float32, elements: 100, home, copies: 1, label: "a storage".into() }
    }

    fn step(read: usize, written: usize, mode: Mode, phase: Phase) -> Step<f32> {
        Step {
            kernel: Box::new(BiasGradient),
            reads: Few::from_slice(&[Some(Place::start(read))]),
            writes: Few::from_slice(&[Target { storage: written, mode }]),
            phase,
        }
    }

    /// 0 → 1 → 2 → 3, all in the arena but a parameter, number 4.
    fn chain() -> (Vec<Storage>, Vec<Step<f32>>) {
        let mut storages = vec![storage(Home::Arena); 4];
        storages.push(storage(Home::Parameter(0)));
        let next = |i: usize| step(i, i + 1, Mode::Write, Phase::Forward);
        (storages, vec![next(0), next(1), next(2)])
    }

    fn problem(storages: &[Storage], steps: &[Step<f32>]) -> String {
        let assignment = assign::<f32>(storages, &lives(storages, steps, &[0], &[3]));
        verify(storages, &assignment, steps, &[0], &[3]).map_or_else(|e| e.message, |()| "none".into())
    }

    #[test]
    fn memory_is_shared_by_what_does_not_live_at_once() {
        let (storages, steps) = chain();
        let assignment = assign::<f32>(&storages, &lives(&storages, &steps, &[0], &[3]));
        assert_eq!(assignment.total, 2 * 7, "two of 400 bytes live at once");
        assert_eq!(problem(&storages, &steps), "none");
    }

    #[test]
    fn wrong_plans_are_found() {
        let (storages, mut steps) = chain();
        steps.swap(0, 1);
        assert!(problem(&storages, &steps).contains("read before it is written"));
        let (_, mut steps) = chain();
        steps.pop();
        assert!(problem(&storages, &steps).contains("is not there"));
        steps.push(step(2, 2, Mode::Write, Phase::Forward));
        assert!(problem(&storages, &steps).contains("written beside its other use"));
        let (_, mut steps) = chain();
        steps.push(step(3, 4, Mode::Add, Phase::Forward));
        assert!(problem(&storages, &steps).contains("changes before the loss is known"));
        steps.pop();
        steps.insert(0, step(0, 2, Mode::Add, Phase::Forward));
        assert!(problem(&storages, &steps).contains("added to before it is written"));

        // Memory that is given away too early.
        let (storages, mut steps) = chain();
        let assignment = assign::<f32>(&storages, &lives(&storages, &steps, &[0], &[3]));
        steps.push(step(0, 4, Mode::Add, Phase::Backward));
        let error = verify(&storages, &assignment, &steps, &[0], &[3]).unwrap_err();
        assert!(error.message.contains("read before it is written"), "{error}");
    }
}
