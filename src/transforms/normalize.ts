import { tensor } from '../creation.js';
import { ArgumentError, DtypeError, ShapeError } from '../errors.js';
import { describe, formatShape } from '../shape.js';
import { Tensor } from '../tensor.js';
import type { Transform } from './transform.js';

function perChannel(name: string, value: number | readonly number[]): readonly number[] {
  const values = typeof value === 'number' ? [value] : value;
  if (
    !Array.isArray(values) ||
    values.length === 0 ||
    !values.every((x) => Number.isFinite(Math.fround(x)))
  ) {
    const got = Array.isArray(values) ? formatShape(values) : describe(values);
    throw new ArgumentError(`normalize: ${name} must be a finite number or an array of them, got ${got}`);
  }
  return Object.freeze([...values]);
}

/** Numbers that broadcast over height and width. */
function alongChannels(values: readonly number[]): Tensor {
  return tensor(values, { shape: values.length === 1 ? [] : [values.length, 1, 1] });
}

/**
 * (x − mean) / std for float32 images of shape [..., channels, height, width], as torchvision's `Normalize`.
 *
 * @param mean a number for all channels, or one for each.
 * @param std likewise; above 0.
 * @throws ArgumentError
 */
export function normalize(
  mean: number | readonly number[],
  std: number | readonly number[],
): Transform<Tensor, Tensor> {
  const affine = { mean: perChannel('mean', mean), std: perChannel('std', std) };
  const channels = Math.max(affine.mean.length, affine.std.length);
  for (const [name, { length }] of Object.entries(affine)) {
    if (length !== 1 && length !== channels) {
      throw new ArgumentError(`normalize: expected ${channels} numbers in ${name}, got ${length}`);
    }
  }
  if (!affine.std.every((x) => Math.fround(x) > 0)) {
    throw new ArgumentError(`normalize: std must be above 0, got ${formatShape(affine.std)}`);
  }
  const means = alongChannels(affine.mean);
  const deviations = alongChannels(affine.std);
  const transform = (image: Tensor): Tensor => {
    if (!(image instanceof Tensor)) {
      throw new ArgumentError(`normalize: expected a tensor, got ${describe(image)}`);
    }
    if (image.dtype !== 'float32') {
      throw new DtypeError(`normalize: expected float32, got ${image.dtype}; put toTensor() before it`);
    }
    if (channels > 1 && image.shape.at(-3) !== channels) {
      throw new ShapeError(
        `normalize: expected [..., ${channels}, height, width], got ${formatShape(image.shape)}`,
      );
    }
    return image.sub(means).div(deviations);
  };
  return Object.assign(transform, { affine });
}
