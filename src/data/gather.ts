/** Batches gathered natively out of arrays in memory. */
import { allocate, type DType, type TypedArray } from '../dtype.js';
import { fromNative } from '../errors.js';
import { native } from '../native.js';
import { elementsOf, type Shape } from '../shape.js';
import { Tensor } from '../tensor.js';
import type { Affine } from '../transforms/transform.js';

function gathered<A extends TypedArray>(
  dtype: DType,
  row: Shape,
  indices: Int32Array,
  fill: (out: A) => void,
): Tensor {
  const out = allocate(dtype, indices.length * elementsOf(row));
  try {
    if (out.length > 0) fill(out as A); // rows without elements have no number
  } catch (error) {
    throw fromNative(error);
  }
  return new Tensor(out, dtype, Object.freeze([indices.length, ...row]));
}

/**
 * The rows that `indices` name, of an array of rows of shape `row`: a tensor of shape [indices, ...row].
 *
 * @throws IndexError for an index out of range
 */
export function gatherRows(rows: TypedArray, dtype: DType, row: Shape, indices: Int32Array): Tensor {
  return gathered(dtype, row, indices, (out) => native.gatherRows(rows, elementsOf(row), indices, out));
}

/**
 * The images that `indices` name, made into a float32 tensor of shape [indices, 1, height, width], with the
 * same bits as by the transform that computes `affine`; undefined where that is not one of images with one
 * channel.
 *
 * @throws IndexError for an index out of range
 */
export function gatherImages(
  images: Uint8Array,
  shape: Shape,
  affine: Affine,
  indices: Int32Array,
): Tensor | undefined {
  const [height, width, channels = 1] = shape as [number, number, number?];
  const { divide, mean = [0], std = [1] } = affine;
  const planar = (shape.length === 2 || shape.length === 3) && channels === 1;
  if (divide === undefined || !planar || mean.length !== 1 || std.length !== 1) return undefined;
  const [means, deviations] = [Float32Array.from(mean), Float32Array.from(std)];
  return gathered('float32', [1, height, width], indices, (out: Float32Array) =>
    native.gatherImages(images, height * width, indices, divide, means, deviations, out),
  );
}
