import { ArgumentError, datasets } from 'ferrograd';
import { describe, expect, it } from 'vitest';

const { syntheticDigits } = datasets;

describe('syntheticDigits', () => {
  it('gives as many digits as MNIST, in the same shapes', () => {
    const train = syntheticDigits();
    expect(train.length).toBe(60_000);
    expect(train.classes).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    const [image, label] = train.get(0);
    expect(image.shape).toEqual([28, 28]);
    expect(image.dtype).toBe('uint8');
    expect(train.labels[0]).toBe(label);
    expect(syntheticDigits({ train: false }).length).toBe(10_000);
  });

  it('is as balanced as can be', () => {
    for (const train of [true, false]) {
      const counts = new Array(10).fill(0);
      for (const label of syntheticDigits({ train, length: 1000 }).labels) counts[label]++;
      expect(counts).toEqual(new Array(10).fill(100));
    }
  });

  it('gives the same digits for the same seed, others for another, and others for the test', () => {
    const options = { seed: 5, length: 50 };
    const { images, labels } = syntheticDigits(options);
    const again = syntheticDigits(options);
    expect(again.images).toEqual(images);
    expect(again.labels).toEqual(labels);
    const longer = syntheticDigits({ ...options, length: 60 });
    expect(longer.images.subarray(0, images.length)).toEqual(images);
    for (const other of [
      syntheticDigits({ ...options, seed: 6 }),
      syntheticDigits({ ...options, train: false }),
    ]) {
      expect(other.images).not.toEqual(images);
      expect(other.labels).not.toEqual(labels);
    }
  });

  it('applies the transforms', () => {
    const data = syntheticDigits({
      length: 3,
      transform: (image) => image,
      targetTransform: (label) => -label,
    });
    expect(data.get(1)[1]).toBe(-(data.labels[1] as number));
  });

  it.each([
    [{ seed: -1 }, /seed must be a whole number from 0 to 2⁵³ − 1, got -1/],
    [{ seed: 0.5 }, /seed must be/],
    [{ seed: Number.NaN }, /seed must be/],
    [{ seed: 2 ** 53 }, /seed must be/],
    [{ length: 0 }, /length must be a whole number from 1 .*, got 0/],
    [{ length: 1.5 }, /length must be/],
    [{ length: 1e9 }, /length must be at most 2000000, got 1000000000/],
    [{ train: 'no' }, /train must be true or false, got "no"/],
    [{ size: 28 }, /unknown option "size"/],
    [5, /expected options .* got 5/],
  ])('refuses %o', (options, message) => {
    const draw = () => syntheticDigits(options as object);
    expect(draw).toThrow(ArgumentError);
    expect(draw).toThrow(message);
  });
});
