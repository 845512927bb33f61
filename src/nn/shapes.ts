/** Layers that change shapes, or nothing. */
import { ArgumentError } from '../errors.js';
import { describe } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { Elementwise, expectTensor } from './layer.js';
import { Module } from './module.js';

/** Makes dimensions `startDim` to `endDim`, both included, into one: all but the batch's, if not said otherwise. */
export class Flatten extends Module {
  constructor(
    readonly startDim = 1,
    readonly endDim = -1,
  ) {
    super();
    for (const dim of [startDim, endDim]) {
      if (!Number.isInteger(dim))
        throw new ArgumentError(`Flatten: expected whole numbers, got ${describe(dim)}`);
    }
  }

  override forward(input: Tensor): Tensor {
    expectTensor(this, input);
    return input.flatten(this.startDim, this.endDim);
  }

  protected override extraRepr(): string {
    if (this.endDim !== -1) return `${this.startDim}, ${this.endDim}`;
    return this.startDim === 1 ? '' : `${this.startDim}`;
  }
}

/** Gives its input as it is. */
export class Identity extends Elementwise {
  protected compute(input: Tensor): Tensor {
    return input;
  }
}
