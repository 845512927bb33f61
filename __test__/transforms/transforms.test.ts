import { ArgumentError, DtypeError, ShapeError, type Tensor, tensor, transforms, zeros } from 'ferrograd';
import { describe, expect, expectTypeOf, it } from 'vitest';

const { toTensor, normalize, compose, lambda } = transforms;

describe('toTensor', () => {
  it('makes [0, 1] of bytes, channels first', () => {
    const gray = toTensor()(tensor(Uint8Array.from([0, 255, 51, 128]), { shape: [2, 2] }));
    expect(gray.dtype).toBe('float32');
    expect(gray.toArray()).toEqual([
      [
        [0, 1],
        [Math.fround(0.2), Math.fround(128 / 255)],
      ],
    ]);
    const colours = toTensor()(tensor(Uint8Array.from([0, 255, 255, 0]), { shape: [1, 2, 2] }));
    expect(colours.toArray()).toEqual([[[0, 1]], [[1, 0]]]);
  });

  it('refuses what is no image', () => {
    expect(() => toTensor()(zeros([2, 2]))).toThrow(DtypeError);
    expect(() => toTensor()(zeros([2], { dtype: 'uint8' }))).toThrow(ShapeError);
    expect(() => toTensor()(zeros([1, 2, 2, 2], { dtype: 'uint8' }))).toThrow(ShapeError);
    expect(() => toTensor()([[1]] as never)).toThrow(ArgumentError);
  });
});

describe('normalize', () => {
  it('takes mean and std of all channels, or of each', () => {
    const x = tensor([[[1]], [[2]], [[3]]]);
    expect(normalize(1, 2)(x).toArray()).toEqual([[[0]], [[0.5]], [[1]]]);
    expect(normalize([1, 2, 3], [1, 2, 4])(x.add(4)).toArray()).toEqual([[[4]], [[2]], [[1]]]);
    expect(normalize([1, 2, 3], 2)(x).toArray()).toEqual([[[0]], [[0]], [[0]]]);
  });

  it('takes batches', () => {
    const images = normalize([1, 2], [1, 1])(zeros([5, 2, 1, 1]));
    expect(images.shape).toEqual([5, 2, 1, 1]);
    expect(images.slice(0, 4).toArray()).toEqual([[[[-1]], [[-2]]]]);
  });

  it('refuses numbers that make no sense', () => {
    for (const std of [
      0,
      -1,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      1e-60,
      [],
      [1, 0],
      '1' as never,
      null as never,
    ]) {
      expect(() => normalize(0, std)).toThrow(ArgumentError);
    }
    for (const mean of [Number.NaN, 1e300, [], [1, Number.NaN], undefined as never]) {
      expect(() => normalize(mean, 1)).toThrow(ArgumentError);
    }
    expect(() => normalize([1, 2], [1, 2, 3])).toThrow(ArgumentError);
  });

  it('refuses images of other channels or types', () => {
    expect(() => normalize([1, 2], [1, 2])(zeros([3, 4, 4]))).toThrow(ShapeError);
    expect(() => normalize([1, 2], [1, 2])(zeros([2, 2]))).toThrow(ShapeError);
    expect(() => normalize(0, 1)(zeros([1, 2, 2], { dtype: 'uint8' }))).toThrow(DtypeError);
    expect(() => normalize(0, 1)(7 as never)).toThrow(ArgumentError);
  });
});

describe('compose', () => {
  it('applies one after another, given one by one or as an array', () => {
    const [half, next] = [(x: number) => x / 2, (x: number) => x + 1];
    expect(compose(half, next)(4)).toBe(3);
    expect(compose([next, half])(4)).toBe(2.5);
    expect(compose<number>()(4)).toBe(4);
    expect(compose(half, half, half, half, half)(32)).toBe(1);
  });

  it('knows the types from end to end', () => {
    const length = compose(
      (x: number) => 'x'.repeat(x),
      (text: string) => text.length > 2,
    );
    expectTypeOf(length).parameters.toEqualTypeOf<[number]>();
    expectTypeOf(length).returns.toEqualTypeOf<boolean>();
    expect(length(3)).toBe(true);
    expectTypeOf(compose(toTensor(), normalize(0, 1))).returns.toEqualTypeOf<Tensor>();
    const text = (x: number) => String(x);
    // @ts-expect-error the first gives a string, the second takes a number
    compose(text, (x: number) => x);
  });

  it('does not follow an array that is changed afterwards', () => {
    const list = [(x: number) => x + 1];
    const composed = compose(list);
    list.push((x) => x * 100);
    expect(composed(1)).toBe(2);
  });

  it('refuses what is not a function', () => {
    expect(() => compose(toTensor(), 3 as never)).toThrow(ArgumentError);
    expect(() => lambda(3 as never)).toThrow(ArgumentError);
  });

  it('says what it computes where it can be said', () => {
    expect(compose(toTensor(), normalize(0.1, 0.3)).affine).toEqual({ divide: 255, mean: [0.1], std: [0.3] });
    expect(compose(normalize(0.1, 0.3), toTensor()).affine).toBeUndefined();
    expect(
      compose(
        toTensor(),
        lambda((x: Tensor) => x),
      ).affine,
    ).toBeUndefined();
    expect(compose<Tensor>().affine).toBeUndefined();
  });
});
