//! Weights that a plan keeps while it runs, in the layout in which its products read and write them.
//!
//! PyTorch's [outputs, inputs] is the best that there is for the gradient of a layer's input, and needs packing or
//! turning everywhere else. Where a plan computes no such gradient, as of the first layer, and of all layers in
//! evaluation, it keeps a copy as [inputs, outputs], in the [`blocks`] of its threads. So the forward pass reads, and
//! the update writes, what a thread has in its own cache, one line after the other. What the optimizer remembers of a
//! weight is kept like the weight.

use std::ops::Range;

use crate::kernels::matmul::blocks;
use crate::kernels::strided;
use crate::plan::dense::{Dense, DenseWeightGradient, Sizes};
use crate::plan::memory::{Home, Storage};
use crate::plan::step::{Place, Single, Step};
use crate::real::Real;

/// Whether a plan may keep weights. Whoever runs one that does has to [`load`](super::Plan::load) and
/// [`unload`](super::Plan::unload) it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// It reads and writes all parameters where they are.
    Lent,
    /// It keeps those that it computes with faster.
    Kept,
}

/// Layers with fewer outputs would not fill the vectors.
const LEAST_OUTPUTS: usize = 32;

/// Larger weights are not kept: they take memory, and so long that what is spared hardly counts.
const MOST_ELEMENTS: usize = 4 * 1024 * 1024;

/// What is kept of a parameter, or of what the optimizer remembers of it.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Where it comes from.
    pub from: Home,
    inputs: usize,
    outputs: usize,
    blocks: Vec<Range<usize>>,
}

impl Kept {
    /// How many elements there are.
    pub fn elements(&self) -> usize {
        self.inputs * self.outputs
    }

    /// From [outputs, inputs] to blocks of [inputs, outputs].
    pub fn load<T: Real>(&self, from: &[T], to: &mut [T]) {
        let inputs = self.inputs;
        for block in &self.blocks {
            let all = block.start * inputs..block.end * inputs;
            strided::gather(&from[all.clone()], &[inputs, block.len()], &[1, inputs], &mut to[all]);
        }
    }

    /// Back.
    pub fn unload<T: Real>(&self, from: &[T], to: &mut [T]) {
        let inputs = self.inputs;
        for block in &self.blocks {
            let all = block.start * inputs..block.end * inputs;
            strided::gather(&from[all.clone()], &[block.len(), inputs], &[1, block.len()], &mut to[all]);
        }
    }
}

/// Makes the plan keep those weights that only products read and write for which that is faster, and which are not
/// wanted `after` the last step.
pub fn keep<T: Real>(steps: &mut [Step<T>], storages: &mut [Storage], after: &[usize]) -> Vec<Kept> {
    let mut kept = Vec::new();
    for weight in 0..storages.len() {
        if !matches!(storages[weight].home, Home::Parameter(_)) || after.contains(&weight) {
            continue;
        }
        let Some(Layer { sizes, products, memories }) = layer(steps, storages, after, weight) else {
            continue;
        };
        let Sizes { rows, inputs, outputs } = sizes;
        for storage in [weight].into_iter().chain(memories) {
            let Storage { home, label, .. } = &mut storages[storage];
            let blocks = blocks(rows, outputs, inputs).collect();
            kept.push(Kept { from: *home, inputs, outputs, blocks });
            *home = Home::Kept(kept.len() - 1);
            label.push_str(&format!(", kept as [{inputs}, {outputs}]"));
        }
        for step in products {
            let step = &mut steps[step];
            step.kernel = match step.kernel.single() {
                Some(Single::Dense(dense)) => Box::new(Dense { kept: true, ..dense }),
                Some(Single::DenseWeightGradient(gradient)) => {
                    Box::new(DenseWeightGradient { kept: true, ..gradient })
                }
                _ => continue,
            };
        }
    }
    kept
}

/// All that has to do with a weight that can be kept.
struct Layer {
    sizes: Sizes,
    /// The steps that read or write it, or its gradient, as a matrix.
    products: Vec<usize>,
    /// The storages of what the optimizer remembers of it.
    memories: Vec<usize>,
}

fn layer<T: Real>(steps: &[Step<T>], storages: &[Storage], after: &[usize], weight: usize) -> Option<Layer> {
    let users = |storage: usize| {
        let uses = move |step: &Step<T>| step.uses(storage) || step.writes(storage);
        (0..steps.len()).filter(move |&i| uses(&steps[i]))
    };
    // Whether it is the operand with this number of a step, and no other.
    let reads = |step: &Step<T>, operand: usize, storage: usize| {
        let places = step.reads.iter().enumerate();
        let mut places = places.filter(|(_, place)| place.is_some_and(|place| place.storage == storage));
        places.next() == Some((operand, &Some(Place::start(storage)))) && places.next().is_none()
    };
    let writes = |step: &Step<T>, storage: usize| {
        step.writes.len() == 1
            && step.writes(storage)
            && step.reads.iter().flatten().all(|place| place.storage != storage)
    };
    let (mut products, mut memories, mut all_sizes) = (Vec::new(), Vec::new(), Vec::new());
    for user in users(weight) {
        let step = &steps[user];
        match step.kernel.single()? {
            Single::Dense(dense) if reads(step, 1, weight) => {
                all_sizes.push(dense.sizes);
                products.push(user);
            }
            Single::DenseWeightGradient(gradient) if writes(step, weight) => {
                all_sizes.push(gradient.sizes);
                products.push(user);
            }
            Single::Update(_) if step.writes.first().is_some_and(|target| target.storage == weight) => {
                // The gradient goes from one product to the update, and nowhere else.
                let &[Some(Place { storage: gradient, offset: 0 })] = &step.reads[..] else { return None };
                if after.contains(&gradient) || storages[gradient].home != Home::Arena {
                    return None;
                }
                let others: Vec<usize> = users(gradient).filter(|&other| other != user).collect();
                let &[maker] = &others[..] else { return None };
                match steps[maker].kernel.single()? {
                    Single::DenseWeightGradient(made) if writes(&steps[maker], gradient) => {
                        all_sizes.push(made.sizes);
                        products.push(maker);
                    }
                    _ => return None,
                }
                memories.extend(step.writes.iter().skip(1).map(|target| target.storage));
            }
            _ => return None,
        }
    }
    let (&sizes, others) = all_sizes.split_first()?;
    let fits = sizes.outputs >= LEAST_OUTPUTS && sizes.inputs * sizes.outputs <= MOST_ELEMENTS;
    (fits && others.iter().all(|&other| other == sizes)).then_some(Layer { sizes, products, memories })
}
