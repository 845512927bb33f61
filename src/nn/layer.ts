/** What simple layers have in common. */
import type { Shape } from '../shape.js';
import { Tensor } from '../tensor.js';
import type { effect, Keeps } from './fitting.js';
import { inputError, Module } from './module.js';

/** Refuses as the input of `layer` what is not a tensor. */
export function expectTensor(layer: Module, input: unknown): asserts input is Tensor {
  if (!(input instanceof Tensor)) throw inputError(layer, 'a tensor', input);
}

/** A layer whose output has the shape of its input. */
export abstract class Elementwise extends Module {
  declare readonly [effect]: Keeps;

  override forward<S extends Shape>(input: Tensor<S>): Tensor<S> {
    expectTensor(this, input);
    return this.compute(input) as Tensor<S>;
  }

  protected abstract compute(input: Tensor): Tensor;
}
