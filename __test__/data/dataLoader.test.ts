import {
  ArgumentError,
  DataError,
  DataLoader,
  Dataset,
  type FerrogradError,
  Generator,
  IndexError,
  manualSeed,
  ShapeError,
  StateError,
  type Tensor,
  TensorDataset,
  tensor,
} from 'ferrograd';
import { describe, expect, it } from 'vitest';

/** Items 0 … length − 1, each of which is its own number. */
class Counting extends Dataset<number> {
  constructor(readonly length: number) {
    super();
  }
  get(index: number): number {
    return index;
  }
}

class CountingLater extends Dataset<number> {
  readonly length = 5;
  async get(index: number): Promise<number> {
    await new Promise((resolve) => setTimeout(resolve, 5 - index));
    return index;
  }
}

const numbers = (batches: Iterable<Tensor>) => [...batches].map((batch) => batch.toArray());
const order = (loader: Iterable<Tensor>) => numbers(loader).flat();

function thrown(fn: () => unknown): FerrogradError {
  try {
    fn();
  } catch (error) {
    return error as FerrogradError;
  }
  throw new Error('nothing was thrown');
}

describe('batches', () => {
  it('come in order, the last one smaller', () => {
    const loader = new DataLoader(new Counting(5), { batchSize: 2 });
    expect(loader.length).toBe(3);
    expect(numbers(loader)).toEqual([[0, 1], [2, 3], [4]]);
  });

  it('leave the last one out with dropLast, unless it is whole', () => {
    const five = new DataLoader(new Counting(5), { batchSize: 2, dropLast: true });
    expect(five.length).toBe(2);
    expect(numbers(five)).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(numbers(new DataLoader(new Counting(4), { batchSize: 2, dropLast: true }))).toHaveLength(2);
    expect(numbers(new DataLoader(new Counting(1), { batchSize: 2, dropLast: true }))).toEqual([]);
  });

  it('have one item unless told', () => {
    expect(numbers(new DataLoader(new Counting(2)))).toEqual([[0], [1]]);
  });

  it('hold everything where the batch size is larger than the dataset', () => {
    expect(numbers(new DataLoader(new Counting(3), { batchSize: 100 }))).toEqual([[0, 1, 2]]);
  });

  it('come of any object with length and get', () => {
    const letters = { length: 2, get: (i: number) => ({ letter: 'ab'[i] as string, size: i + 0.5 }) };
    const [batch] = [...new DataLoader(letters, { batchSize: 2 })];
    expect(batch?.letter).toEqual(['a', 'b']);
    expect(batch?.size.dtype).toBe('float32');
  });

  it('are made by collate where it is given, even of data in memory', () => {
    const dataset = new TensorDataset(tensor([1, 2, 3]));
    const loader = new DataLoader(dataset, {
      batchSize: 2,
      collate: (items) => items.map(([x]) => x.item() * 10),
    });
    expect([...loader]).toEqual([[10, 20], [30]]);
  });
});

describe('shuffle', () => {
  it('takes every item once, in a new order each time', () => {
    const loader = new DataLoader(new Counting(100), { batchSize: 7, shuffle: true });
    const [first, second] = [order(loader), order(loader)];
    expect(first).not.toEqual(second);
    for (const epoch of [first, second]) {
      expect(epoch).not.toEqual([...Array(100).keys()]);
      expect(epoch.sort((a, b) => Number(a) - Number(b))).toEqual([...Array(100).keys()]);
    }
  });

  it('draws from the default generator: the same seed, the same orders', () => {
    const loader = new DataLoader(new Counting(50), { shuffle: true });
    manualSeed(3);
    const epochs = [order(loader), order(loader)];
    manualSeed(3);
    expect([order(loader), order(loader)]).toEqual(epochs);
    manualSeed(4);
    expect(order(loader)).not.toEqual(epochs[0]);
  });

  it('draws from its own generator, and leaves the default one alone', () => {
    const make = () => new DataLoader(new Counting(50), { shuffle: true, generator: new Generator(7) });
    manualSeed(1);
    const undisturbed = order(new DataLoader(new Counting(50), { shuffle: true }));
    manualSeed(1);
    expect(order(make())).toEqual(order(make()));
    expect(order(new DataLoader(new Counting(50), { shuffle: true }))).toEqual(undisturbed);
  });

  it('draws the order when the iteration begins', () => {
    const loader = new DataLoader(new Counting(50), { shuffle: true, batchSize: 50 });
    manualSeed(5);
    const [first, second] = [order(loader), order(loader)];
    manualSeed(5);
    const iterators = [loader[Symbol.iterator](), loader[Symbol.iterator]()] as const;
    // However late and in whatever order they are run.
    expect(order(iterators[1])).toEqual(second);
    expect(order(iterators[0])).toEqual(first);
  });
});

describe('iterators', () => {
  it('do not disturb each other', () => {
    const loader = new DataLoader(new Counting(6), { batchSize: 2, shuffle: true });
    const [a, b] = [loader[Symbol.iterator](), loader[Symbol.iterator]()];
    const seen: [unknown[], unknown[]] = [[], []];
    for (let i = 0; i < 3; i++) {
      seen[0].push(...(a.next().value.toArray() as number[]));
      seen[1].push(...(b.next().value.toArray() as number[]));
    }
    for (const all of seen) expect(all.sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('may be left early', () => {
    const loader = new DataLoader(new Counting(6), { batchSize: 2 });
    for (const _ of loader) break;
    expect(order(loader)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('see what the dataset has become', () => {
    const items = [1, 2, 3];
    const growing = {
      get length() {
        return items.length;
      },
      get: (i: number) => items[i] as number,
    };
    const loader = new DataLoader(growing, { batchSize: 2 });
    items.push(4, 5);
    expect(loader.length).toBe(3);
    expect(order(loader)).toEqual([1, 2, 3, 4, 5]);
  });
});

describe('asynchronous datasets', () => {
  const batches = async (loader: AsyncIterable<Tensor>) => {
    const all = [];
    for await (const batch of loader) all.push(batch.toArray());
    return all;
  };

  it('are iterated with for await; items keep their order, whenever they come', async () => {
    expect(await batches(new DataLoader(new CountingLater(), { batchSize: 3 }))).toEqual([
      [0, 1, 2],
      [3, 4],
    ]);
  });

  it('refuse synchronous iteration, also where the promise is rejected', async () => {
    for (const get of [async () => 1, async () => Promise.reject(new Error('unheard'))]) {
      const error = thrown(() => [...new DataLoader({ length: 2, get })]);
      expect(error).toBeInstanceOf(StateError);
      expect(error.message).toContain('for await');
    }
    await new Promise((resolve) => setTimeout(resolve, 10)); // an unhandled rejection would fail the run
  });

  it('give the same batches as synchronous iteration where both are possible', async () => {
    for (const dataset of [new Counting(5), new TensorDataset(tensor([0, 1, 2, 3, 4]))]) {
      const loader = new DataLoader<unknown>(dataset, { batchSize: 2, shuffle: true });
      manualSeed(2);
      const sync = [...loader].map(String);
      manualSeed(2);
      const awaited = [];
      for await (const batch of loader) awaited.push(String(batch));
      expect(awaited).toEqual(sync);
    }
  });

  it('pass on what get rejects with, or throws', async () => {
    let broken = true;
    for (const fail of [
      () => Promise.reject(new Error('no disk')),
      () => {
        throw new Error('no disk');
      },
    ]) {
      broken = true;
      const dataset: Dataset<number> = { length: 3, get: (i) => (broken && i === 1 ? fail() : i) };
      const loader = new DataLoader(dataset, { batchSize: 3 });
      await expect(batches(loader)).rejects.toThrow('no disk');
      broken = false;
      expect(await batches(loader)).toEqual([[0, 1, 2]]);
    }
  });
});

describe('samplers', () => {
  it('say which items to take, in which order', () => {
    const loader = new DataLoader(new Counting(10), { batchSize: 2, sampler: [9, 0, 0] });
    expect(loader.length).toBe(2);
    expect(numbers(loader)).toEqual([[9, 0], [0]]);
  });

  it('are iterated anew for each epoch', () => {
    let epoch = 0;
    const sampler = {
      length: 1,
      *[Symbol.iterator]() {
        yield epoch++;
      },
    };
    const loader = new DataLoader(new Counting(10), { sampler });
    expect([order(loader), order(loader)]).toEqual([[0], [1]]);
  });

  it('are refused where they name no item, or lie about their length', () => {
    const run = (sampler: never) => thrown(() => [...new DataLoader(new Counting(3), { sampler })]);
    for (const wrong of [[3], [-1], [0.5], [Number.NaN], ['0']]) {
      expect(run(wrong as never)).toBeInstanceOf(IndexError);
    }
    function* endless() {
      for (;;) yield 0;
    }
    for (const wrong of [
      { length: 2, [Symbol.iterator]: () => [0].values() },
      { length: 2, [Symbol.iterator]: endless },
      { length: 0, [Symbol.iterator]: endless },
      [],
      {},
      7,
      null,
    ]) {
      expect(run(wrong as never)).toBeInstanceOf(ArgumentError);
    }
    expect(thrown(() => new DataLoader(new Counting(3), { sampler: [0], shuffle: true }))).toBeInstanceOf(
      ArgumentError,
    );
  });
});

describe('bad input', () => {
  it('an empty dataset', () => {
    for (const dataset of [new Counting(0), new TensorDataset(tensor([]))]) {
      for (const shuffle of [true, false]) {
        const error = thrown(() => new DataLoader<unknown>(dataset, { shuffle }));
        expect(error).toBeInstanceOf(DataError);
        expect(error.message).toBe('DataLoader: the dataset is empty');
      }
    }
  });

  it('a batch size that is none', () => {
    for (const batchSize of [
      0,
      -1,
      1.5,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      '64' as never,
      null as never,
    ]) {
      const error = thrown(() => new DataLoader(new Counting(5), { batchSize }));
      expect(error).toBeInstanceOf(ArgumentError);
      expect(error.message).toMatch(/^DataLoader: batchSize must be a whole number from 1/);
    }
  });

  it('options that do not exist, or make no sense', () => {
    for (const options of [
      { batchsize: 2 },
      { numWorkers: 2 },
      { shuffle: 'yes' },
      { dropLast: 1 },
      { collate: [] },
      { generator: 42 },
      64,
      null,
    ]) {
      expect(thrown(() => new DataLoader(new Counting(5), options as never))).toBeInstanceOf(ArgumentError);
    }
  });

  it('what is not a dataset', () => {
    const get = () => 0;
    for (const dataset of [
      undefined,
      null,
      7,
      [1, 2],
      { length: 3 },
      { get },
      { length: -1, get },
      { length: 1.5, get },
      { length: '3', get },
      { length: 1e12, get },
    ]) {
      expect(thrown(() => new DataLoader(dataset as never))).toBeInstanceOf(ArgumentError);
    }
  });

  it('get throws: that is passed on, and the loader stays usable', () => {
    let broken = true;
    const dataset = {
      length: 4,
      get(i: number) {
        if (broken && i === 2) throw new RangeError('item 2 is damaged');
        return i;
      },
    };
    const loader = new DataLoader(dataset, { batchSize: 2 });
    expect(thrown(() => [...loader])).toBeInstanceOf(RangeError);
    broken = false;
    expect(numbers(loader)).toEqual([
      [0, 1],
      [2, 3],
    ]);
  });

  it('items of differing shapes: the error names them by their number in the dataset', () => {
    const dataset = {
      length: 6,
      get: (i: number) => [tensor(new Array(i === 4 ? 3 : 2).fill(0)), i] as const,
    };
    const error = thrown(() => [...new DataLoader(dataset, { batchSize: 2, sampler: [1, 2, 3, 4] })]);
    expect(error).toBeInstanceOf(ShapeError);
    expect(error.message).toContain('item 4 at [0] has shape [3], item 3 at [0] has shape [2]');
  });
});
