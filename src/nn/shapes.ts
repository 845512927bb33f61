/** Layers that change shapes, or nothing. */
import { ArgumentError } from '../errors.js';
import { describe, type Shape } from '../shape.js';
import type { Flattened } from '../shapeTypes.js';
import type { Tensor } from '../tensor.js';
import type { effect, Flattens } from './fitting.js';
import { Elementwise, expectTensor } from './layer.js';
import { Module } from './module.js';

/** Makes dimensions `startDim` to `endDim`, both included, into one: all but the batch's, if not said otherwise. */
export class Flatten<Start extends number = 1, End extends number = -1> extends Module {
  declare readonly [effect]: Flattens<Start, End>;
  readonly startDim: Start;
  readonly endDim: End;

  constructor(startDim: Start = 1 as Start, endDim: End = -1 as End) {
    super();
    for (const dim of [startDim, endDim]) {
      if (!Number.isInteger(dim))
        throw new ArgumentError(`Flatten: expected whole numbers, got ${describe(dim)}`);
    }
    this.startDim = startDim;
    this.endDim = endDim;
  }

  override forward<S extends Shape>(input: Tensor<S>): Tensor<Flattened<S, Start, End>> {
    expectTensor(this, input);
    return input.flatten<S, Start, End>(this.startDim, this.endDim);
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
