/** Checks of what users pass to `train`, `evaluate` and `predict`. */
import { DataLoader } from '../data/index.js';
import { ArgumentError } from '../errors.js';
import type { Metric } from '../metrics/index.js';
import { Module } from '../nn/module.js';
import { checkOptions } from '../options.js';
import { describe } from '../shape.js';
import type { Loss, Task } from './task.js';

/** @throws ArgumentError */
export function checkModel(what: string, model: unknown): asserts model is Module {
  if (!(model instanceof Module)) {
    throw new ArgumentError(`${what}: expected a model, an nn.Module, got ${describe(model)}`);
  }
}

/** @throws ArgumentError */
export function checkLoader(what: string, loader: unknown, name = 'a loader'): void {
  if (!(loader instanceof DataLoader)) {
    throw new ArgumentError(`${what}: expected ${name}, a DataLoader, got ${describe(loader)}`);
  }
  if (loader.length > 0) return;
  throw new ArgumentError(
    `${what}: ${name} has no batches: ${loader.count()} items do not fill one of ${loader.batchSize}, and dropLast is set`,
  );
}

/** @throws ArgumentError */
export function checkSignal(what: string, signal: unknown): void {
  if (signal === undefined || signal instanceof AbortSignal) return;
  throw new ArgumentError(`${what}: signal must be an AbortSignal, got ${describe(signal)}`);
}

/** @throws ArgumentError for what is not an object of metrics by name. */
export function readMetrics(what: string, metrics: unknown): Task['metrics'] {
  if (metrics === undefined) return [];
  if (typeof metrics !== 'object' || metrics === null || Array.isArray(metrics)) {
    throw new ArgumentError(
      `${what}: expected metrics by name, such as { accuracy: metrics.accuracy() }, got ${describe(metrics)}`,
    );
  }
  return Object.entries(metrics).map(([name, metric]) => {
    if (typeof metric?.compute === 'function') return [name, metric as Metric] as const;
    throw new ArgumentError(
      `${what}: metrics.${name} must be a metric such as metrics.accuracy(), got ${describe(metric)}`,
    );
  });
}

/** @throws ArgumentError for what is not a loss. */
export function checkLoss(what: string, loss: unknown): asserts loss is Loss {
  if (typeof (loss as Partial<Loss> | null | undefined)?.forward === 'function') return;
  throw new ArgumentError(
    `${what}: loss must be a loss such as new nn.CrossEntropyLoss(), got ${describe(loss)}`,
  );
}

/** @throws ArgumentError for unknown options, and for those that do not exist yet. */
export function checkTaskOptions(
  what: string,
  options: unknown,
  known: readonly string[],
  planned: readonly string[] = [],
): void {
  const early = planned.find(
    (name) => (options as Record<string, unknown> | undefined)?.[name] !== undefined,
  );
  if (early !== undefined) {
    throw new ArgumentError(`${what}: the option ${early} is not available yet, and would be ignored`);
  }
  checkOptions(what, options, known);
}
