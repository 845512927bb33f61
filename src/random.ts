/** The source of all randomness: a seed, and a count of what has been drawn from it. */
import { ArgumentError } from './errors.js';
import { native } from './native.js';
import { tracing } from './tracing.js';

/**
 * A generator hands out streams of random numbers: the n-th thing drawn from it depends on the seed and n alone, and
 * is the same on every platform.
 */
export class Generator {
  private seedValue = 0;
  private drawn = 0;

  /** @param seed a whole number from 0 to 2⁵³ − 1; left out, an arbitrary one. */
  constructor(seed: number = Math.floor(Math.random() * 2 ** 32)) {
    this.manualSeed(seed);
  }

  /** Starts anew from `seed`. */
  manualSeed(seed: number): this {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new ArgumentError(`manualSeed: expected a whole number from 0 to 2⁵³ − 1, got ${seed}`);
    }
    this.seedValue = seed;
    this.drawn = 0;
    return this;
  }

  get seed(): number {
    return this.seedValue;
  }

  /** @internal The number of the next stream. */
  next(): number {
    tracing.by?.draws(this);
    return this.drawn++;
  }

  /** @internal A stream of its own as the four words that key it. */
  nextWords(): Int32Array {
    return this.words(this.next());
  }

  /** @internal How many streams have been drawn. */
  get position(): number {
    return this.drawn;
  }

  /** @internal Gives streams back, or passes over some: the next one is number `position`. */
  moveTo(position: number): void {
    this.drawn = position;
  }

  /** @internal The four words that key the next stream, which is not drawn. */
  peekWords(): Int32Array {
    return this.words(this.drawn);
  }

  private words(stream: number): Int32Array {
    const words = [this.seedValue, this.seedValue / 2 ** 32, stream, stream / 2 ** 32];
    return Int32Array.from(words, (word) => (Math.floor(word) % 2 ** 32) | 0);
  }

  /** @internal A random order of 0 … length − 1. */
  permutation(length: number): Int32Array {
    const order = new Int32Array(length);
    native.fillPermutation(order, this.seed, this.next());
    return order;
  }
}

/** What initial weights, dropout, shuffling and `rand` draw from where no other generator is given. */
export const defaultGenerator = new Generator();

/** Seeds the default generator: from here on a program draws the same numbers in every run. */
export function manualSeed(seed: number): Generator {
  return defaultGenerator.manualSeed(seed);
}
