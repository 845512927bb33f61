import {
  ArgumentError,
  DataLoader,
  type DType,
  IndexError,
  ShapeError,
  StateError,
  type Tensor,
  TensorDataset,
  tensor,
  zeros,
} from 'ferrograd';
import { describe, expect, it } from 'vitest';

/** Without the fast way: a loader goes by get(i) where that is not TensorDataset's own. */
function itemByItem<T>(dataset: { length: number; get(i: number): T }) {
  return { length: dataset.length, get: (i: number) => dataset.get(i) };
}

describe('TensorDataset', () => {
  const images = tensor(
    Float32Array.from({ length: 24 }, (_, i) => i / 7),
    { shape: [4, 2, 3] },
  );
  const labels = tensor(Int32Array.of(3, 1, 2, 0));

  it('gives rows, as views', () => {
    const dataset = new TensorDataset(images, labels);
    expect(dataset.length).toBe(4);
    const [image, label] = dataset.get(2);
    expect(image.shape).toEqual([2, 3]);
    expect(image.toArray()).toEqual(images.slice(0, 2, 3).view(2, 3).toArray());
    expect(label.shape).toEqual([]);
    expect(label.item()).toBe(2);
    const shared = tensor([[1], [2]]);
    const [row] = new TensorDataset(shared).get(1);
    shared.data[1] = 5;
    expect(row.item()).toBe(5);
  });

  it.each<DType>(['float32', 'int32', 'uint8', 'bool'])('gathers %s as item by item', (dtype) => {
    const dataset = new TensorDataset(images.mul(7).to(dtype), labels.to(dtype), zeros([4, 0], { dtype }));
    const options = { batchSize: 3, sampler: [3, 0, 0, 2, 1] };
    const fast = [...new DataLoader(dataset, options)];
    const slow = [...new DataLoader(itemByItem(dataset), options)];
    expect(fast).toHaveLength(2);
    for (const [i, batch] of fast.entries()) {
      for (const [j, x] of batch.entries()) {
        const y = slow[i]?.[j] as Tensor;
        expect(x.dtype).toBe(dtype);
        expect(x.shape).toEqual(y.shape);
        expect(x.data).toEqual(y.data);
      }
    }
  });

  it('follows changes of its tensors', () => {
    const x = tensor([[1], [2]]);
    const loader = new DataLoader(new TensorDataset(x), { batchSize: 2 });
    x.fill_(7);
    expect([...loader][0]?.[0].toArray()).toEqual([[7], [7]]);
  });

  it('takes strided tensors', () => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]).t();
    const dataset = new TensorDataset(x, tensor([[9]]).expand(3, 2));
    expect(dataset.get(1)[0].toArray()).toEqual([2, 5]);
    const [batch] = [...new DataLoader(dataset, { batchSize: 3 })];
    expect(batch?.[0].toArray()).toEqual([
      [1, 4],
      [2, 5],
      [3, 6],
    ]);
    expect(batch?.[1].toArray()).toEqual([
      [9, 9],
      [9, 9],
      [9, 9],
    ]);
  });

  it('yields to a subclass with a get of its own', () => {
    class Doubled extends TensorDataset<[Tensor]> {
      override get(index: number): [Tensor] {
        return [super.get(index)[0].mul(2)];
      }
    }
    expect([...new DataLoader(new Doubled(tensor([1, 2])), { batchSize: 2 })][0]?.[0].toArray()).toEqual([
      2, 4,
    ]);
    class Named extends TensorDataset<[Tensor]> {
      readonly name = 'n';
    }
    expect([...new DataLoader(new Named(tensor([1, 2])), { batchSize: 2 })][0]?.[0].toArray()).toEqual([
      1, 2,
    ]);
  });

  it('refuses tensors that do not belong together', () => {
    expect(() => new TensorDataset(zeros([4, 2]), zeros([3]))).toThrow(ShapeError);
    expect(() => new TensorDataset(zeros([4, 2]), zeros([3]))).toThrow('got shapes [4, 2], [3]');
    expect(() => new TensorDataset(zeros([]))).toThrow(ShapeError);
    expect(() => new TensorDataset()).toThrow(ArgumentError);
    expect(() => new TensorDataset([1, 2] as never)).toThrow(ArgumentError);
    expect(() => new TensorDataset(zeros([2], { requiresGrad: true }))).toThrow(ArgumentError);
  });

  it('refuses items that are not there', () => {
    const dataset = new TensorDataset(zeros([4, 2]));
    for (const index of [-1, 4, 0.5, Number.NaN, '0' as never]) {
      expect(() => dataset.get(index)).toThrow(IndexError);
    }
  });

  it('says so where a tensor has been disposed', () => {
    const x = zeros([4, 2]);
    const loader = new DataLoader(new TensorDataset(x), { batchSize: 2 });
    x[Symbol.dispose]();
    expect(() => [...loader]).toThrow(StateError);
  });
});
