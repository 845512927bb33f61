/** Data in memory, and batches gathered natively out of it. */
import { allocate, type DType, type TypedArray } from '../dtype.js';
import { fromNative } from '../errors.js';
import { native } from '../native.js';
import { elementsOf, type Shape } from '../shape.js';
import { Tensor } from '../tensor.js';
import type { Affine } from '../transforms/transform.js';
import { type BatchMemory, isWorthReusing } from './batchMemory.js';

/** What becomes of the bytes of images with one channel, in float32: (byte / divide − mean) / std. */
export interface Normalization {
  readonly divide: number;
  /** One number each. */
  readonly mean: Float32Array;
  readonly std: Float32Array;
}

/** One part of all items, such as the labels: an array of rows, item after item. */
export interface Field {
  readonly rows: TypedArray;
  /** The type and shape of an item's part. */
  readonly dtype: DType;
  readonly shape: Shape;
  readonly normalization?: Normalization;
}

/** A dataset whose items are rows of arrays in memory: item i is the array of row i of each field. */
export interface InMemory {
  readonly fields: readonly Field[];
  /** Where the dataset is a part of another one: the numbers of its items there. */
  readonly indices?: Int32Array;
}

/** Images of shape `itemShape` by the transform that computes `affine`; undefined where they have several channels. */
export function imageField(images: Uint8Array, itemShape: Shape, affine: Affine): Field | undefined {
  const [height, width, channels = 1] = itemShape as [number, number, number?];
  const { divide, mean = [0], std = [1] } = affine;
  const planar = (itemShape.length === 2 || itemShape.length === 3) && channels === 1;
  if (divide === undefined || !planar || mean.length !== 1 || std.length !== 1) return undefined;
  const normalization = { divide, mean: Float32Array.from(mean), std: Float32Array.from(std) };
  return { rows: images, dtype: 'float32', shape: [1, height, width], normalization };
}

/** The numbers that items of a dataset have where its rows are. */
export function rowNumbers({ indices }: InMemory, items: Int32Array): Int32Array {
  return indices ? items.map((item) => indices[item] as number) : items;
}

/**
 * The batch of these items, bit for bit what collating them gives: of each field a tensor of shape [items, ...shape].
 * `next` are the items that will be wanted after these, as far as that is known.
 *
 * @throws IndexError for an item that there is not.
 */
export function gatherBatch(
  data: InMemory,
  items: Int32Array,
  next: Int32Array,
  memory: BatchMemory,
): Tensor[] {
  const [numbers, later] = [rowNumbers(data, items), rowNumbers(data, next)];
  return data.fields.map((field) => gatherField(field, numbers, later, memory));
}

function gatherField(field: Field, numbers: Int32Array, next: Int32Array, memory: BatchMemory): Tensor {
  const { rows, dtype, shape, normalization } = field;
  const row = elementsOf(shape);
  const length = numbers.length * row;
  const batch = Object.freeze([numbers.length, ...shape]);
  const fill = (out: TypedArray) => {
    if (length === 0) return; // rows without elements have no number
    try {
      if (normalization) {
        const { divide, mean, std } = normalization;
        native.gatherImages(rows as Uint8Array, row, numbers, next, divide, mean, std, out as Float32Array);
      } else {
        native.gatherRows(rows, row, numbers, next, out);
      }
    } catch (error) {
      throw fromNative(error);
    }
  };
  if (normalization && isWorthReusing(length)) {
    const { array, storage } = memory.take(length, fill);
    return new Tensor(array, dtype, batch, undefined, storage);
  }
  const out = allocate(dtype, length);
  fill(out);
  return new Tensor(out, dtype, batch);
}
