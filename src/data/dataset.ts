/** Datasets: numbered items. */
import { ArgumentError, IndexError } from '../errors.js';
import { describe } from '../shape.js';
import type { InMemory } from './gather.js';

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
 * @internal The method by which a dataset in memory says where its items are: collating those of `get` gives the
 * same. Undefined where it cannot say.
 */
export const inMemory: unique symbol = Symbol('ferrograd.inMemory');

/** @internal */
export type WhereInMemory = () => InMemory | undefined;

/** @internal The method of `dataset`; none where a subclass or the object itself has a `get` of its own. */
export function inMemoryOf(dataset: object): WhereInMemory | undefined {
  for (let level: object | null = dataset; level; level = Object.getPrototypeOf(level)) {
    if (Object.hasOwn(level, inMemory)) {
      return () => (dataset as { [inMemory]: WhereInMemory })[inMemory]();
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
