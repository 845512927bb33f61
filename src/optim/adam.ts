import type { Tensor } from '../tensor.js';
import { Optimizer, type ParamGroupInit, type Rule } from './optimizer.js';

/** Options of {@link Adam} and {@link AdamW}, all with a value. */
export type AdamGroupOptions = Required<AdamOptions>;

/** Options of {@link Adam} and {@link AdamW}. */
export interface AdamOptions {
  /** The learning rate; 0.001 if left out. */
  lr?: number;
  /** How much of the averages of the gradient and of its square goes on; [0.9, 0.999] if left out. */
  betas?: readonly [number, number];
  /** Added to what is divided by; 10⁻⁸ if left out. */
  eps?: number;
  /** How much the parameters decay; if left out, 0 with Adam and 0.01 with AdamW. */
  weightDecay?: number;
  /** Whether to divide by the largest average of squares so far (Reddi, Kale and Kumar 2018). */
  amsgrad?: boolean;
  /** Whether to climb instead. */
  maximize?: boolean;
}

const betas = Object.freeze([0.9, 0.999] as const); // one array in all groups that name none

const adam: Rule<AdamGroupOptions> = {
  name: 'Adam',
  native: 'adam',
  defaults: { lr: 1e-3, betas, eps: 1e-8, weightDecay: 0, amsgrad: false, maximize: false },
  buffers: ({ amsgrad }) => (amsgrad ? ['expAvg', 'expAvgSq', 'maxExpAvgSq'] : ['expAvg', 'expAvgSq']),
};

const adamW: Rule<AdamGroupOptions> = {
  ...adam,
  name: 'AdamW',
  native: 'adamw',
  defaults: { ...adam.defaults, weightDecay: 0.01 },
};

/**
 * Adam (Kingma and Ba 2015): each parameter moves by the average of its gradient over the root of the average of its
 * square. PyTorch's update; weight decay is added to the gradient.
 *
 * ```ts
 * const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 });
 * ```
 */
export class Adam extends Optimizer<AdamGroupOptions> {
  /** @throws ArgumentError for no parameters, what is none, the same one twice, and options that make no sense. */
  constructor(
    params: readonly Tensor[] | readonly ParamGroupInit<AdamGroupOptions>[],
    options: AdamOptions = {},
  ) {
    super(adam, params, options);
  }
}

/**
 * AdamW (Loshchilov and Hutter 2019): {@link Adam} in which the parameters decay by themselves, by lr·weightDecay of
 * their value a step, and not through the gradient.
 *
 * ```ts
 * const optimizer = new optim.AdamW(model.parameters(), { lr: 1e-3, weightDecay: 0.01 });
 * ```
 */
export class AdamW extends Optimizer<AdamGroupOptions> {
  /** @throws ArgumentError for no parameters, what is none, the same one twice, and options that make no sense. */
  constructor(
    params: readonly Tensor[] | readonly ParamGroupInit<AdamGroupOptions>[],
    options: AdamOptions = {},
  ) {
    super(adamW, params, options);
  }
}
