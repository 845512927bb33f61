/** Batches of a dataset, in order or shuffled. */
import { ArgumentError, DataError, StateError } from '../errors.js';
import { checkBoolean, checkOptions, checkSize } from '../options.js';
import { defaultGenerator, Generator } from '../random.js';
import { describe } from '../shape.js';
import { BatchMemory } from './batchMemory.js';
import { type Batch, defaultCollate } from './collate.js';
import { type Dataset, inMemoryOf, lengthOf, type WhereInMemory } from './dataset.js';
import { gatherBatch, type InMemory } from './gather.js';
import { readOrder, type Sampler, samplerLength } from './sampler.js';

/** How to load. */
export interface DataLoaderOptions<T, B = Batch<T>> {
  /** Items of a batch; 1 if left out. */
  batchSize?: number;
  /** Whether each iteration takes the items in a new random order. */
  shuffle?: boolean;
  /** Which items to take, in which order, instead of all of them. */
  sampler?: Sampler;
  /** Whether to leave the last batch out where it is smaller than the others. */
  dropLast?: boolean;
  /** Makes a batch of items; {@link defaultCollate} if left out. */
  collate?: (items: T[]) => B;
  /** What `shuffle` draws from instead of the default generator. */
  generator?: Generator;
}

const optionNames = ['batchSize', 'shuffle', 'sampler', 'dropLast', 'collate', 'generator'];

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

/**
 * Loads a dataset batch by batch, as often as it is iterated:
 *
 * ```ts
 * const loader = new DataLoader(new TensorDataset(images, labels), { batchSize: 64, shuffle: true });
 * for (const [x, y] of loader) …
 * ```
 *
 * Each iteration draws its order when it begins; several at once do not disturb each other, and none need be
 * finished. Where `get` of the dataset gives promises, iterate with `for await`: the items of a batch are
 * then awaited together.
 *
 * Data in memory (a {@link TensorDataset}, an image set with the library's transforms) is gathered natively,
 * a call a batch. Images become numbers where those of the last batch were; a batch that is still used later has them
 * made again from the images, which must be the same then. Whoever asks for `data` keeps what he gets.
 */
export class DataLoader<T, B = Batch<T>> implements Iterable<B>, AsyncIterable<B> {
  readonly dataset: Dataset<T>;
  readonly batchSize: number;
  readonly shuffle: boolean;
  readonly dropLast: boolean;
  private readonly sampler: Sampler | undefined;
  private readonly generator: Generator;
  private readonly collate: ((items: T[]) => B) | undefined;
  private readonly where: WhereInMemory | undefined;
  private readonly memory = new BatchMemory();

  /**
   * @throws DataError if the dataset is empty; ArgumentError for what is not a dataset, a batch size that is
   * not a whole number from 1 on, an unknown option.
   */
  constructor(dataset: Dataset<T>, options: DataLoaderOptions<T, B> = {}) {
    checkOptions('DataLoader', options, optionNames);
    const { batchSize = 1, shuffle = false, sampler, dropLast = false, collate, generator } = options;
    checkSize('DataLoader', 'batchSize', batchSize);
    checkBoolean('DataLoader', 'shuffle', shuffle);
    checkBoolean('DataLoader', 'dropLast', dropLast);
    if (collate !== undefined && typeof collate !== 'function') {
      throw new ArgumentError(`DataLoader: collate must be a function, got ${describe(collate)}`);
    }
    if (generator !== undefined && !(generator instanceof Generator)) {
      throw new ArgumentError(`DataLoader: generator must be a Generator, got ${describe(generator)}`);
    }
    if (sampler !== undefined) samplerLength(sampler, 'DataLoader');
    if (shuffle && sampler !== undefined) {
      throw new ArgumentError('DataLoader: shuffle and sampler exclude each other; let the sampler shuffle');
    }
    this.dataset = dataset;
    this.batchSize = batchSize;
    this.shuffle = shuffle;
    this.sampler = sampler;
    this.dropLast = dropLast;
    this.generator = generator ?? defaultGenerator;
    this.collate = collate;
    this.where = collate ? undefined : inMemoryOf(dataset);
    this.count();
  }

  /** The number of batches in one iteration. */
  get length(): number {
    return this.batchesOf(this.count());
  }

  /** The batches, one after another. @throws StateError if the dataset's `get` gives promises. */
  [Symbol.iterator](): IterableIterator<B> {
    return this.load(this.order());
  }

  /** The batches, one after another; waits for the items where it has to. */
  [Symbol.asyncIterator](): AsyncIterableIterator<B> {
    return this.loadAwaiting(this.order());
  }

  /** @internal Where the data is, if this loader gathers its batches out of memory. */
  inMemory(): InMemory | undefined {
    return this.where?.();
  }

  /** @internal Draws the order of one iteration: numbers of items. */
  order(): Int32Array {
    const items = lengthOf(this.dataset, 'DataLoader');
    const count = this.count();
    if (this.sampler) return readOrder(this.sampler, items, 'DataLoader');
    if (this.shuffle) return this.generator.permutation(count);
    const order = new Int32Array(count);
    for (let i = 0; i < count; i++) order[i] = i;
    return order;
  }

  /** @internal The number of items in one iteration, those of a last batch that is left out too. */
  count(): number {
    const items = lengthOf(this.dataset, 'DataLoader');
    if (items === 0) throw new DataError('DataLoader: the dataset is empty');
    return this.sampler ? samplerLength(this.sampler, 'DataLoader') : items;
  }

  private batchesOf(items: number): number {
    return this.dropLast ? Math.floor(items / this.batchSize) : Math.ceil(items / this.batchSize);
  }

  /** The items of each batch, and those of the next. */
  private *slices(order: Int32Array): IterableIterator<[Int32Array, Int32Array]> {
    const size = this.batchSize;
    for (let batch = 0; batch < this.batchesOf(order.length); batch++) {
      const end = (batch + 1) * size;
      yield [order.subarray(batch * size, end), order.subarray(end, end + size)];
    }
  }

  private *load(order: Int32Array): IterableIterator<B> {
    for (const [indices, next] of this.slices(order)) {
      yield this.gather(indices, next) ?? this.assemble(this.items(indices), indices);
    }
  }

  private async *loadAwaiting(order: Int32Array): AsyncIterableIterator<B> {
    for (const [indices, next] of this.slices(order)) {
      const whole = this.gather(indices, next);
      if (whole !== undefined) {
        yield whole;
        continue;
      }
      // An async function, so that a `get` that throws is no different from one that rejects.
      const items = await Promise.all(Array.from(indices, async (index) => this.dataset.get(index)));
      yield this.assemble(items, indices);
    }
  }

  private gather(indices: Int32Array, next: Int32Array): B | undefined {
    const data = this.inMemory();
    return data && (gatherBatch(data, indices, next, this.memory) as B);
  }

  private items(indices: Int32Array): T[] {
    return Array.from(indices, (index) => {
      const item = this.dataset.get(index);
      if (!isPromise(item)) return item;
      item.then(undefined, () => {}); // whatever becomes of it, the error below is what is reported
      throw new StateError(
        `DataLoader: get(${index}) of the dataset gave a promise; iterate with for await (const batch of loader)`,
      );
    });
  }

  private assemble(items: T[], indices: Int32Array): B {
    // Without `collate`, B is Batch<T>.
    return this.collate ? this.collate(items) : (defaultCollate(items, indices) as B);
  }
}
