/** Parameters in training are nobody else's to change. */
import { StateError } from '../errors.js';
import type { Tensor } from '../tensor.js';

export class Claim {
  /** @throws StateError if one of them is in training already. */
  constructor(
    private readonly parameters: readonly Tensor[],
    what: string,
  ) {
    if (parameters.some(({ storage }) => storage.inTraining)) {
      throw new StateError(
        `${what}: this model is in training already; wait until that run has ended, or stop it`,
      );
    }
    this.mark(true);
  }

  /** Runs `fn`, which is not async and changes the parameters. */
  lift<R>(fn: () => R): R {
    this.mark(false);
    try {
      return fn();
    } finally {
      this.mark(true);
    }
  }

  /** Gives them up. */
  release(): void {
    this.mark(false);
  }

  private mark(inTraining: boolean): void {
    for (const { storage } of this.parameters) storage.inTraining = inTraining;
  }
}
