import { ArgumentError, ImageDataset, IndexError, type Tensor } from 'ferrograd';
import { describe, expect, it } from 'vitest';

describe('ImageDataset', () => {
  const images = Uint8Array.from({ length: 12 }, (_, i) => i * 20);
  const good = { images, itemShape: [2, 2], labels: Int32Array.of(2, 0, 1) };

  it('gives each image with its label', () => {
    const data = new ImageDataset(good);
    expect(data.length).toBe(3);
    expect(data.classes).toEqual([]);
    const [image, label] = data.get(1);
    expect(image.dtype).toBe('uint8');
    expect(image.toArray()).toEqual([
      [80, 100],
      [120, 140],
    ]);
    expect(label).toBe(0);
  });

  it('gives copies: to change an item does not change the data', () => {
    const data = new ImageDataset(good);
    data.get(0)[0].data[0] = 9;
    expect(images[0]).toBe(0);
  });

  it('applies the transforms, each time anew', () => {
    let calls = 0;
    const transform = (image: Tensor) => {
      calls++;
      return image.to('float32').div(20);
    };
    const data = new ImageDataset({ ...good, transform, targetTransform: (label) => label * 10 });
    for (let i = 0; i < 2; i++) {
      const [image, label] = data.get(2);
      expect(image.toArray()).toEqual([
        [8, 9],
        [10, 11],
      ]);
      expect(label).toBe(10);
    }
    expect(calls).toBe(2);
  });

  it('has no other items', () => {
    for (const index of [-1, 3, 0.5, Number.NaN, '0' as unknown as number]) {
      expect(() => new ImageDataset(good).get(index)).toThrow(IndexError);
    }
  });

  it.each<[string, object, typeof ArgumentError | typeof IndexError, RegExp]>([
    [
      'too few bytes',
      { images: images.subarray(1) },
      ArgumentError,
      /3 labels need 12 bytes .*\[2, 2\], got 11/,
    ],
    ['too few labels', { labels: Int32Array.of(1) }, ArgumentError, /1 labels need 4 bytes .*, got 12/],
    ['a shape with a hole', { itemShape: [4, 0] }, ArgumentError, /itemShape must be positive integers/],
    ['a fractional shape', { itemShape: [0.5, 8] }, ArgumentError, /itemShape must be positive integers/],
    [
      'other arrays',
      { images: new Float32Array(12) },
      ArgumentError,
      /got a Float32Array, an array of 2 and/,
    ],
    [
      'a label without a class',
      { classes: ['a', 'b'] },
      IndexError,
      /label 2 of image 0 is not one of the 2 classes/,
    ],
    [
      'a negative label',
      { labels: Int32Array.of(0, -1, 0), classes: ['a'] },
      IndexError,
      /label -1 of image 1/,
    ],
    [
      'a transform that is none',
      { transform: 'flip' },
      ArgumentError,
      /transform must be a function, got "flip"/,
    ],
    ['an unknown option', { label: [] }, ArgumentError, /unknown option "label"/],
  ])('refuses %s', (_, wrong, type, message) => {
    const make = () => new ImageDataset({ ...good, ...wrong });
    expect(make).toThrow(type);
    expect(make).toThrow(message);
  });
});
