/**
 * The tape of the explicit loop: what was computed from what, so that `backward` can hand it to native code.
 *
 * A node keeps only the values that its derivative reads; everything else is the collector's as soon as the program
 * lets go of it.
 */
import { allocate, type TypedArray } from './dtype.js';
import { currentId, type Prepared } from './engine.js';
import { ArgumentError, fromNative, ShapeError, StateError } from './errors.js';
import { native } from './native.js';
import { describe, formatShape } from './shape.js';
import type { Storage } from './storage.js';
import type { Tensor } from './tensor.js';
import { tracing } from './tracing.js';

/** Whether operations are recorded now; changed by {@link noGrad} alone. */
export const grads = { enabled: true };

/**
 * Runs `fn` without recording: its results need no gradient, and tensors may be changed in place.
 *
 * ```ts
 * const accuracy = noGrad(() => model.forward(images).argmax(1).eq(labels).to('float32').mean().item());
 * ```
 */
export function noGrad<R>(fn: () => R): R {
  const before = grads.enabled;
  grads.enabled = false;
  try {
    const result = fn();
    if (result instanceof Promise) {
      throw new ArgumentError(
        'noGrad: expected a function that is not async; call noGrad between the awaits',
      );
    }
    return result;
  } finally {
    grads.enabled = before;
  }
}

/** A value that a derivative reads, and the version of its storage at the time. */
interface Saved {
  readonly array: TypedArray;
  readonly storage: Storage;
  readonly version: number;
}

/** An input of a recorded operation. */
interface Edge {
  /** Where its gradient goes on to: the operation that made it, or the leaf that it is. */
  readonly source: Node | Tensor | undefined;
  readonly saved: Saved | undefined;
}

/** A recorded operation. */
export class Node {
  constructor(
    readonly call: Prepared,
    readonly edges: readonly Edge[],
    readonly output: Saved | undefined,
  ) {}
}

function save({ array, storage }: Tensor): Saved {
  return { array, storage, version: storage.version };
}

/** Records `call`, if one of its inputs needs a gradient that it can give. */
export function record(call: Prepared, inputs: readonly Tensor[], output: Tensor): void {
  let needed = false;
  for (let i = 0; i < inputs.length; i++) {
    if ((call.differentiable >> i) & 1 && (inputs[i] as Tensor).requiresGrad) needed = true;
  }
  if (!needed) return;
  const edges = inputs.map((input, i): Edge => {
    const flows = (call.differentiable >> i) & 1 && input.requiresGrad;
    return {
      source: flows ? (input.node ?? input) : undefined,
      saved: (call.readsInputs >> i) & 1 ? save(input) : undefined,
    };
  });
  output.node = new Node(call, edges, call.readsOutput ? save(output) : undefined);
}

/** The nodes that `root` was made from, inputs first; without recursion, since chains may be long. */
function topological(root: Node): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>([root]);
  const stack: { node: Node; next: number }[] = [{ node: root, next: 0 }];
  while (stack.length > 0) {
    const top = stack[stack.length - 1] as { node: Node; next: number };
    const edge = top.node.edges[top.next++];
    if (!edge) {
      order.push(top.node);
      stack.pop();
    } else if (edge.source instanceof Node && !seen.has(edge.source)) {
      seen.add(edge.source);
      stack.push({ node: edge.source, next: 0 });
    }
  }
  return order;
}

function checkVersion(saved: Saved, call: Prepared): void {
  if (saved.version === saved.storage.version) return;
  throw new StateError(
    `backward: a value of shape ${formatShape(call.shape)} that the derivative of ${call.op} needs has been changed in ` +
      'place since (by step, loadStateDict, copy_ or fill_); call backward before that, or compute from a clone()',
  );
}

/** The gradients of all leaves that `root` depends on, added to what they have: `root.backward(gradient)`. */
export function backward(root: Tensor, gradient: Tensor | undefined): void {
  tracing.by?.refuse('calls backward');
  if (!root.requiresGrad) {
    throw new StateError(
      'backward: this tensor does not depend on anything that requires a gradient; ' +
        'was it computed under noGrad, detached, or made of integers?',
    );
  }
  let seed: Float32Array;
  if (gradient !== undefined) {
    if (typeof gradient?.backward !== 'function') {
      throw new ArgumentError(`backward: expected a tensor as gradient, got ${describe(gradient)}`);
    }
    if (gradient.dtype !== 'float32' || formatShape(gradient.shape) !== formatShape(root.shape)) {
      throw new ShapeError(
        `backward: expected a float32 gradient of shape ${formatShape(root.shape)}, ` +
          `got ${gradient.dtype} ${formatShape(gradient.shape)}`,
      );
    }
    seed = gradient.data as Float32Array;
  } else {
    if (root.size !== 1) {
      throw new ShapeError(
        `backward: only a scalar has a gradient by itself, this tensor has shape ${formatShape(root.shape)}; ` +
          'reduce it with mean() or sum(), or pass the gradient',
      );
    }
    seed = Float32Array.of(1);
  }
  if (!root.node) {
    root.accumulateGrad(seed);
    return;
  }

  const order = topological(root.node);
  const numbers = new Map<object, number>();
  const values: (TypedArray | null)[] = [];
  /** The number of a value: known by where it comes from, else by the array that it is in. */
  const numberOf = (key: object, saved: Saved | undefined): number => {
    let number = numbers.get(key);
    if (number === undefined) {
      number = values.push(null) - 1;
      numbers.set(key, number);
    }
    if (saved) values[number] = saved.storage.locate(saved.array);
    return number;
  };

  const program: number[] = [order.length];
  const leaves: Tensor[] = [];
  for (const node of order) {
    program.push(currentId(node.call), node.edges.length);
    for (const { source, saved } of node.edges) {
      if (saved) checkVersion(saved, node.call);
      const isLeaf = source && !(source instanceof Node) && source.requiresGrad; // else frozen since
      if (isLeaf && !numbers.has(source)) leaves.push(source);
      program.push(numberOf(source ?? saved?.array ?? {}, saved));
    }
    if (node.output) checkVersion(node.output, node.call);
    program.push(numberOf(node, node.output));
  }
  program.push(leaves.length);
  const buffers = leaves.map((leaf) => {
    program.push(numberOf(leaf, undefined), leaf.hasGrad ? 1 : 0);
    return leaf.gradBuffer();
  });
  // A gradient that is added to may also be read, where the program computed with it: then a copy of it is.
  const added = buffers.filter((_, i) => leaves[i]?.isGradSeen);
  if (added.some((a, i) => added.some((b, j) => i < j && overlap(a, b)))) {
    throw new StateError('backward: gradients of two tensors share memory; set them to clones');
  }
  const apart = <T extends TypedArray | null>(read: T): T =>
    added.some(({ buffer }) => buffer === read?.buffer) ? (read?.slice() as T) : read;
  if (added.length > 0) {
    seed = apart(seed);
    values.forEach((value, i) => {
      values[i] = apart(value);
    });
  }
  try {
    native.backward(new Int32Array(program), values, seed, buffers);
  } catch (error) {
    throw fromNative(error);
  }
  leaves.forEach((leaf, i) => {
    leaf.setGradBuffer(buffers[i] as Float32Array);
  });
}

function overlap(a: TypedArray, b: TypedArray): boolean {
  const [first, second] = a.byteOffset <= b.byteOffset ? [a, b] : [b, a];
  return a.buffer === b.buffer && second.byteOffset < first.byteOffset + first.byteLength;
}

/** A buffer for a gradient. */
export function newGradBuffer(elements: number): Float32Array {
  return allocate('float32', elements) as Float32Array;
}
