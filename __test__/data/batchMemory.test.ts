import {
  DataLoader,
  ImageDataset,
  IndexError,
  nn,
  noGrad,
  optim,
  StateError,
  type Tensor,
  transforms,
} from 'ferrograd';
import { describe, expect, it } from 'vitest';

const count = 40;
const batchSize = 16; // the last batch is smaller

function dataset(side = 16) {
  const images = Uint8Array.from({ length: count * side * side }, (_, i) => (i * 31 + (i >> 8)) % 256);
  const labels = Int32Array.from({ length: count }, (_, i) => i % 10);
  return new ImageDataset({ images, itemShape: [side, side], labels, transform: transforms.toTensor() });
}

/** What the batches must be, made item by item. */
function expected(data: ImageDataset): number[][] {
  const batches = [...new DataLoader(data, { batchSize, collate: (items) => items })];
  return batches.map((items) => items.flatMap(([image]) => [...image.data]));
}

const images = (data = dataset()) => [...new DataLoader(data, { batchSize })].map(([x]) => x);
const elements = (tensor: Tensor) => [...tensor.data];

describe('a batch of images', () => {
  it.each([2, 16, 32])('has its numbers whenever they are asked for, images of %i × %i', (side) => {
    const data = dataset(side);
    const wanted = expected(data);
    const held = images(data);
    const views = held.map((x) => x.view(-1));
    const parts = held.map((x) => x.slice(0, 1, 3));
    const constants = held.map((x) => x.detach());
    const row = side * side;
    expect(held.map((x) => elements(x.mul(1)))).toEqual(wanted);
    expect(views.map((x) => elements(x.mul(1)))).toEqual(wanted);
    expect(parts.map((x) => elements(x.mul(1)))).toEqual(wanted.map((x) => x.slice(row, 3 * row)));
    expect(constants.map(elements)).toEqual(wanted);
    expect(held.map(elements)).toEqual(wanted);
    expect(views.map((x) => x.toArray())).toEqual(wanted);
    for (const [i, x] of held.entries()) expect(x.view(-1).data.buffer).toBe(constants[i]?.data.buffer);
  });

  it('lies where the last one did', () => {
    const buffers = [];
    for (const [x] of new DataLoader(dataset(), { batchSize, dropLast: true })) {
      buffers.push((x as unknown as { array: Float32Array }).array.buffer);
    }
    expect(buffers.length).toBe(2);
    expect(buffers[1]).toBe(buffers[0]);
  });

  it('is what the derivative of earlier steps reads', () => {
    const layer = new nn.Linear(256, 3);
    const loss = (x: Tensor) => layer.forward(x.view(-1, 256)).pow(2).sum();
    const gradient = (losses: Tensor[]) => {
      layer.weight.grad = null;
      losses.reduce((a, b) => a.add(b)).backward();
      return layer.weight.grad as Tensor | null;
    };
    const later = gradient(images().map(loss));
    const atOnce = gradient(images().map((x) => loss(noGrad(() => x.clone()))));
    expect(later?.toArray()).toEqual(atOnce?.toArray());
  });

  it('is nobody else’s once its array is known', () => {
    const iterator = new DataLoader(dataset(), { batchSize })[Symbol.iterator]();
    const next = () => (iterator.next().value as [Tensor, Tensor])[0];
    const [first, second] = [next().data, next().data];
    expect(second.buffer).not.toBe(first.buffer);
    first.fill(7);
    const third = next();
    expect([...new Set(first)]).toEqual([7]);
    expect([elements(third), [...second]]).toEqual([expected(dataset())[2], expected(dataset())[1]]);
  });

  it.each<[string, (x: Tensor) => void]>([
    ['fill_', (x) => x.fill_(2)],
    ['copy_ to a view', (x) => x.view(-1).copy_(2)],
    ['init', (x) => nn.init.constant_(x, 2)],
    ['data', (x) => x.data.fill(2)],
  ])('stays what %s has made of it', (_, write) => {
    for (const late of [false, true]) {
      const held: Tensor[] = [];
      for (const [x] of new DataLoader(dataset(), { batchSize })) {
        if (!late) write(x);
        held.push(x);
      }
      if (late) held.forEach(write);
      expect(new Set(held.flatMap((x) => elements(x.mul(1))))).toEqual(new Set([2]));
    }
    expect(images().map(elements)).toEqual(expected(dataset()));
  });

  it('can be what an optimizer changes', () => {
    for (const wrap of [(x: Tensor) => x, (x: Tensor) => new nn.Parameter(x)]) {
      const held = images().map(wrap);
      for (const x of held) x.requiresGrad = true;
      const sgd = new optim.SGD(held, { lr: 1 });
      held.map((x) => x.sum()).forEach((sum) => void sum.backward());
      sgd.step();
      const wanted = expected(dataset()).map((batch) => batch.map((x) => Math.fround(x - 1)));
      expect(held.map((x) => elements(x.mul(1).detach()))).toEqual(wanted);
    }
  });

  it('does not disturb that of another iteration of the loader', () => {
    const loader = new DataLoader(dataset(), { batchSize });
    const pairs: number[][][] = [];
    const other = loader[Symbol.iterator]();
    for (const [x] of loader) {
      const [y] = other.next().value as [Tensor, Tensor];
      pairs.push([elements(x.sub(y).abs()), elements(y.mul(1))]);
    }
    expect(pairs).toEqual(expected(dataset()).map((batch) => [batch.map(() => 0), batch]));
  });

  it('is gone for all its views where its array was transferred', () => {
    const [x, ...others] = images() as [Tensor, ...Tensor[]];
    const [before, after] = [x.view(-1), x.slice(0, 1)];
    structuredClone(x.data, { transfer: [x.data.buffer as ArrayBuffer] });
    for (const gone of [x, before, after]) expect(() => gone.mul(1)).toThrow(StateError);
    expect(others.map(elements)).toEqual(expected(dataset()).slice(1));
  });

  it('says so where the images are gone that it is made from', () => {
    const data = dataset();
    const held = images(data);
    structuredClone(data.images, { transfer: [data.images.buffer as ArrayBuffer] });
    expect(() => held[0]?.mul(1)).toThrow(IndexError);
    expect(elements(held[2] as Tensor).length).toBe(8 * 256); // the last one is still there
  });

  it('can be disposed of, before and after the next one', () => {
    for (const late of [false, true]) {
      const held: Tensor[] = [];
      for (const [x] of new DataLoader(dataset(), { batchSize })) {
        const view = x.view(-1);
        if (!late) x[Symbol.dispose]();
        held.push(x, view);
      }
      held.forEach((x, i) => {
        if (i % 2 === 0) x[Symbol.dispose]();
      });
      expect(() => held[0]?.mul(1)).toThrow(/detached|disposed/);
      expect(held.filter((_, i) => i % 2 === 1).map(elements)).toEqual(expected(dataset()));
    }
  });
});
