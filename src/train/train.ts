/** `train`: the training loop, off the event loop. */
import { grads } from '../autograd.js';
import { ArgumentError, StateError } from '../errors.js';
import type { Metric } from '../metrics/index.js';
import { nextTurn } from '../nextTurn.js';
import type { Module } from '../nn/module.js';
import { Optimizer } from '../optim/index.js';
import { checkBoolean, checkSize } from '../options.js';
import { describe, formatShape } from '../shape.js';
import { tracing } from '../tracing.js';
import {
  checkLoader,
  checkLoss,
  checkModel,
  checkSignal,
  checkTaskOptions,
  readMetrics,
} from './arguments.js';
import { Claim } from './claim.js';
import { nameOf } from './fallback.js';
import { type Outcome, Passes } from './pass.js';
import type { AnyOptimizer } from './planner.js';
import { Progress } from './progress.js';
import { type Epoch, type History, Run } from './run.js';
import { abortError, Stop } from './stop.js';
import type { LoaderOf, Loss, Task } from './task.js';

/** Metrics by name. */
export type Metrics<N extends string = string> = Readonly<Record<N, Metric>>;

/** What a loader gives: all but the last part are inputs of the model, the last one is the target of the loss. */
export type InputsOf<B> = B extends readonly [...infer I, unknown] ? I : never[];

/** A model for batches of type B. */
export type ModelFor<B> = Module & { forward(...inputs: InputsOf<B>): unknown };

/** How to train. */
export interface TrainOptions<B = unknown, N extends string = string> {
  /** What is made smaller: called with the output of the model and the last part of the batch. */
  loss: Loss;
  /** Takes the steps; its parameters are the model's. Options that are changed count from the next epoch on. */
  optimizer: AnyOptimizer;
  /** How often to go through the data; once if left out. */
  epochs?: number;
  /** What to evaluate on after each epoch. */
  validation?: LoaderOf<B>;
  /** What else to tell of the outputs, by names of your own. */
  metrics?: Metrics<N>;
  /** Stops after the current step; the run then rejects with an `AbortError`. */
  signal?: AbortSignal;
  /** Whether to draw a progress bar, on a terminal. */
  progress?: boolean;
  /** Whether to go on where a loss is NaN or infinite. */
  allowNonFinite?: boolean;
  /** What to do where no plan can be made: run step by step in JavaScript, with a warning, unless this is false. */
  fallback?: boolean;
}

const known = [
  'loss',
  'optimizer',
  'epochs',
  'validation',
  'metrics',
  'signal',
  'progress',
  'allowNonFinite',
  'fallback',
];
/** Options to come, which must not be ignored until then. */
const planned = ['scheduler', 'clipGradNorm', 'checkpoint', 'callbacks'];

/**
 * Trains a model on the batches of a loader, on native threads: the event loop stays free.
 *
 * ```ts
 * const run = train(model, loader, { loss: new nn.CrossEntropyLoss(), optimizer, epochs: 10 });
 * for await (const { epoch, loss } of run) console.log(epoch, loss);
 * const history = await run;
 * ```
 *
 * It computes what the explicit loop does, to float rounding, and draws the same random numbers. Where `forward` cannot be
 * compiled, since it looks at values or does not compute the same each time, it runs step by step in JavaScript, and warns.
 * A model that is in evaluation mode is put into training mode.
 *
 * Data in memory is copied when the run begins, a piece in each turn of the event loop: what is written to it before the
 * end of the first epoch may count at once, what is written later counts in the next run.
 *
 * Parameters and optimizer state are those of the last step at the end of each epoch, and when the run has ended,
 * whatever ended it. Nobody else can change them meanwhile.
 *
 * @param loader batches [inputs, target] or [...inputs, target] of tensors, for
 * `loss.forward(model.forward(...inputs), target)`.
 * @throws ArgumentError for options that make no sense; StateError if the model is in training already, or the optimizer
 * has other parameters. The run rejects with the errors of model, loss and loader; with a StateError for a loss that is
 * not finite, and for a parameter that `model.parameters()` does not list; with an `AbortError` if `signal` says so.
 */
export function train<B, N extends string = never>(
  model: ModelFor<B>,
  loader: LoaderOf<B>,
  options: TrainOptions<B, N>,
): Run<N> {
  tracing.by?.refuse('calls train');
  if (!grads.enabled) throw new StateError('train: there are no gradients under noGrad');
  return new Training<N>(model, loader, options as TrainOptions<unknown, N>).run;
}

function checkOptimizer(optimizer: unknown, model: Module): asserts optimizer is AnyOptimizer {
  if (!(optimizer instanceof Optimizer)) {
    throw new ArgumentError(
      `train: optimizer must be one of optim, such as new optim.SGD(model.parameters()), got ${describe(optimizer)}`,
    );
  }
  const own = new Set<unknown>(model.parameters());
  for (const { params } of (optimizer as AnyOptimizer).paramGroups) {
    const foreign = params.find((param: unknown) => !own.has(param));
    if (foreign) {
      throw new StateError(
        `train: the optimizer has a parameter of shape ${formatShape(foreign.shape)} that model.parameters() does not ` +
          'list; make the optimizer of the parameters of this model',
      );
    }
  }
}

class Training<N extends string> {
  readonly run: Run<N>;
  private readonly task: Task;
  private readonly optimizer: AnyOptimizer;
  private readonly epochs: number;
  private readonly stop = new Stop();
  private readonly claim: Claim;
  private passes: Passes | undefined;

  constructor(
    model: Module,
    private readonly loader: LoaderOf<unknown>,
    private readonly options: TrainOptions<unknown, N>,
  ) {
    checkModel('train', model);
    checkLoader('train', loader);
    checkTaskOptions('train', options, known, planned);
    const { loss, optimizer, epochs = 1, validation, metrics, signal } = options ?? {};
    checkLoss('train', loss);
    checkOptimizer(optimizer, model);
    checkSize('train', 'epochs', epochs);
    if (validation !== undefined) checkLoader('train', validation, 'validation');
    checkSignal('train', signal);
    for (const name of ['progress', 'allowNonFinite', 'fallback'] as const) {
      if (options[name] !== undefined) checkBoolean('train', name, options[name]);
    }
    this.task = { what: 'train', model, loss, metrics: readMetrics('train', metrics) };
    this.optimizer = optimizer;
    this.epochs = epochs;
    this.claim = new Claim(model.parameters(), 'train');
    const control = {
      stop: () => this.stop.request('break'),
      explained: () => ({
        model: nameOf(model),
        plans: this.passes?.plans() ?? [],
        eager: this.passes?.eager,
      }),
    };
    this.run = new Run<N>(control, (emit) => this.whole(emit));
  }

  /** Everything, and what must happen after it. */
  private async whole(emit: (epoch: Epoch<N>) => void): Promise<History<N>> {
    const { signal, fallback = true } = this.options;
    const { task, stop, optimizer, claim } = this;
    const off = stop.follow(signal);
    try {
      if (!task.model.training) task.model.train();
      optimizer.zeroGrad();
      const passes = new Passes(task, stop, fallback, { optimizer, claim });
      this.passes = passes;
      const epochs = await this.all(passes, emit);
      if (stop.requested === 'abort') throw abortError(signal);
      return { epochs, completed: epochs.length === this.epochs, eager: passes.eager ?? null };
    } finally {
      off();
      this.passes?.close();
      claim.release();
      optimizer.zeroGrad();
    }
  }

  private async all(passes: Passes, emit: (epoch: Epoch<N>) => void): Promise<Epoch<N>[]> {
    const { loader, stop } = this;
    const { validation, progress = false, allowNonFinite = false } = this.options;
    const done: Epoch<N>[] = [];
    for (let epoch = 1; epoch <= this.epochs && !stop.requested; epoch++) {
      if (epoch > 1) passes.refresh();
      const lr = Number(this.optimizer.paramGroups[0]?.lr);
      const bar = progress
        ? new Progress(`Epoch ${epoch}/${this.epochs}`, loader, () => passes.progress())
        : undefined;
      let trained: Outcome;
      let validated: Outcome | undefined;
      try {
        trained = await passes.over(loader, { train: true, allowNonFinite });
        if (trained.stopped === 'nonFinite') throw nonFinite(epoch, trained.losses.length + 1);
        if (trained.stopped === 'aborted') break;
        if (validation) validated = await passes.over(validation, { train: false, allowNonFinite: true });
        if (validated?.stopped === 'aborted') break;
      } finally {
        bar?.end();
      }
      const event = summary<N>(epoch, trained, validated, lr);
      done.push(event);
      emit(event);
      if (epoch < this.epochs) await nextTurn(); // whoever iterates may change options, or break
    }
    return done;
  }
}

function summary<N extends string>(
  epoch: number,
  trained: Outcome,
  validated: Outcome | undefined,
  lr: number,
): Epoch<N> {
  const { losses, scores, samples, seconds } = trained;
  return {
    epoch,
    loss: losses.reduce((sum, loss) => sum + loss, 0) / losses.length,
    batchLosses: losses,
    ...(validated && { valLoss: validated.sampleLoss }),
    metrics: scores as Record<N, number>,
    valMetrics: (validated?.scores ?? {}) as Record<N, number>,
    samples,
    seconds,
    samplesPerSecond: samples / seconds,
    lr,
  };
}

function nonFinite(epoch: number, step: number): StateError {
  return new StateError(
    `train: the loss is not finite in epoch ${epoch}, step ${step}; the model is as before that step. ` +
      'Lower the learning rate, or look for NaN in the data; allowNonFinite: true goes on',
  );
}
