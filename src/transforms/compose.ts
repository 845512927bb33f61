import { ArgumentError } from '../errors.js';
import { describe } from '../shape.js';
import type { Affine, Transform } from './transform.js';

/**
 * `first`, then `second`, as one; undefined where that has more steps than an {@link Affine} or another
 * order.
 */
function chain(first: Affine | undefined, second: Affine | undefined): Affine | undefined {
  if (!first || !second || second.divide !== undefined || first.mean || first.std) return undefined;
  return { ...first, ...second };
}

/** Transforms applied one after another, given one by one or as an array. */
export function compose<A, B>(ab: Transform<A, B>): Transform<A, B>;
export function compose<A, B, C>(ab: Transform<A, B>, bc: Transform<B, C>): Transform<A, C>;
export function compose<A, B, C, D>(
  ab: Transform<A, B>,
  bc: Transform<B, C>,
  cd: Transform<C, D>,
): Transform<A, D>;
export function compose<A, B, C, D, E>(
  ab: Transform<A, B>,
  bc: Transform<B, C>,
  cd: Transform<C, D>,
  de: Transform<D, E>,
): Transform<A, E>;
export function compose<T>(...transforms: Transform<T, T>[] | [readonly Transform<T, T>[]]): Transform<T, T>;
export function compose(...given: unknown[]): Transform {
  const transforms = [...(Array.isArray(given[0]) ? given[0] : given)] as Transform[];
  for (const [i, transform] of transforms.entries()) {
    if (typeof transform !== 'function') {
      throw new ArgumentError(`compose: expected functions, transform ${i} is ${describe(transform)}`);
    }
  }
  const composed = (x: unknown): unknown => transforms.reduce((value, transform) => transform(value), x);
  const [first, ...rest] = transforms.map(({ affine }) => affine);
  const affine = rest.reduce(chain, first);
  return affine ? Object.assign(composed, { affine }) : composed;
}

/** Any function, as a transform; it says in a chain of transforms that this one is of one's own. */
export function lambda<A, B>(fn: (x: A) => B): Transform<A, B> {
  if (typeof fn !== 'function') throw new ArgumentError(`lambda: expected a function, got ${describe(fn)}`);
  return (x) => fn(x);
}
