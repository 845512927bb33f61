/** Shapes, as values and as types. */
import { ArgumentError, ShapeError } from './errors.js';

/** The sizes of the dimensions, outermost first. `[number, 784]` is a batch of unknown size. */
export type Shape = readonly number[];

/** `[64, 784]`, as every message writes shapes. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

/** The number of elements: 1 for a scalar. */
export function elementsOf(shape: Shape): number {
  let n = 1;
  for (const size of shape) n *= size;
  return n;
}

/** Row-major strides. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= Math.max(1, shape[i] as number);
  }
  return strides;
}

/** Whether elements with these strides follow each other in row-major order. */
export function isRowMajor(shape: Shape, strides: readonly number[]): boolean {
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    const size = shape[i] as number;
    if (size === 1) continue;
    if (strides[i] !== step) return elementsOf(shape) === 0;
    step *= size;
  }
  return true;
}

/** The most dimensions and elements that a tensor may have. */
export const MAX_NDIM = 8;
const MAX_ELEMENTS = 2 ** 31 - 1;

/** Refuses sizes that are negative, fractional or absurd. */
export function checkShape(shape: Shape, what: string): void {
  if (!Array.isArray(shape)) {
    throw new ArgumentError(`${what}: expected a shape such as [2, 3], got ${describe(shape)}`);
  }
  for (const size of shape) {
    if (!Number.isInteger(size) || size < 0) {
      throw new ShapeError(`${what}: sizes must be whole numbers from 0 on, got ${formatShape(shape)}`);
    }
  }
  if (shape.length > MAX_NDIM) {
    throw new ShapeError(`${what}: a tensor has at most ${MAX_NDIM} dimensions, got ${shape.length}`);
  }
  // Each size too: beside a 0, they do not show in the product.
  if (Math.max(elementsOf(shape), ...shape) > MAX_ELEMENTS) {
    throw new ShapeError(
      `${what}: a tensor has at most ${MAX_ELEMENTS} elements, got shape ${formatShape(shape)}`,
    );
  }
}

/** A wrong argument in few words, for messages. */
export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object') return `a ${value.constructor?.name ?? 'plain object'}`;
  if (typeof value === 'function') return 'a function';
  return String(value);
}
