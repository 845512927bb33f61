import type { Tensor } from '../tensor.js';

/** What a metric says of a batch: `sum` over `count` samples. Those of all batches are added, and divided in the end. */
export interface Score {
  readonly sum: number;
  readonly count: number;
}

/** Says how good outputs are: an option of `train` and `evaluate`, which give its mean over all samples. */
export interface Metric {
  /** For messages. */
  readonly name: string;
  /** @internal The name by which plans know it; without one it is computed in JavaScript, batch by batch. */
  readonly native?: string;
  /**
   * Judges the outputs of a batch.
   *
   * @throws ShapeError or DtypeError for outputs and targets that it cannot judge.
   */
  compute(output: Tensor, target: Tensor): Score;
  /** @internal The same errors by shapes and types alone. */
  check?(output: Tensor, target: Tensor): void;
}
