import { zeros } from '../creation.js';
import { apply } from '../engine.js';
import { checkBoolean, checkOptions, checkSize } from '../options.js';
import type { Generator } from '../random.js';
import type { Tensor } from '../tensor.js';
import { uniform_ } from './init.js';
import { expectTensor } from './layer.js';
import { inputError, Module } from './module.js';
import { Parameter } from './parameter.js';

/** How to make a {@link Linear}. */
export interface LinearOptions {
  /** Whether there is one; true if left out. */
  bias?: boolean;
  /** What the initial values are drawn from instead of the default generator. */
  generator?: Generator;
}

/**
 * y = x·Wᵀ + b over the last dimension: [..., in] becomes [..., out].
 *
 * Weight and bias begin uniform within ±1 / √in, as PyTorch's do.
 */
export class Linear<In extends number = number, Out extends number = number> extends Module {
  readonly inFeatures: In;
  readonly outFeatures: Out;
  weight: Parameter<[Out, In]>;
  bias: Parameter<[Out]> | null;

  /** @throws ArgumentError unless both numbers are whole and at least 1. */
  constructor(inFeatures: In, outFeatures: Out, options: LinearOptions = {}) {
    super();
    checkSize('Linear', 'inFeatures', inFeatures);
    checkSize('Linear', 'outFeatures', outFeatures);
    checkOptions('Linear', options, ['bias', 'generator']);
    const { bias = true, generator } = options;
    checkBoolean('Linear', 'bias', bias);
    const bound = 1 / Math.sqrt(inFeatures);
    const make = <S extends readonly number[]>(shape: S): Parameter<S> =>
      new Parameter(uniform_(zeros(shape), -bound, bound, generator ? { generator } : {}) as Tensor<S>);
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    this.weight = make<[Out, In]>([outFeatures, inFeatures]);
    this.bias = bias ? make<[Out]>([outFeatures]) : null;
  }

  /** @throws ShapeError unless the last size of `input` is `inFeatures`. */
  override forward(input: Tensor): Tensor {
    expectTensor(this, input);
    if (input.shape[input.shape.length - 1] !== this.inFeatures) {
      throw inputError(this, `[*, ${this.inFeatures}]`, input);
    }
    return apply('linear', this.bias ? [input, this.weight, this.bias] : [input, this.weight]);
  }

  protected override extraRepr(): string {
    return `${this.inFeatures}, ${this.outFeatures}${this.bias ? '' : ', { bias: false }'}`;
  }
}
