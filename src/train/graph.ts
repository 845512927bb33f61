/** What a trace found: a program of operations on leaves, as native code compiles it. */
import { allocate, type DType, type TypedArray } from '../dtype.js';
import { sameBytes } from '../memory.js';
import { formatShape, type Shape } from '../shape.js';
import type { Storage } from '../storage.js';
import type { Tensor } from '../tensor.js';

/** The type and shape of a tensor, without its elements. */
export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** Whether these tensors are of these types. */
export function isBatchOf(types: readonly TensorType[], tensors: readonly TensorType[]): boolean {
  if (types.length !== tensors.length) return false;
  for (let i = 0; i < types.length; i++) {
    const [a, b] = [types[i] as TensorType, tensors[i] as TensorType];
    if (a.dtype !== b.dtype || a.shape.length !== b.shape.length) return false;
    if (a.shape === b.shape) continue;
    for (let k = 0; k < a.shape.length; k++) if (a.shape[k] !== b.shape[k]) return false;
  }
  return true;
}

/** A copy of the elements in row-major order; not by their own `slice`, since that of a Buffer is the same memory. */
export function copyOf(tensor: Tensor): TypedArray {
  const { elements: data } = tensor;
  if (!tensor.isContiguous()) return data; // a copy already
  const copy = allocate(tensor.dtype, data.length);
  copy.set(data);
  return copy;
}

/** A value that no operation of the program makes; `index` counts those of its kind. */
export interface Leaf extends TensorType {
  readonly kind: 'input' | 'parameter' | 'constant' | 'seed';
  readonly index: number;
  /** Of a parameter, whether it gets a gradient. */
  readonly trainable?: boolean;
}

/** An operation, on values by number: the leaves first, then the result of each node. */
export interface GraphNode {
  readonly op: string;
  /** JSON */
  readonly attributes: string;
  readonly inputs: readonly number[];
  /** The places among the inputs through which no gradient flows, since they were detached or it ran under noGrad. */
  readonly detached: readonly number[];
}

/** A captured tensor. */
export interface Constant {
  /** A copy, in row-major order. */
  readonly elements: TypedArray;
  readonly storage: Storage;
  /** That of the storage at the time. */
  readonly version: number;
}

/** The values that are wanted. */
export interface Ends {
  readonly output: number | null;
  readonly loss: number | null;
  readonly train: boolean;
  readonly metrics: readonly { readonly name: string; readonly output: number; readonly target: number }[];
}

export class Graph {
  /** JSON: equal for equal graphs. */
  readonly program: string;

  constructor(
    readonly leaves: readonly Leaf[],
    readonly nodes: readonly GraphNode[],
    readonly ends: Ends,
    private readonly captured: readonly Constant[],
    /** The type of the output, if there is one. */
    readonly output: TensorType | undefined,
  ) {
    const steps = nodes.map(
      ({ op, attributes, inputs, detached }) =>
        `{"op":"${op}","attributes":${attributes},"inputs":[${inputs}],"detached":[${detached}]}`,
    );
    const { output: result, loss, train, metrics } = ends;
    this.program =
      `{"leaves":${JSON.stringify(leaves)},"nodes":[${steps}],"output":${result},"loss":${loss},` +
      `"train":${train},"metrics":${JSON.stringify(metrics)}}`;
  }

  /** The elements of the constants. */
  get constants(): TypedArray[] {
    return this.captured.map(({ elements }) => elements);
  }

  /** Whether no constant was changed in place since, by `copy_` and the like; writing to `data` does not show. */
  areConstantsSame(): boolean {
    for (const { storage, version } of this.captured) if (storage.version !== version) return false;
    return true;
  }

  /** How many streams of random numbers it takes. */
  get seeds(): number {
    return this.leaves.filter(({ kind }) => kind === 'seed').length;
  }

  /** What another call of the same forward did otherwise, in words. */
  difference(other: Graph): string | undefined {
    if (this.program !== other.program) {
      const at = this.nodes.findIndex((node, i) => text(node) !== text(other.nodes[i]));
      const [one, two] = [this.nodes[at], other.nodes[at]];
      if (one && two && operation(one) !== operation(two))
        return `computes ${operation(one)} in one call and ${operation(two)} in another`;
      return 'does not compute the same in every call';
    }
    const odd = this.captured.findIndex(
      ({ elements }, i) => !sameBytes(elements, (other.captured[i] as Constant).elements),
    );
    if (odd < 0) return undefined;
    const { shape } = this.leaves.find(({ kind, index }) => kind === 'constant' && index === odd) as Leaf;
    return (
      `uses a tensor of shape ${formatShape(shape)} that is not the same in every call ` +
      '(random numbers, a counter, or a buffer that changes)'
    );
  }
}

function operation({ op, attributes }: GraphNode): string {
  return attributes === '{}' ? op : `${op} ${attributes}`;
}

function text(node: GraphNode | undefined): string {
  return JSON.stringify(node);
}
