/** Making tensors. */
import { allocate, type DType, dtypes, element, type TypedArray } from './dtype.js';
import { apply } from './engine.js';
import { ArgumentError, DtypeError, fromNative, IndexError, ShapeError, StateError } from './errors.js';
import { native } from './native.js';
import { checkOptions, checkSize } from './options.js';
import { defaultGenerator, Generator } from './random.js';
import { checkShape, describe, elementsOf, formatShape, MAX_NDIM, type Shape } from './shape.js';
import type { Exactly } from './shapeTypes.js';
import { scalar, Tensor, type TensorLike } from './tensor.js';
import { typedArrayName } from './typedArray.js';

/** What {@link tensor} takes: a number, arrays of numbers in arrays, or a typed array with a `shape`. */
export type TensorData = number | boolean | readonly TensorData[] | ArrayLike<number> | BigInt64Array;

/** How to make a tensor. */
export interface TensorOptions {
  dtype?: DType;
  /** Whether gradients are computed for it; float32 only. */
  requiresGrad?: boolean;
}

interface RandomOptions extends TensorOptions {
  /** What to draw from instead of the default generator. */
  generator?: Generator;
}

function isTyped(data: unknown): data is TypedArray | Float64Array | BigInt64Array {
  return ArrayBuffer.isView(data) && !(data instanceof DataView);
}

/** A detached buffer shows in that nothing can be made of it. */
function isDetached({ buffer, byteLength }: ArrayBufferView): boolean {
  if (byteLength > 0) return false;
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

function expectDType(dtype: unknown, what: string): asserts dtype is DType {
  if (!dtypes.includes(dtype as DType)) {
    throw new DtypeError(`${what}: unknown dtype ${describe(dtype)}, expected ${dtypes.join(', ')}`);
  }
}

/** Sizes of nested arrays, and their elements in order; ragged ones are refused. */
function flatten(data: readonly unknown[]): { shape: number[]; values: unknown[] } {
  const shape: number[] = [];
  for (let level: unknown = data; Array.isArray(level) || isTyped(level); level = level[0]) {
    shape.push(level.length);
    // An array may hold itself.
    if (shape.length > MAX_NDIM) throw new ShapeError(`tensor: a tensor has at most ${MAX_NDIM} dimensions`);
  }
  const values: unknown[] = [];
  const walk = (level: unknown, dim: number, path: string): void => {
    const nestedHere = Array.isArray(level) || isTyped(level);
    if (dim === shape.length) {
      if (nestedHere)
        throw new ShapeError(`tensor: ragged data: data${path} is an array, its first neighbour a number`);
      values.push(level);
      return;
    }
    if (!nestedHere || level.length !== shape[dim]) {
      const got = nestedHere ? `has ${level.length} entries` : `is ${describe(level)}`;
      throw new ShapeError(`tensor: ragged data: data${path} ${got}, expected ${shape[dim]} entries`);
    }
    for (let i = 0; i < level.length; i++) walk(level[i], dim + 1, `${path}[${i}]`);
  };
  walk(data, 0, '');
  return { shape, values };
}

/** Typed arrays of integers that become int32. */
const integerArrays = new Set(['Int32Array', 'Int16Array', 'Int8Array', 'Uint16Array', 'BigInt64Array']);

function inferDType(data: unknown, values: ArrayLike<unknown>): DType {
  const array = typedArrayName(data);
  if (array !== undefined && integerArrays.has(array)) return 'int32';
  if (array === 'Uint8Array' || array === 'Uint8ClampedArray') return 'uint8';
  return values.length > 0 && typeof values[0] === 'boolean' ? 'bool' : 'float32';
}

function make<S extends Shape>(
  array: TypedArray,
  dtype: DType,
  shape: S,
  options?: TensorOptions,
): Tensor<Exactly<S>> {
  const result = new Tensor(array, dtype, Object.freeze([...shape]) as unknown as Exactly<S>);
  if (options?.requiresGrad) result.requiresGrad = true;
  return result;
}

/**
 * A tensor with a copy of `data`.
 *
 * @param data a number, nested arrays (`[[1, 2], [3, 4]]`), or a flat or typed array together with `shape`.
 * @param options `dtype` defaults to float32, for booleans to bool, for integer typed arrays to int32 or uint8.
 * @throws ShapeError for ragged data or a shape that does not fit; ArgumentError for what is not a number, and for
 * numbers that are not of the dtype (fractional labels).
 */
export function tensor<const S extends Shape = Shape>(
  data: TensorData,
  options: TensorOptions & { shape?: S } = {},
): Tensor<Exactly<S>> {
  checkOptions('tensor', options, ['dtype', 'requiresGrad', 'shape']);
  let shape: readonly number[];
  let values: ArrayLike<unknown>;
  if (isTyped(data)) {
    if (isDetached(data)) throw new StateError('tensor: the buffer of the data was detached');
    [shape, values] = [[data.length], data];
  } else if (Array.isArray(data)) {
    ({ shape, values } = flatten(data));
  } else if (typeof data === 'number' || typeof data === 'boolean') {
    [shape, values] = [[], [data]];
  } else {
    throw new ArgumentError(
      `tensor: expected a number, arrays of numbers or a typed array, got ${describe(data)}`,
    );
  }
  const dtype = options.dtype ?? inferDType(data, values);
  expectDType(dtype, 'tensor');
  if (options.shape) {
    checkShape(options.shape, 'tensor');
    if (elementsOf(options.shape) !== values.length) {
      throw new ShapeError(
        `tensor: ${values.length} elements do not fill shape ${formatShape(options.shape)}, ` +
          `which has ${elementsOf(options.shape)}`,
      );
    }
    shape = options.shape;
  }
  checkShape(shape as number[], 'tensor');
  const array = allocate(dtype, values.length);
  if (typedArrayName(values) === typedArrayName(array) && dtype !== 'bool') array.set(values as TypedArray);
  else for (let i = 0; i < values.length; i++) array[i] = element(values[i], dtype, 'tensor');
  return make(array, dtype, shape as S, options);
}

/** A tensor whose elements `fill` writes. */
function filled<S extends Shape>(
  what: string,
  shape: S,
  options: TensorOptions = {},
  fill: (array: TypedArray, dtype: DType) => void,
): Tensor<Exactly<S>> {
  checkOptions(what, options, ['dtype', 'requiresGrad']);
  const dtype = options.dtype ?? 'float32';
  expectDType(dtype, what);
  checkShape(shape, what);
  const array = allocate(dtype, elementsOf(shape));
  fill(array, dtype);
  return make(array, dtype, shape, options);
}

function constant<S extends Shape>(
  what: string,
  shape: S,
  value: number,
  options?: TensorOptions,
): Tensor<Exactly<S>> {
  return filled(what, shape, options, (array, dtype) => array.fill(element(value, dtype, what)));
}

/** Every element is `value`. */
export function full<const S extends Shape>(
  shape: S,
  value: number,
  options?: TensorOptions,
): Tensor<Exactly<S>> {
  return constant('full', shape, value, options);
}

/** Every element is 0. */
export function zeros<const S extends Shape>(shape: S, options?: TensorOptions): Tensor<Exactly<S>> {
  return constant('zeros', shape, 0, options);
}

/** Every element is 1. */
export function ones<const S extends Shape>(shape: S, options?: TensorOptions): Tensor<Exactly<S>> {
  return constant('ones', shape, 1, options);
}

/** The identity matrix of n rows. */
export function eye<const N extends number>(n: N, options?: TensorOptions): Tensor<[N, N]> {
  const result = constant('eye', [n, n] as [N, N], 0, options) as Tensor<[N, N]>;
  for (let i = 0; i < n; i++) result.array[i * n + i] = 1;
  return result;
}

/** `arange(end)`, `arange(start, end)`, `arange(start, end, step)`: from start to below end. */
export function arange(
  start: number,
  end?: number,
  step?: number,
  options: TensorOptions = {},
): Tensor<[number]> {
  const [from, to, by] = end === undefined ? [0, start, 1] : [start, end, step ?? 1];
  if (![from, to, by].every(Number.isFinite) || by === 0) {
    throw new ArgumentError(
      `arange: expected finite numbers and a step other than 0, got ${from}, ${to}, ${by}`,
    );
  }
  const n = Math.max(0, Math.ceil((to - from) / by));
  return filled('arange', [n] as [number], options, (array, dtype) => {
    for (let i = 0; i < n; i++) array[i] = element(from + i * by, dtype, 'arange');
  }) as Tensor<[number]>;
}

/** `steps` numbers evenly spaced from `start` to `end`, both included. */
export function linspace(
  start: number,
  end: number,
  steps: number,
  options: TensorOptions = {},
): Tensor<[number]> {
  if (![start, end].every(Number.isFinite)) {
    throw new ArgumentError(`linspace: expected finite numbers, got ${describe(start)} and ${describe(end)}`);
  }
  return filled('linspace', [steps] as [number], options, (array, dtype) => {
    const last = Math.max(1, steps - 1);
    for (let i = 0; i < steps; i++) {
      const value = i > 0 && i === last ? end : start + ((end - start) * i) / last;
      array[i] = element(value, dtype, 'linspace');
    }
  }) as Tensor<[number]>;
}

function generatorOf(what: string, { generator = defaultGenerator }: RandomOptions): Generator {
  if (generator instanceof Generator) return generator;
  throw new ArgumentError(`${what}: generator must be a Generator, got ${describe(generator)}`);
}

function random<S extends Shape>(
  what: string,
  shape: S,
  options: RandomOptions,
  fill: (array: Float32Array, seed: number, stream: number) => void,
): Tensor<Exactly<S>> {
  checkOptions(what, options, ['dtype', 'requiresGrad', 'generator']);
  checkShape(shape, what);
  if (options.dtype && options.dtype !== 'float32') {
    throw new DtypeError(`${what}: expected float32, got ${options.dtype}`);
  }
  const generator = generatorOf(what, options);
  const array = allocate('float32', elementsOf(shape)) as Float32Array;
  try {
    fill(array, generator.seed, generator.next());
  } catch (error) {
    throw fromNative(error);
  }
  return make(array, 'float32', shape, options);
}

/** Uniform in [0, 1). */
export function rand<const S extends Shape>(shape: S, options: RandomOptions = {}): Tensor<Exactly<S>> {
  return random('rand', shape, options, (array, seed, stream) =>
    native.fillUniform(array, seed, stream, 0, 1),
  );
}

/** Standard normal. */
export function randn<const S extends Shape>(shape: S, options: RandomOptions = {}): Tensor<Exactly<S>> {
  return random('randn', shape, options, (array, seed, stream) =>
    native.fillNormal(array, seed, stream, 0, 1),
  );
}

/** Whole numbers (int32) uniform in low … high − 1. */
export function randint<const S extends Shape>(
  low: number,
  high: number,
  shape: S,
  options: { generator?: Generator } = {},
): Tensor<Exactly<S>> {
  checkOptions('randint', options, ['generator']);
  checkShape(shape, 'randint');
  if (element(low, 'int32', 'randint') >= element(high, 'int32', 'randint')) {
    throw new ArgumentError(`randint: low must be below high, got ${low} and ${high}`);
  }
  const generator = generatorOf('randint', options);
  const array = allocate('int32', elementsOf(shape)) as Int32Array;
  try {
    native.fillIntegers(array, generator.seed, generator.next(), low, high);
  } catch (error) {
    throw fromNative(error);
  }
  return make(array, 'int32', shape);
}

/** Labels as rows with a 1 at the label (int32): shape [..., classes]. */
export function oneHot(labels: Tensor, classes: number): Tensor {
  checkSize('oneHot', 'classes', classes);
  return apply('oneHot', [labels], { classes });
}

function expectTensors(tensors: readonly Tensor[], what: string): void {
  if (!Array.isArray(tensors) || tensors.length === 0) {
    throw new ArgumentError(`${what}: expected an array of at least one tensor, got ${describe(tensors)}`);
  }
  const odd = tensors.find((t) => !(t instanceof Tensor));
  if (odd !== undefined) throw new ArgumentError(`${what}: expected tensors, got ${describe(odd)}`);
}

/** Tensors one after another along an existing dimension. */
export function cat(tensors: readonly Tensor[], dim = 0): Tensor {
  expectTensors(tensors, 'cat');
  return apply('cat', tensors, { dim });
}

/** Tensors of one shape along a new dimension. */
export function stack(tensors: readonly Tensor[], dim = 0): Tensor {
  expectTensors(tensors, 'stack');
  const [{ shape }] = tensors as [Tensor];
  if (Number.isInteger(dim) && (dim < -shape.length - 1 || dim > shape.length)) {
    throw new IndexError(
      `stack: dim ${dim} is out of range for shape ${formatShape(shape)}, expected ${-shape.length - 1} to ${shape.length}`,
    );
  }
  const odd = tensors.find((t) => formatShape(t.shape) !== formatShape(shape));
  if (odd) {
    throw new ShapeError(`stack: shapes ${formatShape(shape)} and ${formatShape(odd.shape)} differ`);
  }
  return cat(
    tensors.map((t) => t.unsqueeze(dim)),
    dim,
  );
}

/**
 * Elements of `a` where `condition` is true, or not 0, else of `b`; all three broadcast. An integer beside a tensor of
 * integers stays one.
 */
export function where(condition: Tensor, a: TensorLike, b: TensorLike): Tensor {
  const operand = (x: TensorLike, other: TensorLike): Tensor => {
    if (typeof x !== 'number') return x;
    return other instanceof Tensor ? scalar(x, other) : full([], x);
  };
  return apply('where', [condition, operand(a, b), operand(b, a)]);
}
