/** Tensors as a dataset. */
import { ArgumentError, ShapeError } from '../errors.js';
import { describe, formatShape, type Shape } from '../shape.js';
import { Tensor } from '../tensor.js';
import { checkIndex, Dataset, inMemory } from './dataset.js';
import type { InMemory } from './gather.js';

/** A tensor's shape without its first dimension. */
type RowShape<S extends Shape> = S extends readonly [number, ...infer R extends readonly number[]]
  ? R
  : Shape;

/** A row of each tensor. */
export type Rows<Ts extends readonly Tensor[]> = {
  -readonly [K in keyof Ts]: Tensor<RowShape<Ts[K]['shape']>>;
};

function row(tensor: Tensor, index: number): Tensor {
  const { array, dtype, shape, strides, storage } = tensor;
  const start = index * (strides[0] as number);
  return new Tensor(array.subarray(start), dtype, Object.freeze(shape.slice(1)), strides.slice(1), storage);
}

/**
 * Tensors whose first dimensions count the items: item i is the array of the i-th row of each, as views.
 *
 * ```ts
 * const data = new TensorDataset(tensor([[0, 0], [0, 1], [1, 0], [1, 1]]), tensor(Int32Array.of(0, 1, 1, 0)));
 * ```
 */
export class TensorDataset<const Ts extends readonly Tensor[]> extends Dataset<Rows<Ts>> {
  readonly tensors: Ts;
  readonly length: number;

  /**
   * @throws ShapeError where the first sizes differ; ArgumentError for no tensors, what is not a tensor, and
   * for tensors that require a gradient: batches are copies, through which none would flow.
   */
  constructor(...tensors: Ts) {
    super();
    const [first] = tensors as readonly Tensor[];
    if (!first) throw new ArgumentError('TensorDataset: expected at least one tensor');
    for (const [i, tensor] of tensors.entries()) {
      if (!(tensor instanceof Tensor)) {
        throw new ArgumentError(`TensorDataset: expected tensors, argument ${i} is ${describe(tensor)}`);
      }
      if (tensor.requiresGrad) {
        throw new ArgumentError(`TensorDataset: tensor ${i} requires a gradient; give its detach()`);
      }
      if (tensor.ndim === 0 || tensor.shape[0] !== first.shape[0]) {
        const shapes = tensors.map((t) => formatShape(t.shape)).join(', ');
        throw new ShapeError(
          `TensorDataset: the tensors must have the same first size, got shapes ${shapes}`,
        );
      }
    }
    this.tensors = tensors;
    this.length = first.shape[0] as number;
  }

  /** @throws IndexError */
  get(index: number): Rows<Ts> {
    checkIndex(index, this.length, 'TensorDataset');
    return this.tensors.map((tensor) => row(tensor, index)) as Rows<Ts>;
  }

  /** @internal */
  [inMemory](): InMemory | undefined {
    if (!this.tensors.every((tensor) => tensor.isContiguous())) return undefined;
    return {
      fields: this.tensors.map(({ data, dtype, shape }) => ({ rows: data, dtype, shape: shape.slice(1) })),
    };
  }
}
