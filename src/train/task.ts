/** What is done with each batch: outputs, their loss, and what metrics say of them. */
import { noGrad } from '../autograd.js';
import type { DataLoader } from '../data/index.js';
import { ArgumentError, ShapeError, StateError } from '../errors.js';
import type { Metric } from '../metrics/index.js';
import type { Module } from '../nn/module.js';
import type { Parameter } from '../nn/parameter.js';
import { describe, formatShape } from '../shape.js';
import { Tensor } from '../tensor.js';
import type { TensorType } from './graph.js';
import type { Program } from './trace.js';

/** What makes a number of outputs and targets, such as `nn.CrossEntropyLoss`. */
export interface Loss {
  forward(output: never, target: never): Tensor;
}

/** A loader of batches of type B, of whatever items. */
// biome-ignore lint/suspicious/noExplicitAny: what the items are does not matter
export type LoaderOf<B> = DataLoader<any, B>;

/** A model, and how it is judged. */
export interface Task {
  /** Who asks, for messages: `train`. */
  readonly what: string;
  readonly model: Module;
  readonly loss: Loss | undefined;
  readonly metrics: readonly (readonly [name: string, metric: Metric])[];
}

/** The parameters that a plan knows as such; others are as good as constants. */
export function floatParameters(model: Module): Parameter[] {
  return model.parameters().filter(({ dtype }) => dtype === 'float32');
}

/** The tensors of a batch. @throws ArgumentError for a batch that is not an array of at least two. */
export function tensorsOf(what: string, batch: unknown): Tensor[] {
  if (!Array.isArray(batch) || batch.length < 2) {
    throw new ArgumentError(
      `${what}: expected batches [inputs, target] of the loader, got ${describe(batch)}; the option collate of ` +
        'DataLoader can make such',
    );
  }
  const odd = batch.findIndex((part) => !(part instanceof Tensor));
  if (odd < 0) return batch as Tensor[];
  throw new ArgumentError(`${what}: expected batches of tensors, part ${odd} is ${describe(batch[odd])}`);
}

/** How many samples a batch has. */
export function samplesOf(batch: readonly TensorType[]): number {
  return batch[0]?.shape[0] ?? 1;
}

/** The outputs for a batch, and their loss. */
export function compute(
  { what, model, loss }: Task,
  batch: readonly Tensor[],
): { output: unknown; loss?: Tensor } {
  const output = model.forward(...(batch.slice(0, -1) as never[]));
  if (output instanceof Promise) throw new ArgumentError(`${what}: forward must not be async`);
  if (!loss) return { output };
  const value = loss.forward(output as never, batch.at(-1) as never);
  if (!(value instanceof Tensor)) {
    throw new ArgumentError(`${what}: the loss must be a tensor, got ${describe(value)}`);
  }
  if (value.size !== 1) {
    throw new ShapeError(
      `${what}: the loss must be a scalar, got shape ${formatShape(value.shape)}; reduce it with mean() or sum()`,
    );
  }
  return { output, loss: value };
}

/** A metric takes one tensor of outputs. */
function expectOutput(what: string, name: string, output: unknown): asserts output is Tensor {
  if (output instanceof Tensor) return;
  throw new ArgumentError(
    `${what}: metrics.${name} needs a tensor as output of the model, got ${describe(output)}`,
  );
}

/** What the metrics say of a batch. */
export function judge({ what, metrics }: Task, output: unknown, target: Tensor) {
  return noGrad(() =>
    metrics.map(([name, metric]) => {
      expectOutput(what, name, output);
      return metric.compute(output, target);
    }),
  );
}

/** Runs `fn`, which is not async, with the model in evaluation mode. */
export function inEvaluation<R>(model: Module, fn: () => R): R {
  const modes = model.modules().map((module) => [module, module.training] as const);
  try {
    for (const [module] of modes) module.training = false;
    return fn();
  } finally {
    for (const [module, training] of modes) module.training = training;
  }
}

/** What a program gives, and what it judges, lies in row-major order. */
export function rowMajor(tensor: Tensor): Tensor {
  return tensor.isContiguous() ? tensor : tensor.clone();
}

/** The program of a step of training, or of an evaluation. */
export function programOf(task: Task, parameters: readonly Parameter[], train: boolean): Program {
  const { what, model, loss, metrics } = task;
  const run = (batch: readonly Tensor[]) => {
    const { output, loss } = compute(task, batch);
    if (train && !loss?.requiresGrad) {
      throw new StateError(
        `${what}: the loss does not depend on any parameter that requires a gradient; ` +
          'was it computed under noGrad, from detached tensors, or is every parameter frozen?',
      );
    }
    const target = batch.at(-1) as Tensor;
    const judged = metrics.map(([name, metric]) => {
      expectOutput(what, name, output);
      metric.check?.(output, target);
      return { name: metric.native as string, output: rowMajor(output), target };
    });
    return { loss, metrics: judged };
  };
  return {
    modules: [model, ...(loss ? [loss as Module] : [])],
    parameters,
    train,
    run: train ? run : (batch) => noGrad(() => inEvaluation(model, () => run(batch))),
  };
}
