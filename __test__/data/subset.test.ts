import {
  ArgumentError,
  ConcatDataset,
  DataLoader,
  Generator,
  IndexError,
  manualSeed,
  randomSplit,
  Subset,
  TensorDataset,
  tensor,
} from 'ferrograd';
import { describe, expect, expectTypeOf, it } from 'vitest';

const squares = { length: 10, get: (i: number) => i * i };

function all<T>(dataset: { length: number; get(i: number): T }): T[] {
  return Array.from({ length: dataset.length }, (_, i) => dataset.get(i));
}

describe('Subset', () => {
  it('has the items that it is told, in that order', () => {
    const subset = new Subset(squares, [3, 1, 1]);
    expect(all(subset)).toEqual([9, 1, 1]);
    expect(all(new Subset(subset, [2, 0]))).toEqual([1, 9]);
    expect(() => subset.get(3)).toThrow(IndexError);
  });

  it('is gathered natively where its dataset is: the same batches', () => {
    let items = 0;
    const dataset = new TensorDataset(tensor([[0], [1], [2], [3]]));
    const get = TensorDataset.prototype.get;
    TensorDataset.prototype.get = function (index) {
      items++;
      return get.call(this, index);
    };
    try {
      const nested = new Subset(new Subset(dataset, [3, 2, 0]), [2, 0]);
      expect([...new DataLoader(nested, { batchSize: 2 })][0]?.[0].toArray()).toEqual([[0], [3]]);
      expect(items).toBe(0);
    } finally {
      TensorDataset.prototype.get = get;
    }
  });

  it('goes item by item where its dataset does', () => {
    expect([...new DataLoader(new Subset(squares, [2, 3]), { batchSize: 2 })][0]?.toArray()).toEqual([4, 9]);
  });

  it('refuses numbers of no items', () => {
    for (const index of [10, -1, 0.5, Number.NaN]) {
      expect(() => new Subset(squares, [0, index])).toThrow(IndexError);
    }
    expect(() => new Subset(squares, 3 as never)).toThrow(ArgumentError);
    expect(() => new Subset([1] as never, [0])).toThrow(ArgumentError);
  });
});

describe('ConcatDataset', () => {
  it('has the items of all', () => {
    const empty = { length: 0, get: () => 0 };
    const dataset = new ConcatDataset([empty, squares, empty, { length: 2, get: (i: number) => -i }, empty]);
    expect(all(dataset)).toEqual([0, 1, 4, 9, 16, 25, 36, 49, 64, 81, -0, -1]);
    expect(() => dataset.get(12)).toThrow(IndexError);
    expect(() => dataset.get(-1)).toThrow(IndexError);
  });

  it('refuses what is not a dataset', () => {
    expect(() => new ConcatDataset([])).toThrow(ArgumentError);
    expect(() => new ConcatDataset([squares, [] as never])).toThrow(ArgumentError);
  });
});

describe('randomSplit', () => {
  it('gives every item to one part', () => {
    const [a, b, c] = randomSplit(squares, [5, 5, 0]);
    expectTypeOf(a).toEqualTypeOf<Subset<number>>();
    expect([a.length, b.length, c.length]).toEqual([5, 5, 0]);
    expect([...all(a), ...all(b)].sort((x, y) => Number(x) - Number(y))).toEqual(all(squares));
  });

  it('takes fractions: what rounding leaves goes to the first parts', () => {
    expect(randomSplit(squares, [0.9, 0.1]).map((part) => part.length)).toEqual([9, 1]);
    expect(randomSplit(squares, [0.33, 0.33, 0.34]).map((part) => part.length)).toEqual([4, 3, 3]);
    expect(randomSplit(squares, [1]).map((part) => part.length)).toEqual([10]);
  });

  it('draws from the generator', () => {
    const draw = (generator?: Generator) => all(randomSplit(squares, [6, 4], generator && { generator })[0]);
    expect(draw(new Generator(1))).toEqual(draw(new Generator(1)));
    expect(draw(new Generator(1))).not.toEqual(draw(new Generator(2)));
    manualSeed(1);
    expect(draw()).toEqual(draw(new Generator(1)));
    expect(draw()).not.toEqual(draw());
  });

  it('refuses lengths that do not add up', () => {
    for (const lengths of [
      [5, 4],
      [5, 6],
      [0.5, 0.4],
      [1.5, -0.5],
      [11, -1],
      [Number.NaN, 1],
      [],
      ['5', '5'],
      10,
    ]) {
      expect(() => randomSplit(squares, lengths as never)).toThrow(ArgumentError);
    }
    expect(() => randomSplit(squares, [10], { seed: 1 } as never)).toThrow(ArgumentError);
    expect(() => randomSplit(squares, [10], { generator: 1 } as never)).toThrow(ArgumentError);
  });
});
