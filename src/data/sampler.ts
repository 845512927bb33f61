/** Orders in which a loader takes items. */
import { ArgumentError } from '../errors.js';
import { describe } from '../shape.js';
import { checkIndex } from './dataset.js';

/**
 * Numbers of items, in the order in which to take them; iterated anew for each epoch. An array of numbers is
 * one. It may leave items out and repeat others.
 */
export interface Sampler extends Iterable<number> {
  /** How many numbers one iteration gives. */
  readonly length: number;
}

/** @internal Checks that something is a sampler; its length. */
export function samplerLength(sampler: unknown, what: string): number {
  const { length, [Symbol.iterator]: iterator } = (sampler ?? {}) as Partial<Sampler>;
  if (typeof iterator !== 'function' || !Number.isInteger(length) || (length as number) < 1) {
    throw new ArgumentError(
      `${what}: sampler must be iterable, with a length from 1 on, got ${describe(sampler)}`,
    );
  }
  return length as number;
}

/** @internal Runs a sampler over a dataset of `items` items. */
export function readOrder(sampler: Sampler, items: number, what: string): Int32Array {
  const length = samplerLength(sampler, what);
  const order: number[] = [];
  for (const index of sampler) {
    checkIndex(index, items, what);
    if (order.push(index) > length) break;
  }
  if (order.length !== length) {
    const got = order.length > length ? 'more' : `only ${order.length}`;
    throw new ArgumentError(`${what}: the sampler's length is ${length}, but it gave ${got}`);
  }
  return Int32Array.from(order);
}
