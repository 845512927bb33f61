import { DataLoader, ImageDataset, type ImageTransform, type Tensor, tensor, transforms } from 'ferrograd';
import { describe, expect, it } from 'vitest';

const { toTensor, normalize, compose, lambda } = transforms;

/** Images that between them have every byte in every channel. */
function images(itemShape: readonly number[], options: object = {}) {
  const n = 40;
  const size = itemShape.reduce((a, b) => a * b, 1);
  return new ImageDataset({
    images: Uint8Array.from({ length: n * size }, (_, i) => i * 7 + Math.floor(i / 256)),
    itemShape,
    labels: Int32Array.from({ length: n }, (_, i) => i % 10),
    ...options,
  });
}

/** All batches made fast, and item by item; and whether the dataset had a fast way. */
function bothWays(dataset: ImageDataset) {
  let items = 0;
  const counted = Object.create(dataset, {}) as ImageDataset;
  const slow = { length: dataset.length, get: (i: number) => dataset.get(i) };
  const options = { batchSize: 16, sampler: [...Array(dataset.length).keys()].reverse() };
  const get = Object.getPrototypeOf(dataset).get;
  Object.getPrototypeOf(dataset).get = function (this: ImageDataset, i: number) {
    items++;
    return get.call(this, i);
  };
  try {
    const whole = [...new DataLoader(counted, options)];
    const fast = items === 0;
    return { whole, fast, single: [...new DataLoader(slow, options)] };
  } finally {
    Object.getPrototypeOf(dataset).get = get;
  }
}

function bits(tensor: Tensor): Uint8Array {
  const { buffer, byteOffset, byteLength } = tensor.data;
  return new Uint8Array(buffer, byteOffset, byteLength);
}

const gray = [16, 16];
const cases: [
  name: string,
  itemShape: readonly number[],
  transform: ImageTransform | undefined,
  fast: boolean,
][] = [
  ['nothing', gray, undefined, true],
  ['toTensor', gray, toTensor(), true],
  ['toTensor, with a dimension for the channel', [16, 16, 1], toTensor(), true],
  ['normalize', gray, compose(toTensor(), normalize(0.1307, 0.3081)), true],
  ['normalize, per channel', gray, compose([toTensor(), normalize([0.5], [0.5])]), true],
  ['normalize, awkward numbers', gray, compose(toTensor(), normalize(-3.3, 1e-3)), true],
  ['compose in compose', gray, compose(compose(toTensor()), compose(normalize(0.2, 0.7))), true],
  ['an empty compose', gray, compose(), false],
  ['normalize twice', gray, compose(toTensor(), normalize(0.1, 0.3), normalize(0.2, 0.7)), false],
  ['something foreign', gray, compose(toTensor(), (x: Tensor) => x.mul(2)), false],
  ['lambda', gray, lambda((x: Tensor) => x.to('float32').sub(1)), false],
  ['colours', [8, 8, 3], compose(toTensor(), normalize([0.1, 0.2, 0.3], [0.4, 0.5, 0.6])), false],
];

describe('batches of images', () => {
  it.each(cases)('with %s: the same bits, fast or item by item', (_, itemShape, transform, fast) => {
    const result = bothWays(images(itemShape, { transform }));
    expect(result.fast).toBe(fast);
    expect(result.whole).toHaveLength(3);
    for (const [i, [x, y]] of result.whole.entries()) {
      const [slowX, slowY] = result.single[i] as [Tensor, Tensor];
      expect(x.shape).toEqual(slowX.shape);
      expect(x.dtype).toBe(slowX.dtype);
      expect(Buffer.compare(bits(x), bits(slowX))).toBe(0);
      expect(y.dtype).toBe('int32');
      expect(y.data).toEqual(slowY.data);
    }
  });

  it('are what torchvision makes: float32, rounded after each step', () => {
    const [x] = [
      ...new DataLoader(images(gray, { transform: compose(toTensor(), normalize(0.1307, 0.3081)) })),
    ][0] as [Tensor, Tensor];
    const f = Math.fround;
    expect(x.shape).toEqual([1, 1, 16, 16]);
    for (let i = 0; i < 256; i++) {
      const byte = (i * 7) % 256;
      expect(x.data[i]).toBe(f(f(f(byte / 255) - f(0.1307)) / f(0.3081)));
    }
  });

  it("with a target transform of one's own", () => {
    const dataset = images(gray, { transform: toTensor(), targetTransform: (label: number) => label + 0.5 });
    const [, labels] = [...new DataLoader(dataset, { batchSize: 3 })][0] as [Tensor, Tensor];
    expect(labels.toArray()).toEqual([0.5, 1.5, 2.5]);
  });

  it('are fresh memory: changing one changes neither the dataset nor the next', () => {
    const loader = new DataLoader(images(gray), { batchSize: 2 });
    const before = [...loader][0]?.[0].toArray();
    [...loader][0]?.[0].data.fill(0);
    expect([...loader][0]?.[0].toArray()).toEqual(before);
  });

  it('do not pile up in a synchronous loop', () => {
    const n = 60_000;
    const options = { images: new Uint8Array(n * 784), itemShape: [28, 28], labels: new Int32Array(n) };
    const dataset = new ImageDataset({ ...options, transform: toTensor() });
    const loader = new DataLoader(dataset, { batchSize: 64, shuffle: true });
    const resident = Array.from({ length: 10 }, () => {
      let batches = 0;
      for (const [x] of loader) batches += x.ndim / 4;
      expect(batches).toBe(loader.length);
      return process.memoryUsage.rss() / 2 ** 20;
    });
    // An epoch makes 190 MB of batches.
    expect((resident.at(-1) as number) - (resident[2] as number)).toBeLessThan(40);
  });

  it('a transform that fails fails the same way', () => {
    const dataset = images([4, 4, 4, 4], { transform: toTensor() });
    expect(() => [...new DataLoader(dataset)]).toThrow('toTensor: expected [height, width]');
    const mismatch = images(gray, { transform: compose(toTensor(), normalize([0, 0, 0], [1, 1, 1])) });
    expect(() => [...new DataLoader(mismatch)]).toThrow(
      'normalize: expected [..., 3, height, width], got [1, 16, 16]',
    );
    const early = images(gray, { transform: normalize(0, 1) });
    expect(() => [...new DataLoader(early)]).toThrow('put toTensor() before it');
  });
});

describe('the transforms of an image', () => {
  it('make planes of channels', () => {
    const image = tensor(Uint8Array.from([0, 51, 102, 153, 204, 255]), { shape: [1, 2, 3] });
    expect(toTensor()(image).shape).toEqual([3, 1, 2]);
    expect(toTensor()(image).mul(5).toArray()).toEqual([[[0, 3]], [[1, 4]], [[2, 5]]]);
  });
});
