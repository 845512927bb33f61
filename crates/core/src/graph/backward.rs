//! Reverse-mode differentiation (Linnainmaa 1970): the chain rule, from the last node to the first.

use std::borrow::Borrow;

use crate::dtype::Data;
use crate::error::{Error, Result};
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

    // What lies on a path from a leaf to the root.
    let mut wanted = vec![false; storages.len()];
    leaves.iter().for_each(|leaf| wanted[leaf.value] = true);
    for node in nodes {
        let call = node.call.borrow();
        wanted[node.output] |=
            node.inputs.iter().enumerate().any(|(i, &input)| wanted[input] && call.differentiable(i));
    }

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

    for node in nodes.iter().rev() {
        let Some(dy) = grads[node.output].take() else {
            continue;
        };
        let call = node.call.borrow();
        let (operands, y) = saved(node);

        // An input that appears twice gets its second contribution in a pass of its own: a slice is lent once.
        let mut todo: Few<usize> =
            (0..node.inputs.len()).filter(|&i| wanted[node.inputs[i]] && call.differentiable(i)).collect();
        while !todo.is_empty() {
            let mut now: Few<usize> = Few::new();
            todo.retain(|i| {
                let i = *i;
                let repeated = now.iter().any(|&k| node.inputs[k] == node.inputs[i]);
                if !repeated {
                    now.push(i);
                }
                repeated
            });
            let mut made: Few<Option<(Vec<T>, Mode)>> = node
                .inputs
                .iter()
                .enumerate()
                .map(|(i, &input)| {
                    if !now.contains(&i) || leaf_of[input].is_some() {
                        return None;
                    }
                    Some(match grads[input].take() {
                        Some(grad) => (grad, Mode::Add),
                        None => (arena.take(call.input_elements(i)), Mode::Write),
                    })
                })
                .collect();
            let mut targets: Few<Option<Grad<'_, T>>> = made
                .iter_mut()
                .map(|made| made.as_mut().map(|(data, mode)| Grad { data, mode: *mode }))
                .collect();
            for leaf in leaves.iter_mut() {
                if let Some(&i) = now.iter().find(|&&i| node.inputs[i] == leaf.value) {
                    targets[i] = Some(Grad { data: leaf.grad.data, mode: leaf.grad.mode });
                    leaf.grad.mode = Mode::Add; // whatever comes next is added
                }
            }
            call.backward(&operands, y, &dy, &mut targets, arena);
            drop(targets);
            for (&input, made) in node.inputs.iter().zip(made) {
                if let Some((grad, _)) = made {
                    grads[input] = Some(grad);
                }
            }
        }
        arena.give(dy);
    }
    Ok(())
}
