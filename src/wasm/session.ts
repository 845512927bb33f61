/**
 * Compiled plans in WebAssembly. There is no other thread to run them on, so an epoch is run in slices on this one, and
 * between them whoever waits for it has his turn. Data, parameters and plans stay in the module's memory meanwhile.
 */
import type { Inference, RunResult, Session } from '../binding.js';
import type { TypedArray } from '../dtype.js';
import { nextTurn } from '../nextTurn.js';
import { type Caller, coded, encode } from './caller.js';

/** How long a slice is to take, in milliseconds; one step is the least. */
const SLICE_MS = 10;

/** Frees what the program has lost without closing it. */
const lost = new FinalizationRegistry<() => void>((free) => free());

/** What the module tells of a run. */
type Summary = Omit<RunResult, 'losses'>;

export class WasmSession implements Session {
  readonly #caller: Caller;
  readonly #number: number;
  #busy = false;
  #aborted = false;
  #closed = false;
  /** Of the run in progress: steps, samples, and the sum of the losses. */
  #progress = [0, 0, 0];

  constructor(caller: Caller, parameters: Int32Array) {
    this.#caller = caller;
    caller.run((table) => caller.exports.session_create(table), [parameters]);
    const number: number = JSON.parse(caller.text());
    this.#number = number;
    lost.register(this, () => caller.free(() => caller.exports.session_free(number)), this);
  }

  compile(program: string, constants: readonly TypedArray[]): number {
    const { exports } = this.#idle();
    const invoke = (table: number) => exports.session_compile(this.#number, table, constants.length);
    this.#caller.run(invoke, [encode(program), ...constants]);
    return JSON.parse(this.#caller.text());
  }

  async addData(fields: string): Promise<number> {
    const { exports } = this.#idle();
    this.#caller.run((table) => exports.session_add_data(this.#number, table), [encode(fields)]);
    return JSON.parse(this.#caller.text());
  }

  appendData(data: number, field: number, elements: TypedArray): void {
    const { exports } = this.#idle();
    const invoke = (table: number) => exports.session_append_data(this.#number, table, data, field);
    this.#caller.run(invoke, [elements]);
  }

  setOptimizer(optimizer: string): void {
    const { exports } = this.#idle();
    this.#caller.run((table) => exports.session_set_optimizer(this.#number, table), [encode(optimizer)]);
  }

  write(parameters: readonly Float32Array[], buffers: readonly Float32Array[], steps: Int32Array): void {
    const { exports } = this.#idle();
    const invoke = (table: number) =>
      exports.session_write(this.#number, table, parameters.length, buffers.length);
    this.#caller.run(invoke, [steps, ...parameters, ...buffers]);
  }

  read(parameters: readonly Float32Array[], buffers: readonly Float32Array[], steps: Int32Array): void {
    const { exports } = this.#idle();
    const invoke = (table: number) =>
      exports.session_read(this.#number, table, parameters.length, buffers.length);
    this.#caller.run(invoke, [steps, ...parameters, ...buffers], 0);
  }

  run(
    plans: Int32Array,
    data: number,
    order: Int32Array,
    batchSize: number,
    seed: Int32Array,
    allowNonFinite: boolean,
  ): Promise<RunResult> {
    // Copies: the program may change its own meanwhile.
    return this.#start(() =>
      this.#slices(plans.slice(), data, order.slice(), batchSize, seed.slice(), allowNonFinite),
    );
  }

  step(
    plan: number,
    inputs: readonly TypedArray[],
    samples: number,
    seed: Int32Array,
    allowNonFinite: boolean,
  ): Promise<RunResult> {
    return this.#start(async () => {
      const loss = new Float32Array(1);
      const invoke = (table: number) =>
        this.#caller.exports.session_step(
          this.#number,
          table,
          plan,
          inputs.length,
          samples,
          Number(allowNonFinite),
        );
      const arrays = [seed, ...inputs, loss];
      const { result, seconds } = this.#timed(invoke, arrays);
      this.#advance(result, loss);
      return { ...result, losses: loss.slice(0, result.steps), seconds };
    });
  }

  predict(plan: number, inputs: readonly TypedArray[]): Promise<Float32Array> {
    return this.#start(async () => {
      const { exports } = this.#caller;
      const invoke = (table: number) => exports.session_predict(this.#number, table, plan, inputs.length);
      this.#caller.run(invoke, inputs);
      return new Float32Array(this.#caller.result().buffer);
    });
  }

  abort(): void {
    this.#aborted = true;
  }

  progress(): number[] {
    return [...this.#progress];
  }

  explain(plan: number): string {
    const { exports } = this.#idle();
    this.#caller.check(() => exports.session_explain(this.#number, plan));
    return this.#caller.text();
  }

  close(): void {
    this.#aborted = true;
    if (this.#closed) return;
    this.#closed = true;
    lost.unregister(this);
    if (!this.#busy) this.#free();
  }

  /** The caller, unless a run is going on. */
  #idle(): Caller {
    if (this.#busy) throw coded('ERR_STATE', 'a run of this session is still going on');
    return this.#caller;
  }

  #free(): void {
    this.#caller.free(() => this.#caller.exports.session_free(this.#number));
  }

  async #start<R>(work: () => Promise<R>): Promise<R> {
    this.#idle();
    this.#busy = true;
    this.#aborted = this.#closed;
    this.#progress = [0, 0, 0];
    try {
      return await work();
    } finally {
      this.#busy = false;
      if (this.#closed) this.#free();
    }
  }

  #timed(invoke: (table: number) => number, arrays: readonly TypedArray[]) {
    const start = performance.now();
    this.#caller.run(invoke, arrays, arrays.length - 1);
    const result: Summary = JSON.parse(this.#caller.text());
    return { result, seconds: (performance.now() - start) / 1000 };
  }

  #advance({ steps, samples }: Summary, losses: Float32Array): void {
    const [before = 0, samplesBefore = 0, sum = 0] = this.#progress;
    const added = losses.subarray(0, steps).reduce((a, b) => a + b, 0);
    this.#progress = [before + steps, samplesBefore + samples, sum + added];
  }

  async #slices(
    plans: Int32Array,
    data: number,
    order: Int32Array,
    batchSize: number,
    seed: Int32Array,
    allowNonFinite: boolean,
  ): Promise<RunResult> {
    const { exports } = this.#caller;
    const whole = Math.floor(order.length / batchSize);
    const steps = whole + Number(plans.length > 1 && order.length > whole * batchSize);
    const losses = new Float32Array(steps);
    const total: Summary = { steps: 0, samples: 0, metrics: [], stopped: 'done', seconds: 0 };
    let size = 1;
    do {
      if (this.#aborted) {
        total.stopped = 'aborted';
        break;
      }
      const { steps: done } = total;
      const part = order.subarray(done * batchSize, (done + size) * batchSize);
      const made = losses.subarray(done, done + size);
      const invoke = (table: number) =>
        exports.session_run(this.#number, table, data, batchSize, done, Number(allowNonFinite));
      const { result, seconds } = this.#timed(invoke, [plans, part, seed, made]);
      this.#advance(result, made);
      total.steps += result.steps;
      total.samples += result.samples;
      total.metrics = result.metrics.map((count, i) => count + (total.metrics[i] ?? 0));
      total.stopped = result.stopped;
      total.seconds += seconds;
      // As many as fit, at most twice as many as before: the first steps are slower than those that follow.
      const fitting = Math.floor((size * SLICE_MS) / (1000 * seconds + 1e-3));
      size = Math.max(1, Math.min(2 * size, fitting));
      await nextTurn();
    } while (total.stopped === 'done' && total.steps < steps);
    return { ...total, losses: losses.slice(0, total.steps) };
  }
}

export class WasmInference implements Inference {
  readonly #caller: Caller;
  readonly #number: number;

  constructor(caller: Caller, program: string, constants: readonly TypedArray[]) {
    this.#caller = caller;
    const arrays = [encode(program), ...constants];
    caller.run((table) => caller.exports.inference_compile(table, constants.length), arrays);
    const number: number = JSON.parse(caller.text());
    this.#number = number;
    lost.register(this, () => caller.free(() => caller.exports.inference_free(number)));
  }

  keep(parameters: readonly Float32Array[]): void {
    const invoke = (table: number) =>
      this.#caller.exports.inference_keep(this.#number, table, parameters.length);
    this.#caller.run(invoke, parameters, parameters.length);
  }

  run(inputs: readonly TypedArray[], parameters: readonly Float32Array[], output: TypedArray): void {
    const arrays = [...inputs, ...parameters, output];
    const invoke = (table: number) =>
      this.#caller.exports.inference_run(this.#number, table, inputs.length, parameters.length);
    this.#caller.run(invoke, arrays, arrays.length - 1);
  }
}
