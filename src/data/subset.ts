/** Parts of datasets. */
import { ArgumentError } from '../errors.js';
import { checkOptions } from '../options.js';
import { defaultGenerator, Generator } from '../random.js';
import { describe, formatShape } from '../shape.js';
import { checkIndex, Dataset, inMemory, inMemoryOf, lengthOf, type WhereInMemory } from './dataset.js';
import { type InMemory, rowNumbers } from './gather.js';

/** Some items of a dataset, in an order of their own. */
export class Subset<T> extends Dataset<T> {
  readonly dataset: Dataset<T>;
  /** The numbers of the items in `dataset`. */
  readonly indices: Int32Array;
  private readonly where: WhereInMemory | undefined;

  /** @throws IndexError for a number that no item has; ArgumentError for what is not a dataset. */
  constructor(dataset: Dataset<T>, indices: Iterable<number>) {
    super();
    const length = lengthOf(dataset, 'Subset');
    if (typeof (indices as Partial<Iterable<number>> | null)?.[Symbol.iterator] !== 'function') {
      throw new ArgumentError(`Subset: expected the numbers of items, got ${describe(indices)}`);
    }
    const numbers = [...indices];
    for (const index of numbers) checkIndex(index, length, 'Subset');
    this.dataset = dataset;
    this.indices = Int32Array.from(numbers);
    this.where = inMemoryOf(dataset);
  }

  get length(): number {
    return this.indices.length;
  }

  /** @throws IndexError */
  get(index: number): T | Promise<T> {
    checkIndex(index, this.length, 'Subset');
    return this.dataset.get(this.indices[index] as number);
  }

  /** @internal */
  [inMemory](): InMemory | undefined {
    const whole = this.where?.();
    return whole && { fields: whole.fields, indices: rowNumbers(whole, this.indices) };
  }
}

/** How many items go where: numbers that add up to all, or fractions that add up to 1. */
function sizes(length: number, parts: readonly number[]): number[] {
  const total = parts.reduce((sum, part) => sum + part, 0);
  if (parts.every((part) => Number.isInteger(part) && part >= 0) && total === length) return [...parts];
  if (!parts.every((part) => Number.isFinite(part) && part >= 0) || Math.abs(total - 1) > 1e-9) {
    throw new ArgumentError(
      `randomSplit: expected lengths that add up to ${length}, or fractions that add up to 1, got ${formatShape(parts)}`,
    );
  }
  const result = parts.map((part) => Math.floor(length * part));
  const rest = length - result.reduce((sum, size) => sum + size, 0);
  for (let i = 0; i < rest; i++) (result[i % parts.length] as number) += 1;
  return result;
}

/**
 * Divides a dataset at random into parts that share no item:
 *
 * ```ts
 * const [train, valid] = randomSplit(dataset, [0.9, 0.1]);
 * ```
 *
 * @param lengths how many items each part has, or what fraction of all; what rounding leaves goes to the
 * first ones.
 * @throws ArgumentError
 */
export function randomSplit<T, const L extends readonly number[]>(
  dataset: Dataset<T>,
  lengths: L,
  options: { generator?: Generator } = {},
): { -readonly [K in keyof L]: Subset<T> } {
  checkOptions('randomSplit', options, ['generator']);
  const { generator = defaultGenerator } = options;
  if (!(generator instanceof Generator)) {
    throw new ArgumentError(`randomSplit: generator must be a Generator, got ${describe(generator)}`);
  }
  if (!Array.isArray(lengths)) {
    throw new ArgumentError(`randomSplit: expected an array of lengths, got ${describe(lengths)}`);
  }
  const length = lengthOf(dataset, 'randomSplit');
  const parts = sizes(length, lengths);
  const order = generator.permutation(length);
  let start = 0;
  return parts.map((size) => {
    start += size;
    return new Subset(dataset, order.subarray(start - size, start));
  }) as { -readonly [K in keyof L]: Subset<T> };
}
