/** Losses: how far outputs are from what they should be, as a number to be made smaller. */
import { apply } from '../engine.js';
import { ArgumentError, DtypeError, ShapeError } from '../errors.js';
import { checkChoice, checkNumber, checkOptions } from '../options.js';
import { describe, formatShape, type Shape } from '../shape.js';
import { Tensor } from '../tensor.js';
import { Module } from './module.js';

/** What becomes of the losses of single samples: their mean, their sum, or all of them. */
export type Reduction = 'mean' | 'sum' | 'none';

/** The result of a loss: a scalar unless nothing is reduced. */
type Loss<R extends Reduction> = Tensor<R extends 'none' ? Shape : []>;

/** Options of all losses. */
export interface LossOptions<R extends Reduction = Reduction> {
  /** `mean` if left out. */
  reduction?: R;
}

abstract class LossModule<R extends Reduction> extends Module {
  readonly reduction: R;

  constructor(options: LossOptions<R>, known: readonly string[] = []) {
    super();
    const { name } = new.target;
    checkOptions(name, options, ['reduction', ...known]);
    const { reduction = 'mean' } = options;
    checkChoice<Reduction>(name, 'reduction', reduction, ['mean', 'sum', 'none']);
    this.reduction = reduction as R;
  }

  /** @param attributes all of them, in one literal: V8 makes a hidden class for each object that is spread into another. */
  protected compute(op: string, inputs: readonly Tensor[], attributes: object): Loss<R> {
    return apply(op, inputs, attributes) as Loss<R>;
  }
}

/** Options of {@link NLLLoss}. */
export interface NLLLossOptions<R extends Reduction = Reduction> extends LossOptions<R> {
  /** A weight for each class: float32 of shape [classes]. The mean divides by the weights of the labels. */
  weight?: Tensor | null;
  /** A label that does not count; −100 if left out. */
  ignoreIndex?: number;
}

abstract class ClassLoss<R extends Reduction> extends LossModule<R> {
  readonly weight: Tensor | null;
  readonly ignoreIndex: number;

  constructor(options: NLLLossOptions<R>, known: readonly string[] = []) {
    super(options, ['weight', 'ignoreIndex', ...known]);
    const { name } = new.target;
    const { weight, ignoreIndex = -100 } = options;
    if (!Number.isInteger(ignoreIndex) || Math.abs(ignoreIndex) >= 2 ** 31) {
      throw new ArgumentError(`${name}: ignoreIndex must be a whole number, got ${describe(ignoreIndex)}`);
    }
    this.ignoreIndex = ignoreIndex;
    this.weight = null;
    if (weight === undefined || weight === null) return;
    if (!(weight instanceof Tensor)) {
      throw new ArgumentError(`${name}: weight must be a tensor, got ${describe(weight)}`);
    }
    if (weight.ndim !== 1) {
      throw new ShapeError(`${name}: expected a weight of shape [classes], got ${formatShape(weight.shape)}`);
    }
    if (weight.dtype !== 'float32')
      throw new DtypeError(`${name}: expected a float32 weight, got ${weight.dtype}`);
    this.weight = this.registerBuffer('weight', weight.detach());
  }

  protected ofLabels(op: string, input: Tensor, target: Tensor, attributes: object): Loss<R> {
    return this.compute(op, this.weight ? [input, target, this.weight] : [input, target], attributes);
  }
}

/**
 * The negative log-likelihood of labels: −weight[y]·x[y], of log-probabilities such as {@link LogSoftmax} gives.
 */
export class NLLLoss<R extends Reduction = 'mean'> extends ClassLoss<R> {
  constructor(options: NLLLossOptions<R> = {}) {
    super(options);
  }

  /**
   * @param input log-probabilities, [N, classes, ...] or [classes].
   * @param target labels, int32 or uint8: [N, ...] or a scalar.
   * @throws IndexError for a label out of range.
   */
  override forward(input: Tensor, target: Tensor): Loss<R> {
    const { ignoreIndex, reduction } = this;
    return this.ofLabels('nllLoss', input, target, { ignoreIndex, reduction });
  }
}

/** Options of {@link CrossEntropyLoss}. */
export interface CrossEntropyLossOptions<R extends Reduction = Reduction> extends NLLLossOptions<R> {
  /** The part of the probability, from 0 to 1, that is spread over all classes evenly (Szegedy et al. 2016). */
  labelSmoothing?: number;
}

/** The cross-entropy of labels and the softmax of scores: log softmax and {@link NLLLoss} in one. */
export class CrossEntropyLoss<R extends Reduction = 'mean'> extends ClassLoss<R> {
  readonly labelSmoothing: number;

  constructor(options: CrossEntropyLossOptions<R> = {}) {
    super(options, ['labelSmoothing']);
    const { labelSmoothing = 0 } = options;
    checkNumber('CrossEntropyLoss', 'labelSmoothing', labelSmoothing, 0, 1);
    this.labelSmoothing = labelSmoothing;
  }

  /**
   * @param input scores as they are, without softmax: [N, classes, ...] or [classes].
   * @param target labels, int32 or uint8: [N, ...] or a scalar.
   * @throws IndexError for a label out of range.
   */
  override forward(input: Tensor, target: Tensor): Loss<R> {
    const { ignoreIndex, labelSmoothing, reduction } = this;
    return this.ofLabels('crossEntropy', input, target, { ignoreIndex, labelSmoothing, reduction });
  }
}

/** The squared difference (x − y)². */
export class MSELoss<R extends Reduction = 'mean'> extends LossModule<R> {
  constructor(options: LossOptions<R> = {}) {
    super(options);
  }

  /** @throws ShapeError unless both shapes are the same: nothing is broadcast. */
  override forward(input: Tensor, target: Tensor): Loss<R> {
    return this.compute('mseLoss', [input, target], { reduction: this.reduction });
  }
}
