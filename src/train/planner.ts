/** A session, and the plans of a task in it. */
import type { RunResult, Session } from '../binding.js';
import { type InMemory, rowNumbers } from '../data/gather.js';
import type { TypedArray } from '../dtype.js';
import { fromNative, StateError } from '../errors.js';
import { native } from '../native.js';
import { nextTurn } from '../nextTurn.js';
import type { Parameter } from '../nn/parameter.js';
import type { Optimizer } from '../optim/index.js';
import { defaultGenerator } from '../random.js';
import { elementsOf, formatShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import type { Graph, TensorType } from './graph.js';
import type { Stop } from './stop.js';
import { type LoaderOf, programOf, samplesOf, type Task } from './task.js';
import { trace } from './trace.js';

// biome-ignore lint/suspicious/noExplicitAny: options matter to the optimizer alone
export type AnyOptimizer = Optimizer<any>;

/** Data whose batches have more types than these is not worth a plan for each. */
const MOST_PLANS = 32;

/** A compiled program for batches of one type. */
export interface Plan {
  readonly number: number;
  readonly graph: Graph;
  readonly batch: readonly TensorType[];
  readonly train: boolean;
  /** How its steps are described, with times where it has run. */
  description: string;
}

/** How to run batches. */
export interface Manner {
  readonly train: boolean;
  readonly allowNonFinite: boolean;
}

/** How much data is copied in one turn of the event loop, in bytes: it takes some 0.5 ms. */
const PIECE_BYTES = 2 ** 22;

/** The result of a run that was stopped before its first step. */
function nothing({ metrics }: Task): RunResult {
  const [losses, none] = [new Float32Array(0), metrics.map(() => 0)];
  return { steps: 0, samples: 0, losses, metrics: none, stopped: 'aborted', seconds: 0 };
}

function passing<R>(call: () => R): R {
  try {
    return call();
  } catch (error) {
    throw fromNative(error);
  }
}

async function awaited<R>(call: () => Promise<R>): Promise<R> {
  try {
    return await call();
  } catch (error) {
    throw fromNative(error);
  }
}

export class Planner {
  private readonly session: Session;
  private readonly numbers: ReadonlyMap<Tensor, number>;
  private readonly plans = new Map<string, Plan | string>();
  private readonly data: { rows: readonly TypedArray[]; described: string; number: number }[] = [];
  private optimizing = '';

  /** @param optimizer none where nothing is trained. */
  constructor(
    private readonly task: Task,
    private readonly parameters: readonly Parameter[],
    private readonly optimizer?: AnyOptimizer,
  ) {
    this.session = passing(() => native.createSession(Int32Array.from(parameters, ({ size }) => size)));
    this.numbers = new Map(parameters.map((parameter, i) => [parameter, i]));
    this.readOptions();
    const loan = this.optimizer?.lend(parameters);
    const arrays = this.arrays();
    passing(() => this.session.write(arrays, loan?.buffers ?? [], loan?.steps ?? new Int32Array(0)));
  }

  /** Takes over the options of the optimizer, which may have changed. */
  readOptions(): void {
    const optimizing = this.optimizer?.encode(this.numbers);
    if (optimizing === undefined || optimizing === this.optimizing) return;
    passing(() => this.session.setOptimizer(optimizing));
    this.optimizing = optimizing;
  }

  /** Those that it has made. */
  *made(): IterableIterator<Plan> {
    for (const plan of this.plans.values()) if (typeof plan !== 'string') yield plan;
  }

  /** The plan for batches of this type; in words why there is none, to be read after "forward". */
  plan(batch: readonly TensorType[], train: boolean): Plan | string {
    const key = `${train}:${batch.map(({ dtype, shape }) => dtype + formatShape(shape)).join()}`;
    let plan = this.plans.get(key);
    if (plan === undefined) {
      if (this.plans.size === MOST_PLANS) return `gets batches of more than ${MOST_PLANS} shapes`;
      const graph = trace(programOf(this.task, this.parameters, train), batch);
      plan = typeof graph === 'string' ? graph : this.compile(graph, batch, train);
      this.plans.set(key, plan);
    }
    return plan;
  }

  /** Traces anew what plans were made of; in words what is other than it was, to be read after "forward". */
  verify(): string | undefined {
    for (const { graph, batch, train } of this.made()) {
      const now = trace(programOf(this.task, this.parameters, train), batch);
      const problem = typeof now === 'string' ? now : graph.difference(now);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  /**
   * An iteration over a loader whose data is in memory; undefined where it is not, in words why there is no plan.
   *
   * The data is copied first, a piece in each turn of the event loop, unless that has been done before; `stop` is heard
   * meanwhile too. Random numbers are drawn before that.
   *
   * @throws the errors of the loader, and of the first batch that is wrong; the steps before it are done then.
   */
  runEpoch(loader: LoaderOf<unknown>, manner: Manner, stop: Stop): Promise<RunResult> | string | undefined {
    const memory = loader.inMemory();
    if (!memory || memory.fields.length < 2 || memory.fields.some(({ shape }) => elementsOf(shape) === 0))
      return undefined;
    const count = loader.count();
    const rest = loader.dropLast ? 0 : count % loader.batchSize;
    const sizes = [count >= loader.batchSize ? loader.batchSize : 0, rest].filter((size) => size > 0);
    const plans: Plan[] = [];
    for (const size of sizes) {
      const batch = memory.fields.map(({ dtype, shape }) => ({ dtype, shape: [size, ...shape] }));
      const plan = this.plan(batch, manner.train);
      if (typeof plan === 'string') return plan;
      plans.push(plan);
    }
    const order = rowNumbers(memory, loader.order());
    const numbers = Int32Array.from(plans, ({ number }) => number);
    const [size = 1] = sizes;
    const full = Math.floor(count / size);
    const streams = plans.flatMap(({ graph }, i) => new Array<number>(i === 0 ? full : 1).fill(graph.seeds));
    return this.drawing(streams, async (seed) => {
      const data = await this.dataOf(memory, stop);
      if (data === undefined || stop.requested) return nothing(this.task);
      return this.session.run(numbers, data, order, size, seed, manner.allowNonFinite);
    });
  }

  /** One batch. */
  runBatch(plan: Plan, batch: readonly Tensor[], manner: Manner): Promise<RunResult> {
    const inputs = batch.map(({ elements }) => elements);
    return this.drawing([plan.graph.seeds], (seed) =>
      this.session.step(plan.number, inputs, samplesOf(batch), seed, manner.allowNonFinite),
    );
  }

  /** Stops what is running after its current step. */
  abort(): void {
    this.session.abort();
  }

  progress(): number[] {
    return this.session.progress();
  }

  /** Copies parameters and optimizer state out: what the program sees from now on. Not during a run. */
  publish(): void {
    const loan = this.optimizer?.lend(this.parameters);
    if (!loan) return;
    const arrays = this.arrays();
    passing(() => this.session.read(arrays, loan.buffers, loan.steps));
    for (const parameter of this.parameters) if (parameter.requiresGrad) parameter.storage.version++;
    loan.returned();
    for (const plan of this.made()) plan.description = passing(() => this.session.explain(plan.number));
  }

  /** Frees the memory. */
  close(): void {
    this.session.close();
  }

  private arrays(): Float32Array[] {
    return this.parameters.map(({ elements }) => elements as Float32Array);
  }

  private compile(graph: Graph, batch: readonly TensorType[], train: boolean): Plan {
    const number = passing(() => this.session.compile(graph.program, graph.constants));
    const description = passing(() => this.session.explain(number));
    return { number, graph, batch, train, description };
  }

  /**
   * The number of this data, which is copied once, however many loaders and parts of a dataset it stands behind;
   * undefined where it was told to stop before all was copied.
   */
  private async dataOf({ fields }: InMemory, stop: Stop): Promise<number | undefined> {
    const described = JSON.stringify(
      fields.map(({ rows, dtype, shape, normalization }) => ({
        dtype: normalization ? 'uint8' : dtype,
        elements: rows.length,
        row: elementsOf(shape),
        divide: normalization?.divide,
        mean: normalization && [...normalization.mean],
        std: normalization && [...normalization.std],
      })),
    );
    const rows = fields.map((field) => field.rows);
    const known = this.data.find(
      (data) => data.described === described && data.rows.every((array, i) => array === rows[i]),
    );
    if (known) return known.number;
    const lengths = rows.map(({ length }) => length);
    const number = await this.session.addData(described);
    for (const [field, array] of rows.entries()) {
      const length = lengths[field] as number;
      const step = Math.ceil(PIECE_BYTES / array.BYTES_PER_ELEMENT);
      for (let at = 0; at < length; at += step) {
        if (at > 0) await nextTurn();
        if (stop.requested) return undefined;
        if (array.length !== length) {
          throw new StateError(`${this.task.what}: the data was detached or resized while it was copied`);
        }
        this.session.appendData(number, field, array.subarray(at, at + step));
      }
    }
    this.data.push({ rows, described, number });
    return number;
  }

  /** Runs steps of which each draws so many streams; those of steps that are not taken are given back. */
  private async drawing(
    streams: readonly number[],
    run: (seed: Int32Array) => Promise<RunResult>,
  ): Promise<RunResult> {
    const generator = defaultGenerator;
    const first = generator.position;
    const sum = (steps: number) => streams.slice(0, steps).reduce((a, b) => a + b, 0);
    const seed = generator.peekWords();
    const last = first + sum(streams.length);
    generator.moveTo(last);
    let drawn = streams.length;
    try {
      const result = await awaited(() => run(seed));
      drawn = result.steps + (result.stopped === 'nonFinite' ? 1 : 0);
      return result;
    } catch (error) {
      [drawn = 0] = this.session.progress();
      throw error;
    } finally {
      if (generator.position === last) generator.moveTo(first + sum(drawn));
    }
  }
}
