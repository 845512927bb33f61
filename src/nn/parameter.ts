import { ArgumentError } from '../errors.js';
import { checkBoolean, checkOptions } from '../options.js';
import { describe, type Shape } from '../shape.js';
import { Tensor } from '../tensor.js';

/**
 * A tensor that a module learns: found by `parameters()` where it is the field of a {@link Module}.
 *
 * It shares the storage of the tensor that it is made of, and copies where that is strided.
 */
export class Parameter<S extends Shape = Shape> extends Tensor<S> {
  /** @throws DtypeError if `requiresGrad` and `data` is not float32. */
  constructor(data: Tensor<S>, options: { requiresGrad?: boolean } = {}) {
    checkOptions('Parameter', options, ['requiresGrad']);
    const { requiresGrad = true } = options;
    checkBoolean('Parameter', 'requiresGrad', requiresGrad);
    if (!(data instanceof Tensor))
      throw new ArgumentError(`Parameter: expected a tensor, got ${describe(data)}`);
    const own = data.isContiguous() ? data : data.detach().clone();
    own.storage.settle(); // optimizers write to it
    super(own.array, own.dtype, own.shape, own.strides, own.storage);
    this.requiresGrad = requiresGrad;
  }
}
