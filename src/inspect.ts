/** Tensors as text and as nested arrays. */
import type { TypedArray } from './dtype.js';
import { formatShape, type Shape } from './shape.js';
import type { Tensor } from './tensor.js';

/** Numbers in as many levels of arrays as the tensor has dimensions. */
export type NestedArray = number | boolean | NestedArray[];

/** Row-major elements as nested arrays. */
export function nested(data: TypedArray, shape: Shape, booleans: boolean): NestedArray {
  let at = 0;
  const level = (dim: number): NestedArray => {
    if (dim === shape.length) {
      const value = data[at++] as number;
      return booleans ? value !== 0 : value;
    }
    return Array.from({ length: shape[dim] as number }, () => level(dim + 1));
  };
  return level(0);
}

/** Tensors with more elements than this are shown in part. */
const SUMMARISED = 1000;
/** How many entries are shown at each end of a dimension then. */
const EDGE = 3;

/** `tensor([[1.0000, 2.0000], [3.0000, 4.0000]], shape [2, 2], float32)` */
export function inspectTensor(tensor: Tensor): string {
  const { shape, dtype } = tensor;
  const traits = [`shape ${formatShape(shape)}`, dtype];
  if (tensor.node) traits.push(`from ${tensor.node.call.op}`);
  else if (tensor.requiresGrad) traits.push('requiresGrad');
  if (tensor.array.length === 0 && tensor.size > 0) return `tensor(disposed, ${traits.join(', ')})`;

  const { elements: data } = tensor;
  const summarised = tensor.size > SUMMARISED;
  const shown = (size: number): (number | undefined)[] => {
    const all = Array.from({ length: size }, (_, i) => i);
    return summarised && size > 2 * EDGE ? [...all.slice(0, EDGE), undefined, ...all.slice(-EDGE)] : all;
  };
  const format = formatter(dtype, data);
  const level = (dim: number, start: number, indent: number): string => {
    if (dim === shape.length) return format(data[start] as number);
    const step = shape.slice(dim + 1).reduce((a, b) => a * b, 1);
    const parts = shown(shape[dim] as number).map((i) =>
      i === undefined ? '…' : level(dim + 1, start + i * step, indent + 1),
    );
    const last = dim === shape.length - 1;
    const gap = last ? ', ' : `,${'\n'.repeat(shape.length - dim - 1)}${' '.repeat(indent + 1)}`;
    return `[${parts.join(gap)}]`;
  };
  return `tensor(${level(0, 0, 'tensor('.length)}, ${traits.join(', ')})`;
}

/** One way to write all numbers of a tensor, so that columns line up. */
function formatter(dtype: string, data: TypedArray): (value: number) => string {
  if (dtype === 'bool') return (value) => (value ? 'true' : 'false').padStart(5);
  let largest = 0;
  let smallest = Number.POSITIVE_INFINITY;
  let whole = true;
  const sample = data.length > 100_000 ? data.subarray(0, 100_000) : data;
  for (const value of sample) {
    const size = Math.abs(value);
    if (!Number.isFinite(size)) continue;
    if (size > largest) largest = size;
    if (size > 0 && size < smallest) smallest = size;
    if (!Number.isInteger(value)) whole = false;
  }
  let write: (value: number) => string;
  if (dtype !== 'float32') write = String;
  else if (whole && largest < 1e7) write = (value) => `${value}.`;
  else if (largest >= 1e5 || (largest > 0 && smallest < 1e-4 && largest < 1e-2))
    write = (value) => value.toExponential(4);
  else write = (value) => value.toFixed(4);
  const text = (value: number) =>
    Number.isFinite(value) ? write(value) : Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  let width = 0;
  for (const value of data.length > 1000 ? data.subarray(0, 1000) : data)
    width = Math.max(width, text(value).length);
  return (value) => text(value).padStart(width);
}
