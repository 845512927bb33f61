/** Tensors: how they are made, what they read, what they share, and how they print. */
import { inspect } from 'node:util';
import {
  arange,
  cat,
  type DType,
  eye,
  full,
  Generator,
  linspace,
  manualSeed,
  ones,
  rand,
  randint,
  randn,
  ShapeError,
  StateError,
  stack,
  Tensor,
  tensor,
  where,
  zeros,
} from 'ferrograd';
import { describe, expect, test } from 'vitest';

const matrix = (): Tensor =>
  tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);

describe('tensor()', () => {
  test.each<[string, Parameters<typeof tensor>[0], DType, number[], unknown]>([
    ['a number', 2.5, 'float32', [], 2.5],
    ['a boolean', true, 'bool', [], true],
    ['nested arrays', [[1, 2, 3]], 'float32', [1, 3], [[1, 2, 3]]],
    ['an empty array', [], 'float32', [0], []],
    ['arrays of nothing', [[], []], 'float32', [2, 0], [[], []]],
    ['booleans', [true, false], 'bool', [2], [true, false]],
    ['a Float32Array', Float32Array.of(1.5, 2), 'float32', [2], [1.5, 2]],
    ['a Float64Array', Float64Array.of(0.1), 'float32', [1], [Math.fround(0.1)]],
    ['an Int32Array', Int32Array.of(1, -2), 'int32', [2], [1, -2]],
    ['an Int8Array', Int8Array.of(1, -2), 'int32', [2], [1, -2]],
    ['a Uint16Array', Uint16Array.of(65_535), 'int32', [1], [65_535]],
    ['a Uint8Array', Uint8Array.of(255), 'uint8', [1], [255]],
    ['a BigInt64Array', BigInt64Array.of(-7n), 'int32', [1], [-7]],
    [
      'typed arrays in an array',
      [Float32Array.of(1, 2), Float32Array.of(3, 4)],
      'float32',
      [2, 2],
      [
        [1, 2],
        [3, 4],
      ],
    ],
  ])('of %s', (_, data, dtype, shape, expected) => {
    const x = tensor(data);
    expect([x.dtype, x.shape, x.toArray()]).toEqual([dtype, shape, expected]);
  });

  test('takes a shape for flat data', () => {
    expect(tensor([1, 2, 3, 4, 5, 6], { shape: [2, 3] }).toArray()).toEqual(matrix().toArray());
    expect(tensor(Float32Array.of(1, 2), { shape: [2, 1] }).toArray()).toEqual([[1], [2]]);
    expect(tensor([], { shape: [0, 3] }).shape).toEqual([0, 3]);
  });

  test('takes a dtype: numbers must be of it, but for bool, where all but 0 is true', () => {
    expect(tensor([0, 255], { dtype: 'uint8' }).dtype).toBe('uint8');
    expect(tensor([0, 0.5, Number.NaN, -1], { dtype: 'bool' }).toArray()).toEqual([false, true, true, true]);
    expect(tensor(Uint8Array.of(0, 7), { dtype: 'bool' }).data).toEqual(Uint8Array.of(0, 1));
  });

  test('copies', () => {
    const data = Float32Array.of(1, 2);
    const x = tensor(data);
    data[0] = 9;
    expect(x.toArray()).toEqual([1, 2]);
  });
});

describe('creators', () => {
  test('of constants', () => {
    expect(zeros([2, 2]).toArray()).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(ones([2], { dtype: 'bool' }).toArray()).toEqual([true, true]);
    expect(full([2], 7, { dtype: 'int32' }).toArray()).toEqual([7, 7]);
    expect(full([], 1.5, { requiresGrad: true }).requiresGrad).toBe(true);
    expect(eye(2, { dtype: 'uint8' }).toArray()).toEqual([
      [1, 0],
      [0, 1],
    ]);
    expect(zeros([0, 2]).size).toBe(0);
  });

  test('of sequences', () => {
    expect(arange(3).toArray()).toEqual([0, 1, 2]);
    expect(arange(2, 8, 3, { dtype: 'int32' }).toArray()).toEqual([2, 5]);
    expect(arange(0, 5, -1).toArray()).toEqual([]);
    expect(linspace(1, 2, 3).toArray()).toEqual([1, 1.5, 2]);
    expect(linspace(1, 2, 1).toArray()).toEqual([1]);
    expect(linspace(1, 2, 0).toArray()).toEqual([]);
  });

  test('large and small ones keep their elements apart', () => {
    const tensors = [1, 3, 255, 256, 257, 1023, 1024, 5000].map((n, i) => full([n], i));
    expect(tensors.map((x) => [...new Set(x.data)])).toEqual(tensors.map((_, i) => [i]));
  });
});

describe('random numbers', () => {
  test('are the same for the same seed, and go on', () => {
    const draw = () => [rand([3]), randn([3]), randint(0, 1000, [3])].map((x) => x.toArray());
    manualSeed(5);
    const [first, second] = [draw(), draw()];
    expect(second).not.toEqual(first);
    manualSeed(5);
    expect([draw(), draw()]).toEqual([first, second]);
  });

  test('come from a generator of their own where one is given', () => {
    manualSeed(1);
    const expected = rand([4]).toArray();
    manualSeed(1);
    const generator = new Generator(8);
    const own = rand([4], { generator }).toArray();
    expect(rand([4]).toArray()).toEqual(expected);
    expect(rand([4], { generator: new Generator(8) }).toArray()).toEqual(own);
  });

  test('are spread as their names say', () => {
    const generator = new Generator(3);
    const n = 100_000;
    const uniform = rand([n], { generator });
    expect(uniform.min().item()).toBeGreaterThanOrEqual(0);
    expect(uniform.max().item()).toBeLessThan(1);
    expect(uniform.mean().item()).toBeCloseTo(0.5, 2);
    const normal = randn([n], { generator });
    expect(normal.mean().item()).toBeCloseTo(0, 1);
    expect(normal.std().item()).toBeCloseTo(1, 1);
    expect(new Set(randint(-2, 3, [n], { generator }).data)).toEqual(new Set([-2, -1, 0, 1, 2]));
  });
});

describe('types', () => {
  const of = (dtype: DType) => tensor([1, 0], { dtype });

  test.each<[DType, DType, DType]>([
    ['float32', 'int32', 'float32'],
    ['float32', 'uint8', 'float32'],
    ['float32', 'bool', 'float32'],
    ['int32', 'int32', 'int32'],
    ['int32', 'uint8', 'int32'],
  ])('%s and %s give %s', (a, b, expected) => {
    for (const [x, y] of [
      [a, b],
      [b, a],
    ] as const) {
      expect(of(x).add(of(y)).dtype).toBe(expected);
      expect(of(x).div(of(y)).dtype).toBe('float32');
      expect(of(x).eq(of(y)).dtype).toBe('bool');
    }
  });

  test('a whole number beside integers stays one', () => {
    expect(of('int32').mul(3).toArray()).toEqual([3, 0]);
    expect(of('int32').mul(3).dtype).toBe('int32');
    expect(of('int32').mul(1.5).toArray()).toEqual([1.5, 0]);
    expect(where(of('bool'), of('int32'), 7).dtype).toBe('int32');
  });

  test('comparisons of integers are exact', () => {
    const x = tensor([2 ** 24 + 1], { dtype: 'int32' });
    expect(x.eq(2 ** 24).toArray()).toEqual([false]);
    expect(x.gt(2 ** 24).toArray()).toEqual([true]);
  });

  test('to() gives the tensor itself where it is of the type already', () => {
    const x = matrix();
    expect(x.to('float32')).toBe(x);
    expect(tensor([1.9, -1.9]).to('int32').toArray()).toEqual([1, -1]);
  });
});

describe('elements', () => {
  test('item() gives the one element', () => {
    expect([tensor(2).item(), tensor([[3]]).item(), tensor(true).item()]).toEqual([2, 3, 1]);
    expect(matrix().slice(0, 1, 2).slice(1, 2, 3).item()).toBe(6);
    expect(() => matrix().item()).toThrow(ShapeError);
    expect(() => zeros([0]).item()).toThrow(ShapeError);
  });

  test('toArray() follows the shape of strided views', () => {
    expect(matrix().t().toArray()).toEqual([
      [1, 4],
      [2, 5],
      [3, 6],
    ]);
    expect(
      tensor([[true, false]])
        .t()
        .toArray(),
    ).toEqual([[true], [false]]);
    expect(zeros([2, 0, 3]).toArray()).toEqual([[], []]);
  });

  test('data is live where the tensor is contiguous, else a copy', () => {
    const x = matrix();
    x.data[0] = 9;
    expect(x.toArray()).toEqual([
      [9, 2, 3],
      [4, 5, 6],
    ]);
    const row = x.slice(0, 1, 2);
    expect(row.data).toEqual(Float32Array.of(4, 5, 6));
    row.data[0] = 7;
    expect(x.toArray()).toEqual([
      [9, 2, 3],
      [7, 5, 6],
    ]);
    const transposed = x.t().data;
    expect(transposed).toEqual(Float32Array.of(9, 7, 2, 5, 3, 6));
    transposed[0] = 0;
    expect(x.data[0]).toBe(9);
  });

  test('data has as many elements as the tensor', () => {
    expect(matrix().slice(0, 0, 1).data).toHaveLength(3);
    expect(zeros([0]).data).toHaveLength(0);
  });
});

describe('views', () => {
  test.each<[string, (x: Tensor) => Tensor, unknown]>([
    [
      'view',
      (x) => x.view(3, 2),
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
    ],
    [
      'view with a size left open',
      (x) => x.view(-1, 2),
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
    ],
    ['reshape', (x) => x.reshape([6]), [1, 2, 3, 4, 5, 6]],
    ['flatten', (x) => x.flatten(), [1, 2, 3, 4, 5, 6]],
    ['unsqueeze', (x) => x.unsqueeze(1), [[[1, 2, 3]], [[4, 5, 6]]]],
    ['squeeze', (x) => x.slice(0, 0, 1).squeeze(0), [1, 2, 3]],
    [
      'transpose',
      (x) => x.transpose(0, 1),
      [
        [1, 4],
        [2, 5],
        [3, 6],
      ],
    ],
    [
      'permute',
      (x) => x.permute(1, 0),
      [
        [1, 4],
        [2, 5],
        [3, 6],
      ],
    ],
    [
      'slice',
      (x) => x.slice(1, 0, 3, 2),
      [
        [1, 3],
        [4, 6],
      ],
    ],
    [
      'slice from the end',
      (x) => x.slice(1, -2),
      [
        [2, 3],
        [5, 6],
      ],
    ],
    ['slice of a slice', (x) => x.slice(1, 1).slice(0, 1), [[5, 6]]],
    [
      'expand',
      (x) => x.slice(0, 0, 1).expand(2, 3),
      [
        [1, 2, 3],
        [1, 2, 3],
      ],
    ],
    [
      'detach',
      (x) => x.detach(),
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    ],
  ])('%s shares storage', (_, f, expected) => {
    const x = matrix();
    const view = f(x);
    expect(view.toArray()).toEqual(expected);
    x.fill_(8);
    expect(new Set(view.data)).toEqual(new Set([8]));
  });

  test('split and chunk give views, the last perhaps smaller', () => {
    const x = arange(5);
    expect(x.split(2).map((part) => part.toArray())).toEqual([[0, 1], [2, 3], [4]]);
    expect(x.split([1, 0, 4]).map(({ shape }) => shape)).toEqual([[1], [0], [4]]);
    expect(x.chunk(2).map(({ shape }) => shape)).toEqual([[3], [2]]);
    x.fill_(1);
    expect(x.split(2)[2]?.toArray()).toEqual([1]);
  });

  test('clone, and reshape where the tensor is strided, copy', () => {
    const x = matrix();
    const copies = [x.clone(), x.t().reshape(6), x.t().flatten(), cat([x]), stack([x])];
    x.fill_(8);
    for (const copy of copies) expect(copy.data).not.toContain(8);
    expect(copies[1]?.toArray()).toEqual([1, 4, 2, 5, 3, 6]);
  });

  test('view refuses strided tensors and says what to do', () => {
    expect(() => matrix().t().view(6)).toThrow(ShapeError);
    expect(() => matrix().t().view(6)).toThrow('reshape()');
  });

  test('contiguity', () => {
    const x = matrix();
    expect(
      [x, x.t(), x.slice(0, 1), x.slice(1, 1), x.t().t(), zeros([1, 3]).t()].map((y) => y.isContiguous()),
    ).toEqual([true, false, true, false, true, true]);
    expect([x.strides, x.t().strides, x.unsqueeze(0).expand(2, 2, 3).strides]).toEqual([
      [3, 1],
      [1, 3],
      [0, 3, 1],
    ]);
  });
});

describe('changes in place', () => {
  test('copy_ broadcasts and converts', () => {
    expect(
      zeros([2, 3])
        .copy_(tensor([1, 2, 3]))
        .toArray(),
    ).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
    expect(
      zeros([2], { dtype: 'int32' })
        .copy_(tensor([1.9, -1.9]))
        .toArray(),
    ).toEqual([1, -1]);
    expect(zeros([2]).copy_(5).toArray()).toEqual([5, 5]);
  });

  test('copy_ reads before it writes where source and target overlap', () => {
    const x = arange(4);
    x.slice(0, 1, 4).copy_(x.slice(0, 0, 3));
    expect(x.toArray()).toEqual([0, 0, 1, 2]);
  });

  test('of part of a tensor leave the rest alone', () => {
    const x = matrix();
    x.slice(0, 1, 2).fill_(0);
    expect(x.toArray()).toEqual([
      [1, 2, 3],
      [0, 0, 0],
    ]);
  });

  test('refuse strided views, of which elements may coincide', () => {
    expect(() => zeros([1]).expand(3).fill_(1)).toThrow(StateError);
    expect(() => matrix().t().copy_(0)).toThrow('clone()');
  });
});

describe('as text', () => {
  test.each<[string, Tensor, string]>([
    ['a scalar', tensor(1.5), 'tensor(1.5000, shape [], float32)'],
    ['whole numbers', tensor([1, -20]), 'tensor([  1., -20.], shape [2], float32)'],
    ['booleans', tensor([true, false]), 'tensor([ true, false], shape [2], bool)'],
    ['integers', tensor([1, 10], { dtype: 'int32' }), 'tensor([ 1, 10], shape [2], int32)'],
    [
      'what is not finite',
      tensor([Number.NaN, Infinity, 1.5]),
      'tensor([   nan,    inf, 1.5000], shape [3], float32)',
    ],
    ['a leaf', tensor([1], { requiresGrad: true }), 'tensor([1.], shape [1], float32, requiresGrad)'],
    ['a result', tensor([1], { requiresGrad: true }).exp(), 'tensor([2.7183], shape [1], float32, from exp)'],
    ['nothing', zeros([0]), 'tensor([], shape [0], float32)'],
    [
      'a strided view',
      matrix().t(),
      'tensor([[1., 4.],\n        [2., 5.],\n        [3., 6.]], shape [3, 2], float32)',
    ],
  ])('%s', (_, x, expected) => {
    expect(String(x)).toBe(expected);
    expect(inspect(x)).toBe(expected);
  });

  test('a large one is shown in part', () => {
    const text = inspect(zeros([100, 100]));
    expect(text).toContain('[0., 0., 0., …, 0., 0., 0.],');
    expect(text.split('\n')).toHaveLength(7);
  });
});

test('a disposed tensor says so, and its views go on', () => {
  const x = matrix();
  const view = x.t();
  x[Symbol.dispose]();
  for (const use of [
    () => x.data,
    () => x.toArray(),
    () => x.add(1),
    () => x.view(6),
    () => x.fill_(0),
    () => x.copy_(0),
    () => zeros([2, 3]).copy_(x),
  ]) {
    expect(use).toThrow(StateError);
  }
  expect(inspect(x)).toBe('tensor(disposed, shape [2, 3], float32)');
  expect(view.toArray()).toEqual([
    [1, 4],
    [2, 5],
    [3, 6],
  ]);
  expect(x).toBeInstanceOf(Tensor);
});
