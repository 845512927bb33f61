/** `evaluate`: how good a model is on a set of data. */
import { ArgumentError } from '../errors.js';
import { checkBoolean } from '../options.js';
import { tracing } from '../tracing.js';
import {
  checkLoader,
  checkLoss,
  checkModel,
  checkSignal,
  checkTaskOptions,
  readMetrics,
} from './arguments.js';
import { type Outcome, Passes } from './pass.js';
import { abortError, Stop } from './stop.js';
import type { LoaderOf, Loss, Task } from './task.js';
import type { Metrics, ModelFor } from './train.js';

/** What to tell of a model: a loss, metrics, or both. */
export interface EvaluateOptions<N extends string = string> {
  loss?: Loss;
  /** By names of your own. */
  metrics?: Metrics<N>;
  /** Stops after the current batch; the promise then rejects with an `AbortError`. */
  signal?: AbortSignal;
  /** What to do where no plan can be made: run step by step in JavaScript, with a warning, unless this is false. */
  fallback?: boolean;
}

/** How good a model is. */
export interface Report<N extends string = string> {
  /** The mean loss of a sample: the mean of the losses of all batches, weighted by their samples; NaN without a loss. */
  readonly loss: number;
  readonly metrics: Readonly<Record<N, number>>;
  readonly samples: number;
  readonly seconds: number;
  readonly samplesPerSecond: number;
}

/**
 * Judges a model on all batches of a loader, in evaluation mode, without gradients, and off the event loop.
 *
 * ```ts
 * const { loss, metrics: { accuracy } } = await evaluate(model, testLoader, {
 *   loss: new nn.CrossEntropyLoss(),
 *   metrics: { accuracy: metrics.accuracy() },
 * });
 * ```
 *
 * While `train` runs on the model, it judges the parameters of the last epoch's end.
 *
 * @throws ArgumentError for options that make no sense, as a rejection, as are the errors of model, loss and loader.
 */
export async function evaluate<B, N extends string = never>(
  model: ModelFor<B>,
  loader: LoaderOf<B>,
  options: EvaluateOptions<N>,
): Promise<Report<N>> {
  tracing.by?.refuse('calls evaluate');
  checkModel('evaluate', model);
  checkLoader('evaluate', loader);
  checkTaskOptions('evaluate', options, ['loss', 'metrics', 'signal', 'fallback']);
  const { loss, metrics, signal, fallback = true } = options ?? {};
  if (loss !== undefined) checkLoss('evaluate', loss);
  checkSignal('evaluate', signal);
  checkBoolean('evaluate', 'fallback', fallback);
  const task: Task = { what: 'evaluate', model, loss, metrics: readMetrics('evaluate', metrics) };
  if (!loss && task.metrics.length === 0) {
    throw new ArgumentError('evaluate: expected a loss, metrics, or both');
  }
  const { sampleLoss, scores, samples, seconds } = await judged(task, loader, signal, fallback);
  return {
    loss: loss ? sampleLoss : Number.NaN,
    metrics: scores as Record<N, number>,
    samples,
    seconds,
    samplesPerSecond: samples / seconds,
  };
}

async function judged(
  task: Task,
  loader: LoaderOf<unknown>,
  signal: AbortSignal | undefined,
  fallback: boolean,
): Promise<Outcome> {
  const stop = new Stop();
  const off = stop.follow(signal);
  const passes = new Passes(task, stop, fallback);
  try {
    const outcome = await passes.over(loader, { train: false, allowNonFinite: true });
    if (stop.requested) throw abortError(signal);
    return outcome;
  } finally {
    off();
    passes.close();
  }
}
