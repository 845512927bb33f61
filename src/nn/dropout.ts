import { apply } from '../engine.js';
import { checkNumber } from '../options.js';
import { defaultGenerator } from '../random.js';
import { Tensor } from '../tensor.js';
import { tracing } from '../tracing.js';
import { Elementwise } from './layer.js';

/**
 * In training, sets each element to 0 with probability `p` and multiplies the others by 1 / (1 − p); in evaluation,
 * gives its input as it is. Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout", 2014.
 *
 * The elements are drawn from the default generator: {@link manualSeed} makes them the same in every run.
 */
export class Dropout extends Elementwise {
  /** @throws ArgumentError unless `p` is from 0 to 1. */
  constructor(readonly p = 0.5) {
    super();
    checkNumber('Dropout', 'p', p, 0, 1);
  }

  protected compute(input: Tensor): Tensor {
    if (!this.training || this.p === 0) return input;
    const stream = new Tensor(defaultGenerator.nextWords(), 'int32', STREAM_SHAPE);
    tracing.by?.keyed(stream);
    return apply('dropout', [input, stream], { p: this.p });
  }

  protected override extraRepr(): string {
    return `${this.p}`;
  }
}

const STREAM_SHAPE = [4] as const;
