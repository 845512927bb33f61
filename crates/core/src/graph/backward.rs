//! Reverse-mode differentiation of what was recorded.

use std::borrow::Borrow;

use crate::dtype::Data;
use crate::error::{Error, Result};
use crate::graph::reverse::{Target, reverse};
use crate::graph::{Arena, Call, Few};
use crate::kernels::Mode;
use crate::ops::Grad;
use crate::real::Real;

/// An operation that was carried out: values are numbered, inputs come before the node that uses them.
#[derive(Debug)]
pub struct Node<C> {
    /// The prepared operation.
    pub call: C,
    /// The numbers of the inputs.
    pub inputs: Vec<usize>,
    /// The number of the result, which no other node has.
    pub output: usize,
}

/// A value whose gradient is wanted.
#[derive(Debug)]
pub struct Leaf<'a, T> {
    /// The number of the value.
    pub value: usize,
    /// Where its gradient goes: row-major.
    pub grad: Grad<'a, T>,
}

/// The gradients of the `leaves` from that of the last node's result, `dy`. `storages` holds the elements of every
/// value that some operation reads in its backward pass; the rest may be empty.
///
/// Contributions to a value that is used several times are summed here, and nowhere else.
pub fn backward<T: Real, C: Borrow<Call<T>>>(
    nodes: &[Node<C>],
    storages: &[Data<'_, T>],
    dy: &[T],
    leaves: &mut [Leaf<'_, T>],
    arena: &mut Arena<T>,
) -> Result<()> {
    let Some(root) = nodes.last() else { return Ok(()) };
    let mut leaf_of: Vec<Option<usize>> = vec![None; storages.len()];
    leaves.iter().enumerate().for_each(|(i, leaf)| leaf_of[leaf.value] = Some(i));

    // Everything is checked before the first gradient is written.
    let saved = |node: &Node<C>| {
        let operands: Few<Data<'_, T>> = node.inputs.iter().map(|&input| storages[input]).collect();
        let y = match storages[node.output] {
            Data::Real(y) => y,
            _ => &[],
        };
        (operands, y)
    };
    for node in nodes {
        let call = node.call.borrow();
        let (operands, y) = saved(node);
        call.check_saved(&operands, y)?;
        for (i, input) in node.inputs.iter().enumerate() {
            if let Some(leaf) = leaf_of[*input]
                && leaves[leaf].grad.data.len() != call.input_elements(i)
            {
                return Err(Error::state("backward: the buffer of a gradient was detached or resized"));
            }
        }
    }
    if dy.len() != root.call.borrow().output().shape.elements() {
        return Err(Error::state("backward: the buffer of the result's gradient was detached or resized"));
    }

    let mut grads: Vec<Option<Vec<T>>> = vec![None; storages.len()];
    let mut seed = arena.take(dy.len());
    seed.copy_from_slice(dy);
    grads[root.output] = Some(seed);

    let wanted: Few<usize> = leaves.iter().map(|leaf| leaf.value).collect();
    reverse::<T, C>(nodes, storages.len(), wanted, |node, now, last| {
        let node = &nodes[node];
        let (operands, y) = saved(node);
        let Some(dy) = grads[node.output].take() else { return };
        let mut made: Few<(Target, Vec<T>)> = Few::new();
        for target in now.iter().filter(|target| leaf_of[target.value].is_none()) {
            let grad = grads[target.value].take();
            made.push((
                *target,
                grad.unwrap_or_else(|| arena.take(node.call.borrow().input_elements(target.input))),
            ));
        }
        let mut targets: Few<Option<Grad<'_, T>>> = node.inputs.iter().map(|_| None).collect();
        for (target, data) in &mut made {
            targets[target.input] = Some(Grad { data, mode: target.mode });
        }
        for leaf in leaves.iter_mut() {
            if let Some(target) = now.iter().find(|target| target.value == leaf.value) {
                targets[target.input] = Some(Grad { data: leaf.grad.data, mode: leaf.grad.mode });
                leaf.grad.mode = Mode::Add; // whatever comes next is added
            }
        }
        node.call.borrow().backward(&operands, y, &dy, &mut targets, arena);
        drop(targets);
        for (target, grad) in made {
            grads[target.value] = Some(grad);
        }
        if last {
            arena.give(dy);
        } else {
            grads[node.output] = Some(dy);
        }
    });
    Ok(())
}
