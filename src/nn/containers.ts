/** Modules made of a list of modules. */
import { ArgumentError, StateError } from '../errors.js';
import { describe, type Shape } from '../shape.js';
import type { EndingIn } from '../shapeTypes.js';
import type { Tensor } from '../tensor.js';
import type { Chain, effect, FirstTaken, Fitting, Through } from './fitting.js';
import { Module } from './module.js';

/** A list of modules, kept in the fields `0`, `1`, … so that their names are PyTorch's: `0.weight`. */
abstract class ModuleArray<M extends Module = Module> extends Module {
  [index: number]: M;

  constructor(modules: readonly M[]) {
    super();
    for (const module of modules) {
      if (!(module instanceof Module)) {
        throw new ArgumentError(`${this.constructor.name}: expected modules, got ${describe(module)}`);
      }
    }
    Object.assign(this, modules);
  }

  /** The number of modules. */
  get length(): number {
    let length = 0;
    while (this[length] !== undefined) length++;
    return length;
  }

  *[Symbol.iterator](): Iterator<M> {
    for (let i = 0; this[i] !== undefined; i++) yield this[i] as M;
  }
}

/**
 * Modules one after another, each fed with what the one before gives.
 *
 * ```ts
 * const model = new nn.Sequential(new nn.Linear(784, 128), new nn.ReLU(), new nn.Linear(128, 10));
 * ```
 */
export class Sequential<const L extends readonly Module[] = Module[]> extends ModuleArray<L[number]> {
  declare readonly [effect]: Chain<L>;

  /** The compiler refuses layers that do not fit, and names both numbers of features. */
  constructor(...layers: Fitting<L>) {
    super(layers);
  }

  /** The layers, each with its own type. */
  get layers(): L {
    return [...this] as unknown as L;
  }

  override forward<S extends Shape>(
    input: Tensor<S> & Tensor<EndingIn<S, FirstTaken<L>>>,
  ): Tensor<Through<L, S>> {
    let output: Tensor = input;
    for (const layer of this) output = layer.forward(output as never) as Tensor;
    return output as Tensor<Through<L, S>>;
  }
}

/** Modules in an array: `forward` of the module that holds it says what is done with them. */
export class ModuleList<M extends Module = Module> extends ModuleArray<M> {
  constructor(modules: readonly M[] = []) {
    super(modules);
  }

  /** Puts a module at the end. */
  append(module: M): this {
    if (!(module instanceof Module)) {
      throw new ArgumentError(`ModuleList: expected a module, got ${describe(module)}`);
    }
    this[this.length] = module;
    return this;
  }

  /** @throws StateError always: call `forward` of the modules in it. */
  override forward(): never {
    throw new StateError('ModuleList: a list has no forward; call that of each module in it');
  }
}
