//! The order of reverse-mode differentiation (Linnainmaa 1970): the chain rule, from the last node to the first.

use std::borrow::Borrow;

use crate::graph::{Call, Few, Node};
use crate::kernels::Mode;
use crate::real::Real;

/// An input of a node whose gradient is to be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its place among the node's inputs.
    pub input: usize,
    /// Its number.
    pub value: usize,
    /// Whether this is the first contribution to the gradient of the value, or is added to others.
    pub mode: Mode,
}

/// Goes through the `nodes` that the last one's result depends on, last first, and calls `visit(node, targets, last)` for
/// those that carry a gradient on to one of the `leaves`. `values` is how many values there are.
///
/// A node whose input appears twice is visited twice, since a gradient is lent once; `last` marks the final visit, after
/// which the gradient of the node's result is needed no more.
pub fn reverse<T: Real, C: Borrow<Call<T>>>(
    nodes: &[Node<C>],
    values: usize,
    leaves: impl IntoIterator<Item = usize>,
    mut visit: impl FnMut(usize, &[Target], bool),
) {
    let Some(root) = nodes.last() else { return };
    // What lies on a path from a leaf to the root.
    let mut wanted = vec![false; values];
    leaves.into_iter().for_each(|leaf| wanted[leaf] = true);
    for node in nodes {
        let carries = node.carries::<T>(&wanted).next().is_some();
        wanted[node.output] |= carries;
    }
    let mut reached = vec![false; values];
    reached[root.output] = true;
    for (number, node) in nodes.iter().enumerate().rev() {
        if !reached[node.output] {
            continue;
        }
        let mut todo: Few<usize> = node.carries::<T>(&wanted).collect();
        while !todo.is_empty() {
            let mut targets: Few<Target> = Few::new();
            todo.retain(|input| {
                let value = node.inputs[*input];
                let repeated = targets.iter().any(|target| target.value == value);
                if !repeated {
                    let mode = if reached[value] { Mode::Add } else { Mode::Write };
                    targets.push(Target { input: *input, value, mode });
                }
                repeated
            });
            targets.iter().for_each(|target| reached[target.value] = true);
            visit(number, &targets, todo.is_empty());
        }
    }
}

impl<C> Node<C> {
    /// The inputs to which a gradient flows and is wanted.
    fn carries<'a, T: Real>(&'a self, wanted: &'a [bool]) -> impl Iterator<Item = usize> + 'a
    where
        C: Borrow<Call<T>>,
    {
        let call = self.call.borrow();
        (0..self.inputs.len()).filter(move |&i| wanted[self.inputs[i]] && call.differentiable(i))
    }
}
