/**
 * What the native binary exports, written by hand: the binding is private, and only native.ts imports it.
 * Every function here may throw; {@link fromNative} turns what it throws into the public error classes.
 */
import type { TypedArray } from './dtype.js';

/** What is known of an operation bound to the types and layouts of its inputs. */
export interface PreparedCall {
  /** The number to run it by, until {@link Native.forgetPrepared}. */
  id: number;
  /** The result's element type: its place in the list of types. */
  dtype: number;
  shape: number[];
  /** For a view: how the result lies in the storage of input 0. */
  strides?: number[];
  offset?: number;
  /** A bit for each input that backward reads. */
  readsInputs: number;
  readsOutput: boolean;
  /** A bit for each input that has a gradient. */
  differentiable: number;
}

/** A tensor in a file; `dtype` is its place in the list of types. */
export interface NamedTensor {
  name: string;
  dtype: number;
  shape: readonly number[];
}

/** How a run ended. */
export interface RunResult {
  /** Steps (batches) completed; the parameters are those after the last of them. */
  steps: number;
  samples: number;
  /** The loss of each completed step. */
  losses: Float32Array;
  /** For each metric of the program: its sum over samples, such as the number of right ones. */
  metrics: number[];
  /** `nonFinite`: the loss of the next step was not finite, and it was not taken. */
  stopped: 'done' | 'aborted' | 'nonFinite';
  seconds: number;
}

/**
 * A training: parameters and what the optimizer remembers of them, data, and the plans that run on these, all on a
 * thread of its own. A program is the JSON of src/train/graph.ts.
 */
export interface Session {
  /** Compiles a program; its number. Constants are copied. */
  compile(program: string, constants: readonly TypedArray[]): number;
  /**
   * Makes room for data in memory; its number. `fields` is JSON, [{ dtype, elements, row, divide?, mean?, std? }] with the
   * elements of a row; the k-th field feeds input k of programs. With `divide`, bytes become float32.
   */
  addData(fields: string): Promise<number>;
  /** Copies the next elements of a field of that data. No run uses it before all are there. */
  appendData(data: number, field: number, elements: TypedArray): void;
  /** `{ rule, groups: [{ options, parameters }] }` as JSON; the parameters are numbers. */
  setOptimizer(optimizer: string): void;
  /**
   * Copies values in: all parameters; of those in a group, in their order, the optimizer's buffers one after another
   * and the number of earlier steps.
   */
  write(parameters: readonly Float32Array[], buffers: readonly Float32Array[], steps: Int32Array): void;
  /** Copies values out, likewise. */
  read(parameters: readonly Float32Array[], buffers: readonly Float32Array[], steps: Int32Array): void;
  /**
   * Runs plan `plans[0]` over the full batches of `order` and `plans[1]` over a shorter last one, which is left out where
   * there is no such plan. `seed` keys the first stream of random numbers; each leaf for one takes the next.
   */
  run(
    plans: Int32Array,
    data: number,
    order: Int32Array,
    batchSize: number,
    seed: Int32Array,
    allowNonFinite: boolean,
  ): Promise<RunResult>;
  /** As {@link run}, for one batch of `samples`, which is copied. */
  step(
    plan: number,
    inputs: readonly TypedArray[],
    samples: number,
    seed: Int32Array,
    allowNonFinite: boolean,
  ): Promise<RunResult>;
  /** The output of a program for one batch, which is copied. */
  predict(plan: number, inputs: readonly TypedArray[]): Promise<Float32Array>;
  /** Stops the run in progress after its current step. */
  abort(): void;
  /** Of the run in progress: steps, samples, and the sum of the losses. */
  progress(): number[];
  /** JSON that describes a plan: see src/train/explain.ts. Not during a run. */
  explain(plan: number): string;
  /** Frees everything; a run in progress is stopped first. */
  close(): void;
}

/** A program for predictions on the calling thread. */
export interface Inference {
  /** Copies parameters, for {@link run} without them; none are let go of. */
  keep(parameters: readonly Float32Array[]): void;
  /** Fills `output`; parameters are read where they are, or those that are kept if there are none. */
  run(inputs: readonly TypedArray[], parameters: readonly Float32Array[], output: TypedArray): void;
}

export interface Native {
  /** The version that the binary was built as: the same as the package's, or it is not used. */
  version(): string;
  /** To be called before anything else; throws where `FERROGRAD_ISA` or `FERROGRAD_NUM_THREADS` makes no sense. */
  initialize(): void;
  /** The instruction set in use. */
  isa(): string;
  getNumThreads(): number;
  setNumThreads(threads: number): void;

  /** `inputs` is [dtype, dimensions, sizes…, strides…]… for `count` inputs; `attributes` a JSON object. */
  prepare(op: string, attributes: string, count: number, inputs: Int32Array): PreparedCall;
  forgetPrepared(): void;
  /** Runs a prepared call; fills `output`. The arrays have the element types that it was prepared for. */
  forward(id: number, output: TypedArray, ...inputs: TypedArray[]): void;
  /**
   * `program` is [nodes, (call, inputs, values…, value of the result)…, leaves, (value, 1 to add or 0 to write)…];
   * `values` holds the elements of the values that are read; `dy` is the gradient of the last result.
   */
  backward(
    program: Int32Array,
    values: readonly (TypedArray | null)[],
    dy: Float32Array,
    grads: readonly Float32Array[],
  ): void;

  /**
   * A step of an update rule for as many parameters as there are; without any, it checks `options`, a JSON object.
   * `buffers` has those of the first parameter, then of the second, …; `steps` counts earlier steps of each.
   */
  optimizerStep(
    rule: string,
    options: string,
    params: readonly Float32Array[],
    grads: readonly Float32Array[],
    buffers: readonly Float32Array[],
    steps: Int32Array,
  ): void;

  fillUniform(out: Float32Array, seed: number, stream: number, low: number, high: number): void;
  fillNormal(out: Float32Array, seed: number, stream: number, mean: number, deviation: number): void;
  fillIntegers(out: Int32Array, seed: number, stream: number, low: number, high: number): void;
  fillPermutation(out: Int32Array, seed: number, stream: number): void;

  /**
   * Copies the rows, of `row` elements each, that `order` names; `rows` and `out` are of one type. Those that `next`
   * names are brought near.
   */
  gatherRows(rows: TypedArray, row: number, order: Int32Array, next: Int32Array, out: TypedArray): void;
  /** As above for images, of which each byte becomes (byte / divide − mean) / std; both have a number for each channel. */
  gatherImages(
    images: Uint8Array,
    row: number,
    order: Int32Array,
    next: Int32Array,
    divide: number,
    mean: Float32Array,
    std: Float32Array,
    out: Float32Array,
  ): void;

  /** A whole file, of the tensors whose elements are in `data`. */
  writeSafetensors(
    tensors: readonly NamedTensor[],
    data: readonly TypedArray[],
    metadata: readonly (readonly [key: string, value: string])[],
  ): Uint8Array;
  /** Reads the header of a whole file, and checks that all else is as it says. */
  parseSafetensors(file: Uint8Array): { tensors: NamedTensor[]; metadata: [key: string, value: string][] };
  /** Converts the elements of all tensors of a file into arrays of the types and sizes that `parseSafetensors` gave. */
  readSafetensors(file: Uint8Array, outputs: readonly TypedArray[]): void;

  /**
   * Floating-point operations a second that so many threads reach in multiply-adds on registers; null while the machine
   * has too much else to do. Takes some 3 ms.
   */
  peak(threads: number): number | null;
  /** `parameters` has the number of elements of each. */
  createSession(parameters: Int32Array): Session;
  /** Compiles a program for {@link Inference}; constants are copied. */
  compileInference(program: string, constants: readonly TypedArray[]): Inference;

  /** Draws as many images of 28×28 bytes as there are labels, from number `first` on. */
  syntheticDigits(seed: number, first: number, images: Uint8Array, labels: Int32Array): void;
}
