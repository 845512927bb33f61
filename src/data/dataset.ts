/** Datasets: numbered items. */
import { ArgumentError, IndexError } from '../errors.js';
import { describe } from '../shape.js';

/**
 * What a `DataLoader` loads: `length` items, of which `get(i)` gives number i, from 0 on.
 *
 * Extending this class is a convenience: any object that has `length` and `get` will do. Where `get` gives
 * promises (a file read, a request), the loader is iterated with `for await`.
 */
export abstract class Dataset<T> {
  /** The number of items. */
  abstract readonly length: number;
  /** Item number `index`, a whole number from 0 to `length` − 1. */
  abstract get(index: number): T | Promise<T>;
}

/**
 * @internal The method by which a dataset in memory makes a whole batch at once: bit for bit what collating
 * the items of `get` gives, or undefined where it has no such way.
 */
export const wholeBatch: unique symbol = Symbol('ferrograd.wholeBatch');

/** @internal */
export type WholeBatch = (indices: Int32Array) => unknown;

/**
 * @internal The dataset's own way to make a batch; none where a subclass or the object itself has a `get` of
 * its own.
 */
export function wholeBatchOf(dataset: object): WholeBatch | undefined {
  for (let level: object | null = dataset; level; level = Object.getPrototypeOf(level)) {
    if (Object.hasOwn(level, wholeBatch)) {
      return (indices) => (dataset as { [wholeBatch]: WholeBatch })[wholeBatch](indices);
    }
    if (Object.hasOwn(level, 'get')) return undefined;
  }
  return undefined;
}

/** The most items of a dataset: they are numbered by int32. */
const MOST_ITEMS = 2 ** 31 - 1;

/** @internal Checks that something is a dataset; its length. */
export function lengthOf(dataset: unknown, what: string): number {
  const { length, get } = (dataset ?? {}) as { length?: unknown; get?: unknown };
  if (typeof get !== 'function') {
    throw new ArgumentError(`${what}: expected a dataset, with length and get(i), got ${describe(dataset)}`);
  }
  if (typeof length !== 'number' || !Number.isInteger(length) || length < 0 || length > MOST_ITEMS) {
    throw new ArgumentError(
      `${what}: the dataset's length must be a whole number from 0 to ${MOST_ITEMS}, got ${describe(length)}`,
    );
  }
  return length;
}

/** @internal */
export function checkIndex(index: number, length: number, what: string): void {
  if (!Number.isInteger(index) || index < 0 || index >= length) {
    throw new IndexError(`${what}: there is no item ${describe(index)}, items are 0 to ${length - 1}`);
  }
}
