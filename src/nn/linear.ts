import { zeros } from '../creation.js';
import { apply } from '../engine.js';
import { checkBoolean, checkOptions, checkSize } from '../options.js';
import type { Generator } from '../random.js';
import type { Shape } from '../shape.js';
import type { EndingIn, WithLast } from '../shapeTypes.js';
import type { Tensor } from '../tensor.js';
import type { effect, Maps } from './fitting.js';
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
  declare readonly [effect]: Maps<In, Out>;
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
    const make = <S extends Shape>(shape: S): Parameter<S> =>
      new Parameter(uniform_(zeros(shape) as Tensor<S>, -bound, bound, generator ? { generator } : {}));
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    this.weight = make<[Out, In]>([outFeatures, inFeatures]);
    this.bias = bias ? make<[Out]>([outFeatures]) : null;
  }

  /** @throws ShapeError unless the last size of `input` is `inFeatures`. */
  override forward<S extends Shape>(input: Tensor<S> & Tensor<EndingIn<S, In>>): Tensor<WithLast<S, Out>> {
    expectTensor(this, input);
    if (input.shape[input.shape.length - 1] !== this.inFeatures) {
      throw inputError(this, `[*, ${this.inFeatures}]`, input);
    }
    const inputs = this.bias ? [input, this.weight, this.bias] : [input, this.weight];
    return apply('linear', inputs) as Tensor<WithLast<S, Out>>;
  }

  protected override extraRepr(): string {
    return `${this.inFeatures}, ${this.outFeatures}${this.bias ? '' : ', { bias: false }'}`;
  }
}
