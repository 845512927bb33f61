/**
 * Arguments that make no sense: each is refused with an error of the right class that says what came and what was
 * expected, before anything has changed, and the process goes on. What belongs to one layer, one optimizer or one file
 * format is tested beside it.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import {
  ArgumentError,
  arange,
  cat,
  DataLoader,
  DtypeError,
  eye,
  FerrogradError,
  full,
  Generator,
  IndexError,
  linspace,
  manualSeed,
  nn,
  oneHot,
  ones,
  optim,
  rand,
  randint,
  ShapeError,
  StateError,
  save,
  setNumThreads,
  stack,
  type Tensor,
  TensorDataset,
  tensor,
  where,
  zeros,
} from 'ferrograd';
import { afterAll, describe, expect, test } from 'vitest';

type Refused = [
  name: string,
  call: () => unknown,
  type: new (message: string) => FerrogradError,
  says: string,
];

/** Whatever it is, JavaScript passes it on. */
// biome-ignore lint/suspicious/noExplicitAny: that is what is tested
type Anything = any;

const x: Tensor = ones([2, 3]);
const int = (data: Parameters<typeof tensor>[0]): Tensor => tensor(data, { dtype: 'int32' });

function refuses(cases: Refused[]): void {
  test.each(cases)('%s', (_, call, type, says) => {
    let thrown: unknown;
    try {
      call();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(type);
    expect(thrown).toBeInstanceOf(FerrogradError);
    expect((thrown as FerrogradError).code).toMatch(/^ERR_(SHAPE|DTYPE|INDEX|ARGUMENT|STATE)$/);
    expect((thrown as FerrogradError).message).toContain(says);
    expect(new Set(x.data)).toEqual(new Set([1]));
  });
}

afterAll(() => {
  // After all of these, everything still works.
  const w = tensor([[1, 2, 3]], { requiresGrad: true });
  x.matmul(w.t()).sum().backward();
  expect(w.grad?.toArray()).toEqual([[2, 2, 2]]);
});

describe('data', () => {
  const itself: unknown[] = [];
  itself.push(itself);
  refuses([
    [
      'rows of different lengths',
      () => tensor([[1, 2], [3]]),
      ShapeError,
      'data[1] has 1 entries, expected 2',
    ],
    ['a number among rows', () => tensor([[1, 2], 3]), ShapeError, 'data[1] is 3, expected 2 entries'],
    ['a row among numbers', () => tensor([1, [2]]), ShapeError, 'data[1] is an array'],
    ['raggedness far inside', () => tensor([[[1]], [[1, 2]]]), ShapeError, 'data[1][0] has 2 entries'],
    [
      'typed arrays of different lengths',
      () => tensor([new Float32Array(2), new Float32Array(3)]),
      ShapeError,
      'data[1]',
    ],
    ['an array that holds itself', () => tensor(itself as Anything), ShapeError, 'at most 8 dimensions'],
    ['text', () => tensor('abc' as Anything), ArgumentError, 'got "abc"'],
    ['text in an array', () => tensor(['1'] as Anything), ArgumentError, 'expected numbers, got "1"'],
    ['null', () => tensor(null as Anything), ArgumentError, 'got null'],
    ['nothing', () => tensor(undefined as Anything), ArgumentError, 'got undefined'],
    ['a hole', () => tensor(new Array(3)), ArgumentError, 'expected numbers, got undefined'],
    ['an object', () => tensor({} as Anything), ArgumentError, 'got a Object'],
    ['a DataView', () => tensor(new DataView(new ArrayBuffer(4)) as Anything), ArgumentError, 'DataView'],
    ['fractions as integers', () => int([1.5]), ArgumentError, '1.5 does not fit int32'],
    ['NaN as an integer', () => int([Number.NaN]), ArgumentError, 'NaN does not fit int32'],
    ['fractions of a Float32Array', () => int(Float32Array.of(0.5)), ArgumentError, '0.5 does not fit int32'],
    ['too large an integer', () => int([2 ** 31]), ArgumentError, '2147483648 does not fit int32'],
    ['too large a BigInt', () => tensor(BigInt64Array.of(2n ** 40n)), ArgumentError, 'does not fit int32'],
    ['a negative byte', () => tensor([-1], { dtype: 'uint8' }), ArgumentError, 'whole numbers from 0 to 255'],
    [
      'an unknown dtype',
      () => tensor([1], { dtype: 'float64' as Anything }),
      DtypeError,
      'unknown dtype "float64"',
    ],
    [
      'an unknown option',
      () => tensor([1], { dType: 'int32' } as Anything),
      ArgumentError,
      'unknown option "dType"',
    ],
    [
      'a shape of other size',
      () => tensor([1, 2, 3], { shape: [2, 2] }),
      ShapeError,
      '3 elements do not fill shape [2, 2]',
    ],
    [
      'an integer that requires a gradient',
      () => zeros([1], { dtype: 'int32', requiresGrad: true }),
      DtypeError,
      'int32',
    ],
  ]);
});

describe('sizes', () => {
  refuses([
    ['negative', () => zeros([-1]), ShapeError, 'zeros: sizes must be whole numbers from 0 on, got [-1]'],
    ['fractional', () => ones([1.5]), ShapeError, 'ones: sizes must be whole numbers'],
    ['NaN', () => full([Number.NaN], 0), ShapeError, 'got [NaN]'],
    ['infinite', () => zeros([Number.POSITIVE_INFINITY]), ShapeError, 'got [Infinity]'],
    ['text', () => zeros('3' as Anything), ArgumentError, 'expected a shape such as [2, 3], got "3"'],
    ['a number', () => zeros(3 as Anything), ArgumentError, 'expected a shape such as [2, 3], got 3'],
    ['absurd', () => zeros([1e9, 1e9]), ShapeError, 'at most 2147483647 elements'],
    ['absurd beside a 0', () => zeros([0, 1e15]), ShapeError, 'at most 2147483647 elements'],
    [
      'more than memory takes',
      () =>
        ones([1])
          .expand(2 ** 31 - 1)
          .add(1),
      ArgumentError,
      'cannot allocate',
    ],
    ['absurd by expand', () => ones([1, 1]).expand(1e5, 1e5), ShapeError, 'a tensor has at most'],
    ['absurd by arange', () => arange(0, 1, 1e-300), ShapeError, 'arange: a tensor has at most'],
    ['absurd by linspace', () => linspace(0, 1, 1e12), ShapeError, 'linspace: a tensor has at most'],
    ['absurd by eye', () => eye(1e6), ShapeError, 'eye: a tensor has at most'],
    [
      'absurd by oneHot',
      () => oneHot(zeros([100_000], { dtype: 'int32' }), 1e6),
      ShapeError,
      'a tensor has at most',
    ],
    ['nine dimensions', () => zeros([1, 1, 1, 1, 1, 1, 1, 1, 1]), ShapeError, 'at most 8 dimensions, got 9'],
  ]);
});

describe('arguments of creators', () => {
  refuses([
    ['arange without end', () => arange(Number.POSITIVE_INFINITY), ArgumentError, 'expected finite numbers'],
    ['arange that stands still', () => arange(0, 5, 0), ArgumentError, 'a step other than 0'],
    [
      'arange of fractions as integers',
      () => arange(0, 1, 0.5, { dtype: 'int32' }),
      ArgumentError,
      '0.5 does not fit',
    ],
    ['linspace of NaN', () => linspace(Number.NaN, 1, 3), ArgumentError, 'expected finite numbers, got NaN'],
    ['full of text', () => full([2], 'a' as Anything), ArgumentError, 'full: expected numbers, got "a"'],
    ['rand of integers', () => rand([2], { dtype: 'int32' }), DtypeError, 'rand: expected float32'],
    [
      'rand from what is no generator',
      () => rand([2], { generator: {} as Anything }),
      ArgumentError,
      'a Generator',
    ],
    [
      'randint of an empty range',
      () => randint(5, 5, [2]),
      ArgumentError,
      'low must be below high, got 5 and 5',
    ],
    ['randint of fractions', () => randint(0.5, 3, [2]), ArgumentError, '0.5 does not fit int32'],
    ['a negative seed', () => manualSeed(-1), ArgumentError, 'got -1'],
    ['a fractional seed', () => new Generator(1.5), ArgumentError, 'got 1.5'],
    ['no threads', () => setNumThreads(0), ArgumentError, 'from 1 to 256, got 0'],
    ['half a thread', () => setNumThreads(1.5), ArgumentError, 'got 1.5'],
    ['cat of nothing', () => cat([]), ArgumentError, 'at least one tensor'],
    ['cat of what is no tensor', () => cat([x, 5 as Anything]), ArgumentError, 'expected tensors, got 5'],
    ['cat of misfits', () => cat([x, ones([2, 4])]), ShapeError, 'shapes [2, 3] and [2, 4]'],
    [
      'stack of misfits',
      () => stack([x, ones([3, 2])]),
      ShapeError,
      'stack: shapes [2, 3] and [3, 2] differ',
    ],
    ['stack along no dimension', () => stack([x], 3), IndexError, 'stack: dim 3 is out of range'],
    [
      'where of no tensor',
      () => where(true as Anything, x, 0),
      ArgumentError,
      'where: expected a tensor, got true',
    ],
    ['where of misfits', () => where(x.gt(0), ones([4]), 0), ShapeError, 'where: shapes'],
  ]);
});

describe('operands', () => {
  refuses([
    [
      'that do not broadcast',
      () => x.add(ones([2, 4])),
      ShapeError,
      'add: shapes [2, 3] and [2, 4] do not broadcast',
    ],
    ['of text', () => x.add('1' as Anything), ArgumentError, 'add: expected a tensor, got "1"'],
    [
      'that are missing',
      () => x.mul(undefined as Anything),
      ArgumentError,
      'mul: expected a tensor, got undefined',
    ],
    [
      'in an array',
      () => x.sub([1, 2, 3] as Anything),
      ArgumentError,
      'sub: expected a tensor, got an array of 3',
    ],
    ['of matmul that do not fit', () => x.matmul(x), ShapeError, 'matmul: inner sizes 3 and 2 differ'],
    ['of matmul that are scalars', () => x.matmul(tensor(1)), ShapeError, 'matmul'],
    [
      'of matmul that are integers',
      () => x.matmul(int([[1], [2], [3]])),
      DtypeError,
      'matmul: expected float32, got int32',
    ],
    ['that are bool in arithmetic', () => x.gt(0).neg(), DtypeError, 'bool'],
  ]);
});

describe('shapes to view', () => {
  refuses([
    ['of another size', () => x.view(4), ShapeError, 'view: cannot view shape [2, 3] (6 elements) as [4]'],
    ['that do not divide', () => x.view(-1, 4), ShapeError, 'as [-1, 4]'],
    ['with two sizes open', () => x.view(-1, -1), ShapeError, 'only one size may be -1'],
    ['that are negative', () => x.view(-2, 3), ShapeError, 'as [-2, 3]'],
    ['that are fractional', () => x.view(1.5, 4), ArgumentError, 'view: '],
    ['of a strided tensor', () => x.t().view(6), ShapeError, 'use reshape() or clone() first'],
    ['in nine dimensions', () => x.view(1, 1, 1, 1, 1, 1, 1, 2, 3), ShapeError, 'at most 8 dimensions'],
    [
      'to expand that are smaller',
      () => x.expand(4, 3),
      ShapeError,
      'size 2 at dimension 0 is neither 1 nor 4',
    ],
    [
      'to expand of fewer dimensions',
      () => x.expand(3),
      ShapeError,
      'expand: cannot expand shape [2, 3] to [3]',
    ],
    ['of t() in three dimensions', () => ones([1, 1, 1]).t(), ShapeError, 'use transpose(dim0, dim1)'],
  ]);
});

describe('dimensions', () => {
  refuses([
    ['of sum', () => x.sum(2), IndexError, 'sum: dim 2 is out of range for shape [2, 3], expected -2 to 1'],
    ['of sum, fractional', () => x.sum(0.5), ArgumentError, 'sum: '],
    ['of sum, twice', () => x.sum([0, -2]), ArgumentError, 'appears twice'],
    ['of softmax', () => x.softmax(-3), IndexError, 'softmax: dim -3 is out of range'],
    ['of softmax, NaN', () => x.logSoftmax(Number.NaN), ArgumentError, 'dim must be a whole number, got NaN'],
    ['of flatten', () => x.flatten(2), IndexError, 'flatten: dim 2 is out of range'],
    ['of flatten, in the wrong order', () => x.flatten(1, 0), ArgumentError, 'start 1 comes after end 0'],
    ['of transpose', () => x.transpose(0, 2), IndexError, 'transpose: dim 2 is out of range'],
    ['of permute, too few', () => x.permute(0), ArgumentError, 'must name each of the 2 dimensions'],
    ['of permute, twice', () => x.permute(0, 0), ArgumentError, 'must name each of the 2 dimensions'],
    ['of squeeze', () => x.squeeze(5), IndexError, 'squeeze: dim 5 is out of range'],
    ['of unsqueeze', () => x.unsqueeze(4), IndexError, 'unsqueeze: dim 4 is out of range'],
    ['of slice', () => x.slice(2), IndexError, 'slice: dim 2 is out of range'],
    ['of argmax', () => x.argmax(2), IndexError, 'argmax: dim 2 is out of range'],
    ['of max, of nothing', () => zeros([0, 3]).max(0), ShapeError, 'max: nothing to reduce'],
    ['of argmax, of nothing', () => zeros([0]).argmax(), ShapeError, 'argmax: nothing to reduce'],
  ]);
});

describe('other arguments', () => {
  refuses([
    ['a step of 0', () => x.slice(0, 0, 2, 0), ArgumentError, 'step must be 1 or more, got 0'],
    ['a step back', () => x.slice(0, 0, 2, -1), ArgumentError, 'step must be 1 or more, got -1'],
    ['a fractional start', () => x.slice(0, 0.5), ArgumentError, 'slice: '],
    ['split into nothing', () => x.split(0), ArgumentError, 'split: size must be a whole number from 1'],
    ['split into negative sizes', () => x.split([3, -1]), ArgumentError, 'split: each size must be'],
    ['split into sizes that do not add up', () => x.split([1, 2]), ShapeError, 'do not add up to 2'],
    ['no chunks', () => x.chunk(0), ArgumentError, 'chunk: expected a whole number from 1 on, got 0'],
    ['clamp without limits', () => x.clamp(), ArgumentError, 'clamp: expected min, max or both'],
    ['clamp to text', () => x.clamp('a' as Anything), ArgumentError, 'clamp: '],
    [
      'var corrected by NaN',
      () => x.var(0, { correction: Number.NaN }),
      ArgumentError,
      'correction must be a finite number',
    ],
    ['an unknown approximation', () => x.gelu({ approximate: 'x' as Anything }), ArgumentError, 'gelu: '],
    [
      'an unknown option of gelu',
      () => x.gelu({ exact: true } as Anything),
      ArgumentError,
      'unknown option "exact"',
    ],
    ['an unknown option of sum', () => x.sum(0, { keepdim: true } as Anything), ArgumentError, 'keepdim'],
    ['an unknown dtype', () => x.to('float16' as Anything), DtypeError, 'unknown dtype "float16"'],
    ['no dtype', () => x.to(undefined as Anything), ArgumentError, 'cast: '],
    ['item of many', () => x.item(), ShapeError, 'item: expected one element, this tensor has shape [2, 3]'],
    ['fill_ with text', () => zeros([1]).fill_('x' as Anything), ArgumentError, 'fill_: expected numbers'],
    ['fill_ of integers with fractions', () => int([1]).fill_(0.5), ArgumentError, '0.5 does not fit int32'],
    ['copy_ of another shape', () => zeros([2]).copy_(ones([3])), ShapeError, '[3]'],
    [
      'copy_ of text',
      () => zeros([2]).copy_('x' as Anything),
      ArgumentError,
      'copy_: expected a tensor or a number',
    ],
  ]);
});

describe('indices and labels', () => {
  const logits = zeros([2, 3], { requiresGrad: true });
  const loss = (labels: Tensor) => () => new nn.CrossEntropyLoss().forward(logits, labels);
  refuses([
    [
      'beyond the end',
      () => x.indexSelect(0, int([0, 2])),
      IndexError,
      'index 2 at position 1 is out of range for size 2',
    ],
    ['before the start', () => x.indexSelect(0, int([-1])), IndexError, 'index -1 at position 0'],
    ['of floats', () => x.indexSelect(0, tensor([1])), DtypeError, "index.to('int32')"],
    [
      'of no tensor',
      () => x.indexSelect(0, 1 as Anything),
      ArgumentError,
      'indexSelect: expected a tensor, got 1',
    ],
    ['of gather beyond the end', () => x.gather(1, int([[3]])), IndexError, 'gather: index 3 at position 0'],
    [
      'of gather in other dimensions',
      () => x.gather(1, int([0])),
      ShapeError,
      'different numbers of dimensions',
    ],
    ['of oneHot beyond the classes', () => oneHot(int([3]), 3), IndexError, 'oneHot: index 3 at position 0'],
    ['of oneHot without classes', () => oneHot(int([0]), 0), ArgumentError, 'oneHot: classes must be'],
    ['labels beyond the classes', loss(int([0, 3])), IndexError, 'label 3 at position 1 is out of range'],
    ['labels below 0', loss(int([-1, 0])), IndexError, 'label -1 at position 0'],
    ['fractional labels', loss(tensor([0.5, 1])), DtypeError, "labels.to('int32')"],
    ['too few labels', loss(int([0])), ShapeError, 'crossEntropy'],
    ['labels of no tensor', loss([0, 1] as Anything), ArgumentError, 'expected a tensor'],
  ]);

  test('refused ones leave no trace in gradients', () => {
    const model = new nn.Linear(3, 3);
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
    const before = model.weight.clone().toArray();
    optimizer.zeroGrad();
    expect(() => new nn.CrossEntropyLoss().forward(model.forward(x), int([0, 3])).backward()).toThrow(
      IndexError,
    );
    expect(model.weight.grad).toBeNull();
    optimizer.step();
    expect(model.weight.toArray()).toEqual(before);
  });
});

describe('options of optimizers', () => {
  const params = () => [tensor([1], { requiresGrad: true })];
  refuses([
    ['a learning rate of NaN', () => new optim.SGD(params(), { lr: Number.NaN }), ArgumentError, 'lr'],
    [
      'a negative learning rate',
      () => new optim.SGD(params(), { lr: -0.1 }),
      ArgumentError,
      'learning rate: -0.1',
    ],
    [
      'an infinite learning rate',
      () => new optim.SGD(params(), { lr: Number.POSITIVE_INFINITY }),
      ArgumentError,
      'lr',
    ],
    [
      'a learning rate of text',
      () => new optim.SGD(params(), { lr: '0.1' as Anything }),
      ArgumentError,
      'lr',
    ],
    ['no parameters', () => new optim.SGD([], { lr: 0.1 }), ArgumentError, 'empty'],
    [
      'an unknown option',
      () => new optim.SGD(params(), { learningRate: 1 } as Anything),
      ArgumentError,
      'learningRate',
    ],
  ]);
});

describe('a buffer that went to another thread', () => {
  /** So large that it has a buffer of its own. */
  const large = (dtype: 'float32' | 'int32' = 'float32') => zeros([1000], { dtype });

  function transferred<T extends Tensor>(tensor: T): T {
    const { port1, port2 } = new MessageChannel();
    port1.postMessage(tensor.data, [tensor.data.buffer as ArrayBuffer]);
    port1.close();
    port2.close();
    return tensor;
  }

  function cloned<T extends Tensor>(tensor: T): T {
    structuredClone(tensor.data, { transfer: [tensor.data.buffer as ArrayBuffer] });
    return tensor;
  }

  const gone = cloned(large());
  refuses([
    ['by postMessage', () => transferred(large()).add(1), StateError, 'detached'],
    ['by structuredClone', () => cloned(large()).add(1), StateError, 'detached'],
    [
      'read as an element',
      () =>
        cloned(zeros([1, 1000]))
          .slice(1, 0, 1)
          .item(),
      StateError,
      'detached',
    ],
    ['read as data', () => gone.data, StateError, 'detached'],
    ['read as arrays', () => gone.toArray(), StateError, 'detached'],
    ['viewed', () => gone.view(10, 100), StateError, 'detached'],
    ['sliced', () => gone.slice(0, 5), StateError, 'detached'],
    ['filled', () => gone.fill_(1), StateError, 'detached'],
    ['copied to', () => gone.copy_(large()), StateError, 'detached'],
    ['copied from', () => large().copy_(gone), StateError, 'detached'],
    ['as the right operand', () => large().mul(gone), StateError, 'detached'],
    ['concatenated', () => cat([large(), gone]), StateError, 'detached'],
    ['as an index', () => large().indexSelect(0, cloned(large('int32'))), StateError, 'detached'],
    [
      'as labels',
      () => new nn.CrossEntropyLoss().forward(zeros([1000, 2]), cloned(large('int32'))),
      StateError,
      'detached',
    ],
    [
      'as data',
      () => {
        const data = new Float32Array(1000);
        structuredClone(data, { transfer: [data.buffer] });
        return tensor(data);
      },
      StateError,
      'detached',
    ],
  ]);

  test('of a dataset', () => {
    const images = large();
    const loader = new DataLoader(new TensorDataset(images), { batchSize: 10 });
    cloned(images);
    expect(() => [...loader]).toThrow(StateError);
  });

  test('of a parameter, of which the others stay as they are', () => {
    const model = new nn.Sequential(new nn.Linear(40, 30), new nn.Linear(30, 40));
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
    const [first, , second] = model.parameters() as [Tensor, Tensor, Tensor];
    model
      .forward(ones([2, 40]))
      .sum()
      .backward();
    const before = first.clone().toArray();
    const state = Object.fromEntries(Object.entries(model.stateDict()).map(([name, x]) => [name, x.clone()]));
    cloned(second);
    expect(() => optimizer.step()).toThrow(StateError);
    expect(() => model.loadStateDict(state)).toThrow(StateError);
    expect(first.toArray()).toEqual(before);
  });

  test('of what is saved, and no file is left', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ferrograd-'));
    try {
      await expect(save({ gone }, join(folder, 'x.safetensors'))).rejects.toThrow(StateError);
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('is not that of a small tensor, which shares its buffer with others', () => {
    const [small, neighbour] = [tensor([1, 2]), tensor([3, 4])];
    try {
      structuredClone(small.data, { transfer: [small.data.buffer as ArrayBuffer] });
    } catch {
      // Newer versions of Node.js refuse to transfer it, older ones copy.
    }
    expect([small.toArray(), neighbour.toArray()]).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });
});
