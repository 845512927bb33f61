import {
  ArgumentError,
  DataError,
  DtypeError,
  defaultCollate,
  ShapeError,
  type Tensor,
  tensor,
} from 'ferrograd';
import { describe, expect, it } from 'vitest';

describe('defaultCollate', () => {
  it('stacks tensors of any dtype', () => {
    for (const dtype of ['float32', 'int32', 'uint8', 'bool'] as const) {
      const batch = defaultCollate([tensor([[1], [0]], { dtype }), tensor([[0], [1]], { dtype })]);
      expect(batch.shape).toEqual([2, 2, 1]);
      expect(batch.dtype).toBe(dtype);
      expect(batch.to('int32').toArray()).toEqual([
        [[1], [0]],
        [[0], [1]],
      ]);
    }
  });

  it('copies: a batch does not change with its items', () => {
    const item = tensor([1, 2]);
    const batch = defaultCollate([item]);
    item.data[0] = 9;
    expect(batch.toArray()).toEqual([[1, 2]]);
  });

  it('stacks strided tensors, and scalars', () => {
    const item = tensor([
      [1, 2],
      [3, 4],
    ]);
    expect(defaultCollate([item.t(), item]).toArray()).toEqual([
      [
        [1, 3],
        [2, 4],
      ],
      [
        [1, 2],
        [3, 4],
      ],
    ]);
    expect(defaultCollate([tensor(1), tensor(2)]).toArray()).toEqual([1, 2]);
  });

  it('lets gradients through', () => {
    const [a, b] = [tensor([1, 2], { requiresGrad: true }), tensor([3, 4])];
    defaultCollate<Tensor>([a, b]).sum().backward();
    expect(a.grad?.toArray()).toEqual([1, 1]);
  });

  it('makes int32 of whole numbers, float32 of others', () => {
    const dtype = (...items: number[]) => defaultCollate(items).dtype;
    expect(dtype(3, 0, -0, -5)).toBe('int32');
    expect(dtype(2 ** 31 - 1, -(2 ** 31))).toBe('int32');
    expect(dtype(3, 0.5)).toBe('float32');
    expect(dtype(2 ** 31)).toBe('float32');
    expect(dtype(1, Number.NaN)).toBe('float32');
    expect(defaultCollate([7, 8]).toArray()).toEqual([7, 8]);
    expect(defaultCollate([0.5, Number.POSITIVE_INFINITY]).toArray()).toEqual([
      0.5,
      Number.POSITIVE_INFINITY,
    ]);
  });

  it('makes bool of booleans, and leaves strings in an array', () => {
    const batch = defaultCollate([true, false]);
    expect(batch.dtype).toBe('bool');
    expect(batch.toArray()).toEqual([true, false]);
    expect(defaultCollate(['a', 'b'])).toEqual(['a', 'b']);
  });

  it('takes arrays and objects apart, however deep', () => {
    const item = (i: number) => ({ pair: [tensor([i]), i] as [Tensor, number], name: `n${i}` });
    const batch = defaultCollate([item(1), item(2)]);
    expect(Object.keys(batch)).toEqual(['pair', 'name']);
    expect(batch.pair[0].toArray()).toEqual([[1], [2]]);
    expect(batch.pair[1].dtype).toBe('int32');
    expect(batch.name).toEqual(['n1', 'n2']);
  });

  it('does not let a key reach the prototype', () => {
    const item = JSON.parse('{ "__proto__": 1 }');
    const batch = defaultCollate([item, item]);
    expect(Object.getPrototypeOf(batch)).toBe(Object.prototype);
    expect(Object.keys(batch)).toEqual(['__proto__']);
  });

  const failures: [what: string, items: unknown[], error: new (message: string) => Error, message: string][] =
    [
      ['nothing', [], ArgumentError, 'at least one item'],
      ['shapes', [tensor([1]), tensor([1, 2])], ShapeError, 'item 1 has shape [2], item 0 has shape [1]'],
      [
        'dtypes',
        [tensor([1]), tensor([1], { dtype: 'int32' })],
        DtypeError,
        'item 1 is int32, item 0 is float32',
      ],
      ['kinds', [[1], ['x']], DataError, 'item 1 at [0] is a string, item 0 at [0] is a number'],
      ['lengths', [[1, 2], [1]], ShapeError, 'item 1 has 1 parts, item 0 has 2 parts'],
      ['keys', [{ a: 1 }, { b: 1 }], DataError, 'item 1 has the keys b, item 0 has the keys a'],
      ['dates', [new Date()], ArgumentError, 'item 0 is a Date'],
      ['null', [{ x: null }], ArgumentError, 'item 0 at .x is null'],
      ['missing', [{ x: 1 }, { x: undefined }], DataError, 'item 1 at .x is something else'],
    ];
  it.each(failures)('refuses to join different %s', (_, items, error, message) => {
    expect(() => defaultCollate(items)).toThrow(error);
    expect(() => defaultCollate(items)).toThrow(message);
  });

  it('refuses what is not an array', () => {
    expect(() => defaultCollate(tensor([1]) as never)).toThrow(ArgumentError);
  });
});
