import type { Tensor } from '../tensor.js';
import { Optimizer, type ParamGroupInit, type Rule } from './optimizer.js';

/** Options of {@link SGD}, all with a value. */
export type SGDGroupOptions = Required<SGDOptions>;

/** Options of {@link SGD}. */
export interface SGDOptions {
  /** The learning rate; 0.001 if left out. */
  lr?: number;
  /** How much of the last step goes on; 0 if left out. */
  momentum?: number;
  /** How much less the gradient counts beside the momentum; 0 if left out. */
  dampening?: number;
  /** How much of the parameter is added to its gradient; 0 if left out. */
  weightDecay?: number;
  /** Whether the gradient is taken where the momentum leads: needs `momentum`, and no `dampening`. */
  nesterov?: boolean;
  /** Whether to climb instead. */
  maximize?: boolean;
}

const rule: Rule<SGDGroupOptions> = {
  name: 'SGD',
  native: 'sgd',
  defaults: { lr: 1e-3, momentum: 0, dampening: 0, weightDecay: 0, nesterov: false, maximize: false },
  buffers: ({ momentum }) => (momentum === 0 ? [] : ['momentumBuffer']),
};

/**
 * Stochastic gradient descent, with momentum (Sutskever, Martens, Dahl and Hinton 2013): PyTorch's update exactly.
 *
 * ```ts
 * const optimizer = new optim.SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
 * ```
 */
export class SGD extends Optimizer<SGDGroupOptions> {
  /** @throws ArgumentError for no parameters, what is none, the same one twice, and options that make no sense. */
  constructor(
    params: readonly Tensor[] | readonly ParamGroupInit<SGDGroupOptions>[],
    options: SGDOptions = {},
  ) {
    super(rule, params, options);
  }
}
