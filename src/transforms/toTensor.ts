import { ArgumentError, DtypeError, ShapeError } from '../errors.js';
import { describe, formatShape } from '../shape.js';
import { Tensor } from '../tensor.js';
import type { Transform } from './transform.js';

/**
 * An image made into what nets take, as torchvision's `ToTensor` does: uint8 of shape [height, width] or
 * [height, width, channels] becomes float32 of shape [channels, height, width], from 0 to 1.
 */
export function toTensor(): Transform<Tensor, Tensor> {
  const transform = (image: Tensor): Tensor => {
    if (!(image instanceof Tensor)) {
      throw new ArgumentError(`toTensor: expected a tensor, got ${describe(image)}`);
    }
    if (image.dtype !== 'uint8') throw new DtypeError(`toTensor: expected uint8, got ${image.dtype}`);
    if (image.ndim !== 2 && image.ndim !== 3) {
      throw new ShapeError(
        `toTensor: expected [height, width] or [height, width, channels], got ${formatShape(image.shape)}`,
      );
    }
    const planes = image.ndim === 2 ? image.reshape([1, ...image.shape]) : image.permute(2, 0, 1);
    return planes.to('float32').div(255);
  };
  return Object.assign(transform, { affine: { divide: 255 } });
}
