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

  /** Copies the rows, of `row` elements each, that `order` names; `rows` and `out` are of one type. */
  gatherRows(rows: TypedArray, row: number, order: Int32Array, out: TypedArray): void;
  /** As above for images, of which each byte becomes (byte / divide − mean) / std; both have a number for each channel. */
  gatherImages(
    images: Uint8Array,
    row: number,
    order: Int32Array,
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

  /** Draws as many images of 28×28 bytes as there are labels, from number `first` on. */
  syntheticDigits(seed: number, first: number, images: Uint8Array, labels: Int32Array): void;
}
