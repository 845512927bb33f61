/** One iteration over a loader: by plans where there are any, else step by step in JavaScript. */
import { noGrad } from '../autograd.js';
import type { RunResult } from '../binding.js';
import type { Score } from '../metrics/index.js';
import { nextTurn } from '../nextTurn.js';
import type { Tensor } from '../tensor.js';
import type { Claim } from './claim.js';
import { fallBack } from './fallback.js';
import { type AnyOptimizer, type Manner, type Plan, Planner } from './planner.js';
import type { Stop } from './stop.js';
import {
  compute,
  floatParameters,
  inEvaluation,
  judge,
  type LoaderOf,
  samplesOf,
  type Task,
  tensorsOf,
} from './task.js';

/** What computing in JavaScript may cost the event loop at a time, in milliseconds, unless one step takes longer. */
const BLOCKING_MS = 10;

/** What came of an iteration. */
export interface Outcome {
  /** Of each batch. */
  readonly losses: Float32Array;
  /** The mean loss of a sample: the mean of the losses, weighted by the samples of each batch. */
  readonly sampleLoss: number;
  readonly scores: Record<string, number>;
  readonly samples: number;
  readonly seconds: number;
  /** `nonFinite`: the loss of the next step was not, and it was not taken. */
  readonly stopped: RunResult['stopped'];
}

/** Adds up steps. */
class Tally {
  private readonly begin = performance.now();
  private readonly losses: number[] = [];
  private readonly weights: number[] = [];
  private readonly scores: Score[];
  private samples = 0;

  constructor(private readonly task: Task) {
    this.scores = task.metrics.map(() => ({ sum: 0, count: 0 }));
  }

  /** Steps, the loss of all, and the samples so far. */
  get progress(): readonly number[] {
    return [this.losses.length, this.samples, this.losses.reduce((a, b) => a + b, 0)];
  }

  add(losses: ArrayLike<number>, samples: readonly number[], scores: readonly Score[]): void {
    for (let i = 0; i < samples.length; i++) {
      this.losses.push(losses[i] as number);
      this.weights.push(samples[i] as number);
      this.samples += samples[i] as number;
    }
    scores.forEach(({ sum, count }, i) => {
      const before = this.scores[i] as Score;
      this.scores[i] = { sum: before.sum + sum, count: before.count + count };
    });
  }

  outcome(stopped: Outcome['stopped']): Outcome {
    const weighted = this.losses.reduce((sum, loss, i) => sum + loss * (this.weights[i] as number), 0);
    return {
      losses: Float32Array.from(this.losses),
      sampleLoss: weighted / this.samples,
      scores: Object.fromEntries(
        this.task.metrics.map(([name], i) => {
          const { sum, count } = this.scores[i] as Score;
          return [name, sum / count];
        }),
      ),
      samples: this.samples,
      seconds: (performance.now() - this.begin) / 1000,
      stopped,
    };
  }
}

/** A task with what carries it out. */
export class Passes {
  /** Why there are no plans, or no longer. */
  eager: string | undefined;
  private readonly planner: Planner | undefined;
  private tally: Tally | undefined;
  private native = false;

  /** @throws StateError where there can be no plans, and without there must be none. */
  constructor(
    private readonly task: Task,
    private readonly stop: Stop,
    /** Whether it may do without plans. */
    private readonly fallback: boolean,
    private readonly training?: { readonly optimizer: AnyOptimizer; readonly claim: Claim },
  ) {
    const own = task.metrics.find(([, metric]) => metric.native === undefined);
    if (own) this.giveUp(`is judged by metrics.${own[0]}, which is computed in JavaScript`);
    else this.planner = new Planner(task, floatParameters(task.model), training?.optimizer);
  }

  /** Steps, samples, and the sum of the losses of the iteration in progress. */
  progress(): readonly number[] {
    if (this.native && this.planner) return this.planner.progress();
    return this.tally?.progress ?? [0, 0, 0];
  }

  /** The plans so far. */
  plans(): Plan[] {
    return [...(this.planner?.made() ?? [])];
  }

  /** Between iterations: takes over what was changed since, and sees whether the model is what was compiled. */
  refresh(): void {
    if (!this.planner || this.eager !== undefined) return;
    this.planner.readOptions();
    const other = this.planner.verify();
    if (other !== undefined) this.giveUp(other);
  }

  /** Frees the memory of the plans. */
  close(): void {
    this.planner?.close();
  }

  /**
   * An iteration. What it trained is where the program sees it afterwards, whatever happened.
   *
   * @throws the errors of the loader and of the model; the steps before are done then.
   */
  async over(loader: LoaderOf<unknown>, manner: Manner): Promise<Outcome> {
    this.tally = new Tally(this.task);
    const { planner } = this;
    if (!planner || this.eager !== undefined) return this.batches(loader, manner, this.tally);
    const off = this.stop.onRequest(() => planner.abort());
    try {
      const running = planner.runEpoch(loader, manner, this.stop);
      if (typeof running !== 'object') {
        if (running !== undefined) this.giveUp(running);
        return await this.batches(loader, manner, this.tally);
      }
      this.native = true;
      const { losses, metrics, samples, steps, stopped } = await running;
      const sizes = Array.from({ length: steps }, (_, i) =>
        Math.min(loader.batchSize, samples - i * loader.batchSize),
      );
      this.tally.add(
        losses,
        sizes,
        metrics.map((sum) => ({ sum, count: samples })),
      );
      return this.tally.outcome(stopped);
    } finally {
      off();
      this.native = false;
      if (manner.train && this.eager === undefined) planner.publish();
    }
  }

  private async batches(loader: LoaderOf<unknown>, manner: Manner, tally: Tally): Promise<Outcome> {
    const iterator = loader[Symbol.asyncIterator]();
    let finished = false;
    try {
      let next = iterator.next();
      let yielded = performance.now();
      for (;;) {
        const result = await this.stop.orStop(next);
        if (this.stop.requested) return tally.outcome('aborted');
        if (!result || result.done) break;
        const batch = tensorsOf(this.task.what, result.value);
        const plan = this.planFor(batch, manner.train);
        if (plan && this.planner) {
          // Streams of random numbers are drawn here, in the order of the explicit loop; then the next batch is made.
          const running = this.planner.runBatch(plan, batch, manner);
          next = iterator.next();
          next.catch(() => {}); // reported when it is its turn
          const { losses, metrics, samples, stopped } = await running;
          if (stopped === 'nonFinite') return tally.outcome(stopped);
          if (stopped === 'done')
            tally.add(
              losses,
              [samples],
              metrics.map((sum) => ({ sum, count: samples })),
            );
          continue;
        }
        if (!this.step(batch, manner, tally)) return tally.outcome('nonFinite');
        if (performance.now() - yielded >= BLOCKING_MS) {
          await nextTurn();
          yielded = performance.now();
        }
        next = iterator.next();
      }
      finished = true;
      return tally.outcome('done');
    } finally {
      // Not awaited: it may hang as the last batch did.
      if (!finished) iterator.return?.().catch(() => {});
    }
  }

  private planFor(batch: readonly Tensor[], train: boolean) {
    if (!this.planner || this.eager !== undefined) return undefined;
    const plan = this.planner.plan(batch, train);
    if (typeof plan !== 'string') return plan;
    if (train) this.planner.publish(); // from here on it is the program's tensors that are trained
    this.giveUp(plan);
    return undefined;
  }

  /** A step of the explicit loop; false where the loss is not finite. */
  private step(batch: readonly Tensor[], { train, allowNonFinite }: Manner, tally: Tally): boolean {
    const { task, training } = this;
    if (!(train && training)) {
      const { output, loss } = noGrad(() => inEvaluation(task.model, () => compute(task, batch)));
      tally.add([loss?.item() ?? 0], [samplesOf(batch)], judge(task, output, batch.at(-1) as Tensor));
      return true;
    }
    return training.claim.lift(() => {
      training.optimizer.zeroGrad();
      const { output, loss } = compute(task, batch);
      if (!loss) return true;
      const value = loss.item();
      if (!Number.isFinite(value) && !allowNonFinite) return false;
      const scores = judge(task, output, batch.at(-1) as Tensor);
      loss.backward();
      training.optimizer.step();
      tally.add([value], [samplesOf(batch)], scores);
      return true;
    });
  }

  /** From here on without plans. */
  private giveUp(reason: string): void {
    if (this.eager !== undefined) return;
    fallBack(this.task.what, this.task.model, reason, this.fallback);
    this.eager = reason;
  }
}
