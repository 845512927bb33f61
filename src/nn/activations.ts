/** Activations as modules: those without state of {@link Tensor}'s methods, for use in a {@link Sequential}. */
import { checkChoice, checkNumber, checkOptions } from '../options.js';
import type { Tensor } from '../tensor.js';
import { Elementwise } from './layer.js';

/** max(x, 0) */
export class ReLU extends Elementwise {
  protected compute(input: Tensor): Tensor {
    return input.relu();
  }
}

/** x where positive, else `negativeSlope`·x. */
export class LeakyReLU extends Elementwise {
  constructor(readonly negativeSlope = 0.01) {
    super();
    checkNumber('LeakyReLU', 'negativeSlope', negativeSlope);
  }

  protected compute(input: Tensor): Tensor {
    return input.leakyRelu(this.negativeSlope);
  }

  protected override extraRepr(): string {
    return `${this.negativeSlope}`;
  }
}

/** 1 / (1 + e⁻ˣ) */
export class Sigmoid extends Elementwise {
  protected compute(input: Tensor): Tensor {
    return input.sigmoid();
  }
}

/** The hyperbolic tangent. */
export class Tanh extends Elementwise {
  protected compute(input: Tensor): Tensor {
    return input.tanh();
  }
}

/** x·Φ(x), exact or by the tanh approximation (Hendrycks and Gimpel 2016). */
export class GELU extends Elementwise {
  readonly approximate: 'none' | 'tanh';

  constructor(options: { approximate?: 'none' | 'tanh' } = {}) {
    super();
    checkOptions('GELU', options, ['approximate']);
    const { approximate = 'none' } = options;
    checkChoice('GELU', 'approximate', approximate, ['none', 'tanh']);
    this.approximate = approximate;
  }

  protected compute(input: Tensor): Tensor {
    return input.gelu({ approximate: this.approximate });
  }

  protected override extraRepr(): string {
    return this.approximate === 'none' ? '' : `{ approximate: '${this.approximate}' }`;
  }
}

/** x·σ(x), also known as swish. */
export class SiLU extends Elementwise {
  protected compute(input: Tensor): Tensor {
    return input.silu();
  }
}

/** eˣ / Σ eˣ along `dim`. For {@link CrossEntropyLoss}, leave it out: that takes scores as they are. */
export class Softmax extends Elementwise {
  constructor(readonly dim = -1) {
    super();
    checkNumber('Softmax', 'dim', dim);
  }

  protected compute(input: Tensor): Tensor {
    return input.softmax(this.dim);
  }

  protected override extraRepr(): string {
    return `${this.dim}`;
  }
}

/** log softmax along `dim`: what {@link NLLLoss} takes. */
export class LogSoftmax extends Elementwise {
  constructor(readonly dim = -1) {
    super();
    checkNumber('LogSoftmax', 'dim', dim);
  }

  protected compute(input: Tensor): Tensor {
    return input.logSoftmax(this.dim);
  }

  protected override extraRepr(): string {
    return `${this.dim}`;
  }
}
