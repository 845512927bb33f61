import {
  type DType,
  eye,
  full,
  ones,
  randn,
  type Shape,
  type Tensor,
  type TensorLike,
  tensor,
  zeros,
} from 'ferrograd';
import { describe, expectTypeOf, test } from 'vitest';

declare const plain: Tensor;
declare const batch: Tensor<[number, 784]>;
declare const n: number;

describe('creation', () => {
  test('literal sizes are known', () => {
    expectTypeOf(zeros([2, 3]).shape).toEqualTypeOf<[2, 3]>();
    expectTypeOf(ones([]).shape).toEqualTypeOf<[]>();
    expectTypeOf(full([4], 1).shape).toEqualTypeOf<[4]>();
    expectTypeOf(randn([n, 3]).shape).toEqualTypeOf<[number, 3]>();
    expectTypeOf(zeros([28 * 28]).shape).toEqualTypeOf<[number]>();
    expectTypeOf(eye(3).shape).toEqualTypeOf<[3, 3]>();
    expectTypeOf(tensor([1, 2, 3, 4], { shape: [2, 2] }).shape).toEqualTypeOf<[2, 2]>();
    expectTypeOf(tensor([[1]]).shape).toEqualTypeOf<Shape>();
    expectTypeOf(zeros(plain.shape).shape).toEqualTypeOf<Shape>();
  });

  test('a tensor of known shape is a tensor', () => {
    expectTypeOf(zeros([2, 3])).toExtend<Tensor>();
    expectTypeOf(zeros([2, 3])).toExtend<Tensor<[number, 3]>>();
    expectTypeOf(zeros([2, 3])).not.toExtend<Tensor<[2, 4]>>();
    expectTypeOf(plain).not.toExtend<Tensor<[2, 4]>>();
    expectTypeOf([zeros([2]), zeros([3, 3]), plain]).toExtend<Tensor[]>();
  });
});

describe('elementwise', () => {
  test('functions keep the shape', () => {
    const x = zeros([2, 3]);
    for (const y of [x.exp(), x.relu(), x.clamp(0, 1), x.softmax(), x.detach(), x.clone(), x.to('int32')]) {
      expectTypeOf(y.shape).toEqualTypeOf<[2, 3]>();
    }
    expectTypeOf(x.grad).toEqualTypeOf<Tensor<[2, 3]> | null>();
    expectTypeOf(x.dtype).toEqualTypeOf<DType>();
    expectTypeOf(plain.relu().shape).toEqualTypeOf<Shape>();
  });

  test('operands are broadcast', () => {
    const x = zeros([2, 3]);
    expectTypeOf(x.add(1).shape).toEqualTypeOf<[2, 3]>();
    expectTypeOf(x.mul(x).shape).toEqualTypeOf<[2, 3]>();
    expectTypeOf(x.sub(zeros([3])).shape).toEqualTypeOf<[2, 3]>();
    expectTypeOf(zeros([3]).div(x).shape).toEqualTypeOf<[2, 3]>();
    expectTypeOf(zeros([4, 1]).pow(zeros([1, 5])).shape).toEqualTypeOf<[4, 5]>();
    expectTypeOf(zeros([7, 4, 1]).maximum(zeros([4, 5])).shape).toEqualTypeOf<[7, 4, 5]>();
    expectTypeOf(x.gt(zeros([])).shape).toEqualTypeOf<[2, 3]>();
    expectTypeOf(batch.add(batch).shape).toEqualTypeOf<[number, 784]>();
    expectTypeOf(batch.add(zeros([784])).shape).toEqualTypeOf<[number, 784]>();
    expectTypeOf(zeros([64, 1]).add(batch).shape).toEqualTypeOf<[64, 784]>();
  });

  test('where a shape is not known, that of the result is not', () => {
    expectTypeOf(plain.add(zeros([3])).shape).toEqualTypeOf<Shape>();
    expectTypeOf(zeros([3]).add(plain).shape).toEqualTypeOf<Shape>();
    expectTypeOf(plain.add(2).shape).toEqualTypeOf<Shape>();
    expectTypeOf(zeros([3]).add(1 as TensorLike).shape).toEqualTypeOf<Shape>();
    expectTypeOf(zeros([3]).add(zeros([4])).shape).toEqualTypeOf<Shape>();
  });

  test('inside functions of any shape', () => {
    const scaled = <S extends Shape>(x: Tensor<S>): Tensor<S> => x.add(1).mul(2).relu().neg();
    expectTypeOf(scaled(zeros([5])).shape).toEqualTypeOf<[5]>();
    const summed = (x: Tensor, y: TensorLike): Tensor => x.add(y).sum();
    expectTypeOf(summed(zeros([5]), 1)).toEqualTypeOf<Tensor>();
  });
});

describe('products', () => {
  test('of matrices, vectors and batches', () => {
    expectTypeOf(zeros([2, 3]).matmul(zeros([3, 4])).shape).toEqualTypeOf<[2, 4]>();
    expectTypeOf(batch.matmul(zeros([784, 10])).shape).toEqualTypeOf<[number, 10]>();
    expectTypeOf(zeros([3]).matmul(zeros([3])).shape).toEqualTypeOf<[]>();
    expectTypeOf(zeros([2, 3]).matmul(zeros([3])).shape).toEqualTypeOf<[2]>();
    expectTypeOf(zeros([3]).matmul(zeros([3, 4])).shape).toEqualTypeOf<[4]>();
    expectTypeOf(zeros([8, 2, 3]).matmul(zeros([3, 4])).shape).toEqualTypeOf<[8, 2, 4]>();
    expectTypeOf(zeros([8, 1, 2, 3]).matmul(zeros([5, 3, 4])).shape).toEqualTypeOf<[8, 5, 2, 4]>();
    expectTypeOf(plain.matmul(zeros([3, 4])).shape).toEqualTypeOf<Shape>();
    expectTypeOf(zeros([2, 3]).matmul(plain).shape).toEqualTypeOf<Shape>();
  });

  test('inner sizes that differ do not compile', () => {
    // @ts-expect-error 3 against 5
    zeros([2, 3]).matmul(zeros([5, 4]));
    // @ts-expect-error 784 against 10
    batch.matmul(zeros([10, 784]));
    // @ts-expect-error 3 against 2
    zeros([2, 3]).matmul(zeros([2]));
  });
});

describe('shapes', () => {
  test('view and its like', () => {
    expectTypeOf(plain.view(-1, 784).shape).toEqualTypeOf<[number, 784]>();
    expectTypeOf(plain.view(-1, 28 * 28).shape).toEqualTypeOf<[number, number]>();
    expectTypeOf(plain.reshape([6, 4]).shape).toEqualTypeOf<[6, 4]>();
    expectTypeOf(plain.reshape(plain.shape).shape).toEqualTypeOf<Shape>();
    expectTypeOf(plain.view(...plain.shape).shape).toEqualTypeOf<Shape>();
    expectTypeOf(zeros([1, 3]).expand(4, -1).shape).toEqualTypeOf<[4, number]>();
  });

  test('flatten, squeeze, unsqueeze', () => {
    expectTypeOf(zeros([2, 3]).flatten().shape).toEqualTypeOf<[number]>();
    expectTypeOf(zeros([64, 1, 28, 28]).flatten(1).shape).toEqualTypeOf<[64, number]>();
    expectTypeOf(zeros([64, 784]).flatten(1).shape).toEqualTypeOf<[64, 784]>();
    expectTypeOf(plain.flatten(1).shape).toEqualTypeOf<Shape>();
    expectTypeOf(zeros([2, 3]).unsqueeze(0).shape).toEqualTypeOf<[1, 2, 3]>();
    expectTypeOf(zeros([2, 3]).unsqueeze(1).shape).toEqualTypeOf<[2, 1, 3]>();
    expectTypeOf(zeros([2, 3]).unsqueeze(-1).shape).toEqualTypeOf<[2, 3, 1]>();
    expectTypeOf(zeros([2, 3]).unsqueeze(n).shape).toEqualTypeOf<Shape>();
    expectTypeOf(zeros([2, 1]).squeeze().shape).toEqualTypeOf<Shape>();
  });

  test('transposition', () => {
    expectTypeOf(zeros([2, 3]).t().shape).toEqualTypeOf<[3, 2]>();
    expectTypeOf(zeros([2]).t().shape).toEqualTypeOf<[2]>();
    expectTypeOf(zeros([2, 3, 4]).transpose(0, -1).shape).toEqualTypeOf<[4, 3, 2]>();
    expectTypeOf(zeros([2, 3, 4]).transpose(-2, -1).shape).toEqualTypeOf<[2, 4, 3]>();
    expectTypeOf(zeros([2, 3, 4]).permute(2, 0, 1).shape).toEqualTypeOf<[4, 2, 3]>();
    expectTypeOf(zeros([2, 3, 4]).permute([-1, 0, 1]).shape).toEqualTypeOf<[4, 2, 3]>();
    expectTypeOf(plain.transpose(0, 1).shape).toEqualTypeOf<Shape>();
  });

  test('selection', () => {
    const index = tensor([0], { shape: [1], dtype: 'int32' });
    expectTypeOf(zeros([4, 3]).slice(0, 1, 3).shape).toEqualTypeOf<[number, 3]>();
    expectTypeOf(zeros([4, 3]).slice(-1, 1).shape).toEqualTypeOf<[4, number]>();
    expectTypeOf(zeros([4, 3]).indexSelect(1, index).shape).toEqualTypeOf<[4, number]>();
    expectTypeOf(zeros([4]).gather(0, index).shape).toEqualTypeOf<[1]>();
  });
});

describe('reductions', () => {
  test('of everything give a scalar', () => {
    const x = zeros([2, 3]);
    for (const y of [x.sum(), plain.mean(), x.max(), x.argmax(), x.all(), x.var(), x.std(), x.logSumExp()]) {
      expectTypeOf(y.shape).toEqualTypeOf<[]>();
    }
  });

  test('of one dimension leave the others', () => {
    const x = zeros([2, 3, 4]);
    expectTypeOf(x.sum(1).shape).toEqualTypeOf<[2, 4]>();
    expectTypeOf(x.mean(-1).shape).toEqualTypeOf<[2, 3]>();
    expectTypeOf(x.prod(0, { keepDim: true }).shape).toEqualTypeOf<[1, 3, 4]>();
    expectTypeOf(x.max(1).values.shape).toEqualTypeOf<[2, 4]>();
    expectTypeOf(x.min(1, { keepDim: true }).indices.shape).toEqualTypeOf<[2, 1, 4]>();
    expectTypeOf(x.argmax(1).shape).toEqualTypeOf<[2, 4]>();
    expectTypeOf(x.sum(undefined, { keepDim: true }).shape).toEqualTypeOf<[1, 1, 1]>();
    expectTypeOf(x.sum([0, 1]).shape).toEqualTypeOf<Shape>();
    expectTypeOf(x.sum(n).shape).toEqualTypeOf<Shape>();
    expectTypeOf(plain.sum(1).shape).toEqualTypeOf<Shape>();
  });
});
