import {
  type Batch,
  DataLoader,
  Dataset,
  datasets,
  randomSplit,
  type Tensor,
  TensorDataset,
  tensor,
  transforms,
  zeros,
} from 'ferrograd';
import { describe, expectTypeOf, test } from 'vitest';

/** What a loader gives, both ways. */
function check<B>(loader: Iterable<B> & AsyncIterable<B>): B {
  for (const batch of loader) return batch;
  throw new Error('empty');
}

/** Compiles where each of the types is assignable to the other, and neither is any. */
function same<A extends B, B>(..._: 0 extends 1 & A ? [never] : [B] extends [A] ? [] : [never]): void {}

describe('the type of a batch', () => {
  test('follows from the type of an item', () => {
    same<Batch<[Tensor, number]>, [Tensor, Tensor]>();
    same<Batch<readonly [Tensor, boolean, string]>, [Tensor, Tensor, string[]]>();
    expectTypeOf<Batch<{ image: Tensor; label: 'cat' | 'dog'; box: [number, number] }>>().toEqualTypeOf<{
      image: Tensor;
      label: string[];
      box: [Tensor, Tensor];
    }>();
    expectTypeOf<Batch<number>>().toEqualTypeOf<Tensor>();
    expectTypeOf<Batch<boolean>>().toEqualTypeOf<Tensor>();
    expectTypeOf<Batch<Tensor[]>>().toEqualTypeOf<Tensor[]>();
    expectTypeOf<Batch<Tensor<[3, 4]>>>().toEqualTypeOf<Tensor<[number, 3, 4]>>();
    // biome-ignore lint/suspicious/noExplicitAny: what a loader of anything gives
    expectTypeOf<Batch<any>>().toBeAny();
  });

  test('of images is a pair of tensors', () => {
    const loader = new DataLoader(datasets.syntheticDigits({ transform: transforms.toTensor() }), {
      batchSize: 64,
    });
    for (const [inputs, labels] of loader) {
      expectTypeOf(inputs).toEqualTypeOf<Tensor>();
      expectTypeOf(labels).toEqualTypeOf<Tensor>();
    }
  });

  test('of tensors knows the sizes of an item', () => {
    const dataset = new TensorDataset(zeros([100, 784]), tensor(Int32Array.of(1)));
    expectTypeOf(check(new DataLoader(dataset))[0]).toEqualTypeOf<Tensor<[number, 784]>>();
    expectTypeOf(check(new DataLoader(randomSplit(dataset, [0.5, 0.5])[0]))[0]).toEqualTypeOf<
      Tensor<[number, 784]>
    >();
  });

  test('is what collate gives', () => {
    const dataset = new TensorDataset(zeros([100, 784]));
    const loader = new DataLoader(dataset, { collate: (items) => items.map(([row]) => row.item()) });
    expectTypeOf(check(loader)).toEqualTypeOf<number[]>();
  });

  test('is the same where get gives a promise', () => {
    class Later extends Dataset<[Tensor, number]> {
      readonly length = 1;
      async get(): Promise<[Tensor, number]> {
        return [zeros([1]), 0];
      }
    }
    const batch = check(new DataLoader(new Later()));
    same<typeof batch, [Tensor, Tensor]>();
    expectTypeOf(check(new DataLoader({ length: 1, get: async (i: number) => ({ i }) }))).toEqualTypeOf<{
      i: Tensor;
    }>();
  });
});

describe('options', () => {
  test('are those that exist', () => {
    const dataset = new TensorDataset(zeros([1]));
    new DataLoader(dataset, { batchSize: 2, shuffle: true, dropLast: false, sampler: [1, 2] });
    // @ts-expect-error there are no workers
    new DataLoader(dataset, { numWorkers: 2 });
    // @ts-expect-error not a dataset
    new DataLoader([1, 2]);
  });
});
