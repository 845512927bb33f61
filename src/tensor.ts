/** The tensor: an array with a shape, that remembers how it was computed. */
import { backward, grads, type Node, newGradBuffer, noGrad } from './autograd.js';
import { allocate, type DType, element, type TypedArray } from './dtype.js';
import { apply } from './engine.js';
import { ArgumentError, DtypeError, IndexError, ShapeError, StateError } from './errors.js';
import { inspectTensor, type NestedArray, nested } from './inspect.js';
import { checkNumber, checkOptions, checkSize } from './options.js';
import { describe, elementsOf, formatShape, isRowMajor, type Shape, stridesOf } from './shape.js';
import type {
  Broadcast,
  Flattened,
  MatrixTransposed,
  Multiplicable,
  Permuted,
  Product,
  Reduced,
  Replaced,
  Sizes,
  Transposed,
  Unsqueezed,
} from './shapeTypes.js';
import { Storage } from './storage.js';
import { tracing } from './tracing.js';

/** For messages: what parameters are that a run trains, and what to do. */
export const IN_TRAINING = 'a parameter of a model in training; wait until the run has ended, or stop it';

/** Where a tensor may stand, a number may: it is broadcast. */
export type TensorLike = Tensor | number;

/** Which dimensions a reduction reduces: one, several, or all where absent. Negative ones count from the end. */
export type Dims = number | readonly number[];

/** The largest or smallest values along a dimension, and where they are (the first, where there are several). */
export interface Extremes<S extends Shape = Shape> {
  values: Tensor<S>;
  indices: Tensor<S>;
}

/** Whether a reduction leaves the dimensions that it reduces, with size 1. */
export interface ReduceOptions<K extends boolean = boolean> {
  keepDim?: K;
}

export class Tensor<out S extends Shape = Shape> {
  /** Sizes of the dimensions, outermost first; `[]` for a scalar. */
  readonly shape: S;
  readonly dtype: DType;
  /** Distance in elements between neighbours along each dimension. */
  readonly strides: readonly number[];
  /** @internal */
  readonly storage: Storage;
  /** @internal What computed it. */
  node: Node | undefined;
  /** @internal Set by the engine. */
  layoutKey: number | undefined;

  /** The elements, from the tensor's first on, where they were last. */
  private memory: TypedArray;
  private wantsGrad = false;
  private gradArray: Float32Array | undefined;
  private spareGradArray: Float32Array | undefined;
  private gradTensor: Tensor<S> | undefined;

  /** @internal Tensors are made by {@link tensor}, {@link zeros} and the like. */
  constructor(
    array: TypedArray,
    dtype: DType,
    shape: S,
    strides: readonly number[] = stridesOf(shape),
    storage = new Storage(),
  ) {
    this.memory = array;
    this.dtype = dtype;
    this.shape = shape;
    this.strides = strides;
    this.storage = storage;
  }

  /** @internal The elements, from the tensor's first on; those who need them for longer than a call ask {@link elements}. */
  get array(): TypedArray {
    this.memory = this.storage.locate(this.memory);
    return this.memory;
  }

  /** The number of dimensions. */
  get ndim(): number {
    return this.shape.length;
  }

  /** The number of elements. */
  get size(): number {
    return elementsOf(this.shape);
  }

  /** Whether the elements follow each other in row-major order. */
  isContiguous(): boolean {
    return isRowMajor(this.shape, this.strides);
  }

  // ---- gradients

  /** Whether operations on this tensor are recorded, so that `backward` reaches it. */
  get requiresGrad(): boolean {
    return this.wantsGrad || this.node !== undefined;
  }

  set requiresGrad(value: boolean) {
    if (this.node && !value) {
      throw new StateError(
        'requiresGrad: only a leaf can be set to false; use detach() for a computed tensor',
      );
    }
    if (value && this.dtype !== 'float32') {
      throw new DtypeError(`requiresGrad: only float32 tensors have gradients, this one is ${this.dtype}`);
    }
    this.wantsGrad = value;
  }

  /** The gradient that `backward` left here; null before, and after `zeroGrad`. */
  get grad(): Tensor<S> | null {
    if (!this.gradArray) return null;
    this.gradTensor ??= new Tensor(this.gradArray, 'float32', this.shape);
    return this.gradTensor;
  }

  set grad(value: Tensor<S> | null) {
    if (value === null) {
      // A gradient that somebody has seen stays as it is; one that nobody has is overwritten by the next.
      this.spareGradArray = this.gradTensor ? undefined : (this.gradArray ?? this.spareGradArray);
      this.gradArray = undefined;
      this.gradTensor = undefined;
      return;
    }
    if (!(value instanceof Tensor)) {
      throw new ArgumentError(`grad: expected a tensor or null, got ${describe(value)}`);
    }
    if (value.dtype !== 'float32' || formatShape(value.shape) !== formatShape(this.shape)) {
      throw new ShapeError(
        `grad: expected float32 of shape ${formatShape(this.shape)}, got ${value.dtype} ${formatShape(value.shape)}`,
      );
    }
    const own = value.isContiguous() ? value : noGrad(() => value.clone());
    this.gradTensor = own as Tensor<S>;
    this.gradArray = own.data as Float32Array; // of a view the part that it shows
  }

  /** @internal */
  get hasGrad(): boolean {
    return this.gradArray !== undefined;
  }

  /** @internal Whether the program may hold the gradient, and compute with it. */
  get isGradSeen(): boolean {
    return this.gradTensor !== undefined;
  }

  /** @internal Where backward writes, or adds if {@link hasGrad}. */
  gradBuffer(): Float32Array {
    return this.gradArray ?? this.spareGradArray ?? newGradBuffer(this.size);
  }

  /** @internal */
  setGradBuffer(buffer: Float32Array): void {
    this.gradArray = buffer;
    this.spareGradArray = undefined;
    if (this.gradTensor) this.gradTensor.storage.version++;
  }

  /** @internal The case of a leaf that is its own result. */
  accumulateGrad(gradient: Float32Array): void {
    const buffer = this.gradBuffer();
    const add = this.hasGrad;
    for (let i = 0; i < buffer.length; i++) {
      buffer[i] = (gradient[i] as number) + (add ? (buffer[i] as number) : 0);
    }
    this.setGradBuffer(buffer);
  }

  /**
   * Computes the gradients of this tensor with respect to all leaves that it depends on and that require one, and
   * adds them to their `grad`.
   *
   * @param gradient the gradient of this tensor itself; may be left out for a scalar, such as a loss.
   * @throws StateError if nothing here requires a gradient, or a saved value has been changed in place since.
   */
  backward(gradient?: Tensor): void {
    backward(this, gradient);
  }

  /** The same elements, cut off from what computed them; storage is shared. */
  detach(): Tensor<S> {
    const tensor = new Tensor(this.array, this.dtype, this.shape, this.strides, this.storage);
    tensor.layoutKey = this.layoutKey;
    tracing.by?.detached(this, tensor);
    return tensor;
  }

  /** A copy with storage of its own, row-major; gradients flow through. */
  clone(): Tensor<S> {
    return apply('contiguous', [this]) as Tensor<S>;
  }

  // ---- elements

  /**
   * The elements in row-major order: the live array where the tensor is contiguous (writing to it changes the tensor,
   * behind the back of `backward`), else a copy.
   */
  get data(): TypedArray {
    if (this.isContiguous()) this.storage.isShown = true;
    return this.elements;
  }

  /** @internal As {@link data}, for those who do not hand it on. */
  get elements(): TypedArray {
    const elements = this.size;
    tracing.by?.reads(this, 'data');
    this.storage.settle();
    this.expectElements('data');
    if (!this.isContiguous()) return noGrad(() => this.clone().array);
    return this.array.length === elements ? this.array : this.array.subarray(0, elements);
  }

  /** The one element of a tensor of size 1, as a number (0 or 1 for bool). */
  item(): number {
    if (this.size !== 1) {
      throw new ShapeError(`item: expected one element, this tensor has shape ${formatShape(this.shape)}`);
    }
    tracing.by?.reads(this, 'item()');
    this.expectElements('item');
    return this.array[0] as number;
  }

  /** Nested arrays of numbers (booleans for bool): `[[1, 2], [3, 4]]`; a scalar gives the number itself. */
  toArray(): NestedArray {
    return nested(this.elements, this.shape, this.dtype === 'bool');
  }

  /** Converts the elements, as PyTorch does: floats are cut towards zero, and anything but 0 is true. */
  to(dtype: DType): Tensor<S> {
    return dtype === this.dtype ? this : (apply('cast', [this], { dtype }) as Tensor<S>);
  }

  /** Under `noGrad`: takes over the elements of `source`, which is broadcast and converted. */
  copy_(source: TensorLike): this {
    if (typeof source === 'number') return this.write('copy_', source);
    this.expectWritable('copy_');
    if (!(source instanceof Tensor))
      throw new ArgumentError(`copy_: expected a tensor or a number, got ${describe(source)}`);
    const from = noGrad(() => apply('expand', [source.to(this.dtype)], { shape: [...this.shape] })).data;
    this.array.set(from);
    this.storage.version++;
    return this;
  }

  /** Under `noGrad`: sets every element. @throws ArgumentError for a number that is not of the dtype. */
  fill_(value: number): this {
    return this.write('fill_', value);
  }

  private write(what: string, value: number): this {
    this.expectWritable(what);
    this.array.fill(element(value, this.dtype, what), 0, this.size);
    this.storage.version++;
    return this;
  }

  /** @internal Refuses a tensor whose memory is gone. */
  expectElements(what: string): void {
    if (this.array.length === 0 && this.size > 0) {
      throw new StateError(`${what}: the buffer of this tensor was detached or disposed`);
    }
  }

  private expectWritable(what: string): void {
    tracing.by?.refuse(`changes a tensor in place, with ${what}`);
    this.storage.settle();
    this.expectElements(what);
    if (this.storage.inTraining) throw new StateError(`${what}: this tensor is ${IN_TRAINING}`);
    if (grads.enabled && this.requiresGrad) {
      throw new StateError(`${what}: a tensor that requires a gradient can be changed under noGrad only`);
    }
    if (!this.isContiguous()) {
      throw new StateError(
        `${what}: this view of shape ${formatShape(this.shape)} is strided; write to its clone()`,
      );
    }
  }

  /** Gives the memory back early: any use afterwards throws. Nobody has to; the collector does it in time. */
  [Symbol.dispose](): void {
    this.memory = allocate(this.dtype, 0);
    this.node = undefined;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return inspectTensor(this);
  }

  toString(): string {
    return inspectTensor(this);
  }

  // ---- arithmetic, elementwise, broadcasting

  add<A extends Shape, B extends Shape = []>(
    this: Tensor<A>,
    other: Tensor<B> | number,
  ): Tensor<Broadcast<A, B>> {
    return this.binary('add', other) as Tensor<Broadcast<A, B>>;
  }
  sub<A extends Shape, B extends Shape = []>(
    this: Tensor<A>,
    other: Tensor<B> | number,
  ): Tensor<Broadcast<A, B>> {
    return this.binary('sub', other) as Tensor<Broadcast<A, B>>;
  }
  mul<A extends Shape, B extends Shape = []>(
    this: Tensor<A>,
    other: Tensor<B> | number,
  ): Tensor<Broadcast<A, B>> {
    return this.binary('mul', other) as Tensor<Broadcast<A, B>>;
  }
  div<A extends Shape, B extends Shape = []>(
    this: Tensor<A>,
    other: Tensor<B> | number,
  ): Tensor<Broadcast<A, B>> {
    return this.binary('div', other) as Tensor<Broadcast<A, B>>;
  }
  pow<A extends Shape, B extends Shape = []>(
    this: Tensor<A>,
    exponent: Tensor<B> | number,
  ): Tensor<Broadcast<A, B>> {
    return this.binary('pow', exponent) as Tensor<Broadcast<A, B>>;
  }
  maximum<A extends Shape, B extends Shape = []>(
    this: Tensor<A>,
    other: Tensor<B> | number,
  ): Tensor<Broadcast<A, B>> {
    return this.binary('maximum', other) as Tensor<Broadcast<A, B>>;
  }
  minimum<A extends Shape, B extends Shape = []>(
    this: Tensor<A>,
    other: Tensor<B> | number,
  ): Tensor<Broadcast<A, B>> {
    return this.binary('minimum', other) as Tensor<Broadcast<A, B>>;
  }
  eq<A extends Shape, B extends Shape = []>(
    this: Tensor<A>,
    other: Tensor<B> | number,
  ): Tensor<Broadcast<A, B>> {
    return this.binary('eq', other) as Tensor<Broadcast<A, B>>;
  }
  ne<A extends Shape, B extends Shape = []>(
    this: Tensor<A>,
    other: Tensor<B> | number,
  ): Tensor<Broadcast<A, B>> {
    return this.binary('ne', other) as Tensor<Broadcast<A, B>>;
  }
  lt<A extends Shape, B extends Shape = []>(
    this: Tensor<A>,
    other: Tensor<B> | number,
  ): Tensor<Broadcast<A, B>> {
    return this.binary('lt', other) as Tensor<Broadcast<A, B>>;
  }
  le<A extends Shape, B extends Shape = []>(
    this: Tensor<A>,
    other: Tensor<B> | number,
  ): Tensor<Broadcast<A, B>> {
    return this.binary('le', other) as Tensor<Broadcast<A, B>>;
  }
  gt<A extends Shape, B extends Shape = []>(
    this: Tensor<A>,
    other: Tensor<B> | number,
  ): Tensor<Broadcast<A, B>> {
    return this.binary('gt', other) as Tensor<Broadcast<A, B>>;
  }
  ge<A extends Shape, B extends Shape = []>(
    this: Tensor<A>,
    other: Tensor<B> | number,
  ): Tensor<Broadcast<A, B>> {
    return this.binary('ge', other) as Tensor<Broadcast<A, B>>;
  }

  private binary(op: string, other: TensorLike): Tensor {
    return apply(op, [this, typeof other === 'number' ? scalar(other, this) : other]);
  }

  // ---- functions, elementwise

  neg(): Tensor<S> {
    return this.unary('neg');
  }
  exp(): Tensor<S> {
    return this.unary('exp');
  }
  /** Natural logarithm. */
  log(): Tensor<S> {
    return this.unary('log');
  }
  sqrt(): Tensor<S> {
    return this.unary('sqrt');
  }
  abs(): Tensor<S> {
    return this.unary('abs');
  }
  /** Limits the elements to [min, max]; either may be left out. */
  clamp(min?: number, max?: number): Tensor<S> {
    // Undefined ones are left out of the JSON. Not spread: V8 would make a hidden class for each such object.
    return this.unary('clamp', { min: encoded(min), max: encoded(max) });
  }
  /** max(x, 0) */
  relu(): Tensor<S> {
    return this.unary('relu');
  }
  /** x where positive, else `negativeSlope`·x. */
  leakyRelu(negativeSlope = 0.01): Tensor<S> {
    return this.unary('leakyRelu', { negativeSlope: encoded(negativeSlope) });
  }
  /** x·Φ(x), exact or by the tanh approximation (Hendrycks and Gimpel 2016). */
  gelu(options: { approximate?: 'none' | 'tanh' } = {}): Tensor<S> {
    checkOptions('gelu', options, ['approximate']);
    const { approximate = 'none' } = options;
    return this.unary('gelu', { approximate });
  }
  /** x·σ(x), also known as swish. */
  silu(): Tensor<S> {
    return this.unary('silu');
  }
  /** 1 / (1 + e⁻ˣ) */
  sigmoid(): Tensor<S> {
    return this.unary('sigmoid');
  }
  tanh(): Tensor<S> {
    return this.unary('tanh');
  }
  /** eˣ / Σ eˣ along `dim`. */
  softmax(dim = -1): Tensor<S> {
    return this.alongLast('softmax', dim);
  }
  /** log softmax along `dim`, computed without overflow. */
  logSoftmax(dim = -1): Tensor<S> {
    return this.alongLast('logSoftmax', dim);
  }

  private unary(op: string, attributes?: object): Tensor<S> {
    return apply(op, [this], attributes) as Tensor<S>;
  }

  private alongLast(op: string, dim: number): Tensor<S> {
    const at = this.dim(dim, op);
    if (at === this.ndim - 1 || this.ndim === 0) return this.unary(op);
    return apply(op, [this.transpose(dim, -1)]).transpose(dim, -1) as Tensor<S>;
  }

  // ---- products

  /** The matrix product over the last two dimensions; the others broadcast. Vectors are rows on the left, columns on the right. */
  matmul<A extends Shape, B extends Shape>(
    this: Tensor<A>,
    other: Tensor<B> & Tensor<Multiplicable<A, B>>,
  ): Tensor<Product<A, B>> {
    return apply('matmul', [this, other]) as Tensor<Product<A, B>>;
  }

  // ---- shape

  /** The same storage with another shape; one size may be -1. The tensor must be contiguous. */
  view<const D extends Shape>(shape: D): Tensor<Sizes<D>>;
  view<const D extends Shape>(...shape: D): Tensor<Sizes<D>>;
  view(...shape: number[] | [Shape]): Tensor {
    return apply('view', [this], { shape: flat(shape) });
  }
  /** As {@link view}, but copies where the tensor is strided. */
  reshape<const D extends Shape>(shape: D): Tensor<Sizes<D>>;
  reshape<const D extends Shape>(...shape: D): Tensor<Sizes<D>>;
  reshape(...shape: number[] | [Shape]): Tensor {
    return apply('view', [this.isContiguous() ? this : this.clone()], { shape: flat(shape) });
  }
  /** Dimensions `start` to `end`, both included, made into one. */
  flatten<A extends Shape, F extends number = 0, E extends number = -1>(
    this: Tensor<A>,
    start?: F,
    end?: E,
  ): Tensor<Flattened<A, F, E>>;
  flatten(start = 0, end = -1): Tensor {
    if (this.ndim === 0) return this.reshape(1);
    const first = this.dim(start, 'flatten');
    const last = this.dim(end, 'flatten');
    if (first > last) throw new ArgumentError(`flatten: start ${start} comes after end ${end}`);
    return this.reshape([
      ...this.shape.slice(0, first),
      elementsOf(this.shape.slice(first, last + 1)),
      ...this.shape.slice(last + 1),
    ]);
  }
  /** Without dimension `dim` if it has size 1, or without all such. */
  squeeze(dim?: number): Tensor {
    return apply('squeeze', [this], dim === undefined ? {} : { dim });
  }
  /** With a dimension of size 1 put in at `dim`. */
  unsqueeze<A extends Shape, D extends number>(this: Tensor<A>, dim: D): Tensor<Unsqueezed<A, D>> {
    return apply('unsqueeze', [this], { dim }) as Tensor<Unsqueezed<A, D>>;
  }
  /** A view with the dimensions in another order. */
  permute<A extends Shape, const D extends Shape>(this: Tensor<A>, dims: D): Tensor<Permuted<A, D>>;
  permute<A extends Shape, const D extends Shape>(this: Tensor<A>, ...dims: D): Tensor<Permuted<A, D>>;
  permute(...dims: number[] | [readonly number[]]): Tensor {
    return apply('permute', [this], { dims: flat(dims) });
  }
  /** A view with two dimensions exchanged. */
  transpose<A extends Shape, D extends number, E extends number>(
    this: Tensor<A>,
    dim0: D,
    dim1: E,
  ): Tensor<Transposed<A, D, E>>;
  transpose(dim0: number, dim1: number): Tensor {
    const order = this.shape.map((_, i) => i);
    if (order.length === 0) return this;
    const [a, b] = [this.dim(dim0, 'transpose'), this.dim(dim1, 'transpose')];
    order[a] = b;
    order[b] = a;
    return apply('permute', [this], { dims: order });
  }
  /** The transpose of a matrix; a vector stays as it is. */
  t<A extends Shape>(this: Tensor<A>): Tensor<MatrixTransposed<A>>;
  t(): Tensor {
    if (this.ndim > 2) {
      throw new ShapeError(
        `t: expected a matrix, got shape ${formatShape(this.shape)}; use transpose(dim0, dim1)`,
      );
    }
    return this.ndim < 2 ? this : this.transpose(0, 1);
  }
  /** A view in which dimensions of size 1 repeat; -1 leaves a size as it is. */
  expand<const D extends Shape>(shape: D): Tensor<Sizes<D>>;
  expand<const D extends Shape>(...shape: D): Tensor<Sizes<D>>;
  expand(...shape: number[] | [Shape]): Tensor {
    return apply('expand', [this], { shape: flat(shape) });
  }
  /** Elements `start` to `end` (not included) along `dim`, every `step`-th: a view. Negative ones count from the end. */
  slice<A extends Shape, D extends number>(
    this: Tensor<A>,
    dim: D,
    start?: number,
    end?: number,
    step?: number,
  ): Tensor<Replaced<A, D, [number]>>;
  slice(dim: number, start = 0, end?: number, step = 1): Tensor {
    return apply('slice', [this], end === undefined ? { dim, start, step } : { dim, start, end, step });
  }
  /** Views of `size` along `dim`, the last one perhaps smaller; or of the given sizes. */
  split(size: number | readonly number[], dim = 0): Tensor[] {
    const at = this.dim(dim, 'split');
    const total = this.shape[at] as number;
    if (Array.isArray(size)) for (const n of size) checkSize('split', 'each size', n, 0);
    else checkSize('split', 'size', size);
    const sizes =
      typeof size === 'number'
        ? Array.from({ length: Math.max(1, Math.ceil(total / size)) }, (_, i) =>
            Math.min(size, total - i * size),
          )
        : size;
    if (sizes.reduce((a, b) => a + b, 0) !== total) {
      throw new ShapeError(
        `split: sizes ${formatShape(sizes)} do not add up to ${total}, the size of dimension ${at}`,
      );
    }
    let start = 0;
    return sizes.map((n) => {
      start += n;
      return this.slice(at, start - n, start);
    });
  }
  /** At most `chunks` views along `dim`, of equal size but for the last. */
  chunk(chunks: number, dim = 0): Tensor[] {
    if (!(Number.isInteger(chunks) && chunks > 0)) {
      throw new ArgumentError(`chunk: expected a whole number from 1 on, got ${chunks}`);
    }
    return this.split(Math.max(1, Math.ceil((this.shape[this.dim(dim, 'chunk')] as number) / chunks)), dim);
  }
  /** The slices along `dim` that `index` (int32, one dimension) names. */
  indexSelect<A extends Shape, D extends number>(
    this: Tensor<A>,
    dim: D,
    index: Tensor,
  ): Tensor<Replaced<A, D, [number]>> {
    return apply('indexSelect', [this, index], { dim }) as Tensor<Replaced<A, D, [number]>>;
  }
  /** `y[i][j] = x[index[i][j]][j]` for dim 0, and likewise for others; `index` is int32. */
  gather<I extends Shape>(dim: number, index: Tensor<I>): Tensor<I> {
    return apply('gather', [this, index], { dim }) as Tensor<I>;
  }

  private dim(dim: number, what: string): number {
    const n = Math.max(1, this.ndim);
    if (!Number.isInteger(dim)) {
      throw new ArgumentError(`${what}: dim must be a whole number, got ${describe(dim)}`);
    }
    if (dim < -n || dim >= n) {
      throw new IndexError(
        `${what}: dim ${dim} is out of range for shape ${formatShape(this.shape)}, expected ${-n} to ${n - 1}`,
      );
    }
    return dim < 0 ? dim + n : dim;
  }

  // ---- reductions

  sum<A extends Shape, D extends Dims | undefined = undefined, K extends boolean = false>(
    this: Tensor<A>,
    dim?: D,
    options?: ReduceOptions<K>,
  ): Tensor<Reduced<A, D, K>> {
    return this.reduce('sum', dim, options) as Tensor<Reduced<A, D, K>>;
  }
  mean<A extends Shape, D extends Dims | undefined = undefined, K extends boolean = false>(
    this: Tensor<A>,
    dim?: D,
    options?: ReduceOptions<K>,
  ): Tensor<Reduced<A, D, K>> {
    return this.reduce('mean', dim, options) as Tensor<Reduced<A, D, K>>;
  }
  prod<A extends Shape, D extends Dims | undefined = undefined, K extends boolean = false>(
    this: Tensor<A>,
    dim?: D,
    options?: ReduceOptions<K>,
  ): Tensor<Reduced<A, D, K>> {
    return this.reduce('prod', dim, options) as Tensor<Reduced<A, D, K>>;
  }
  /** The variance, divided by n − `correction`. */
  var<A extends Shape, D extends Dims | undefined = undefined, K extends boolean = false>(
    this: Tensor<A>,
    dim?: D,
    options?: ReduceOptions<K> & { correction?: number },
  ): Tensor<Reduced<A, D, K>> {
    const correction = options?.correction;
    if (correction !== undefined) checkNumber('var', 'correction', correction);
    return this.reduce('var', dim, options) as Tensor<Reduced<A, D, K>>;
  }
  /** The standard deviation, √{@link var}; its gradient where all elements are equal is 0. */
  std<A extends Shape, D extends Dims | undefined = undefined, K extends boolean = false>(
    this: Tensor<A>,
    dim?: D,
    options?: ReduceOptions<K> & { correction?: number },
  ): Tensor<Reduced<A, D, K>> {
    const variance = this.var(dim, options);
    // The root has no slope at 0: there it is taken of 1, and the gradient goes nowhere.
    const [zero, one] = [scalar(0, variance), scalar(1, variance)];
    const constant = variance.eq(zero);
    const root = apply('where', [constant, zero, apply('where', [constant, one, variance]).sqrt()]);
    return root as Tensor<Reduced<A, D, K>>;
  }
  /** log Σ eˣ, computed without overflow. */
  logSumExp<A extends Shape, D extends Dims | undefined = undefined, K extends boolean = false>(
    this: Tensor<A>,
    dim?: D,
    options?: ReduceOptions<K>,
  ): Tensor<Reduced<A, D, K>> {
    return this.reduce('logSumExp', dim, options) as Tensor<Reduced<A, D, K>>;
  }
  /** Without `dim` the largest element; with it the largest along it and their indices. */
  max(): Tensor<[]>;
  max<A extends Shape, D extends number, K extends boolean = false>(
    this: Tensor<A>,
    dim: D,
    options?: ReduceOptions<K>,
  ): Extremes<Reduced<A, D, K>>;
  max(dim?: number, options?: ReduceOptions): Tensor | Extremes {
    return this.extremes('max', 'argmax', dim, options);
  }
  /** Without `dim` the smallest element; with it the smallest along it and their indices. */
  min(): Tensor<[]>;
  min<A extends Shape, D extends number, K extends boolean = false>(
    this: Tensor<A>,
    dim: D,
    options?: ReduceOptions<K>,
  ): Extremes<Reduced<A, D, K>>;
  min(dim?: number, options?: ReduceOptions): Tensor | Extremes {
    return this.extremes('min', 'argmin', dim, options);
  }
  /** The index (int32) of the largest element along `dim`, the first of several; without `dim` of all elements. */
  argmax<A extends Shape, D extends number | undefined = undefined, K extends boolean = false>(
    this: Tensor<A>,
    dim?: D,
    options: ReduceOptions<K> = {},
  ): Tensor<Reduced<A, D, K>> {
    return apply('argmax', [this], dim === undefined ? options : { dim, ...options }) as Tensor<
      Reduced<A, D, K>
    >;
  }
  /** As {@link argmax}, for the smallest. */
  argmin<A extends Shape, D extends number | undefined = undefined, K extends boolean = false>(
    this: Tensor<A>,
    dim?: D,
    options: ReduceOptions<K> = {},
  ): Tensor<Reduced<A, D, K>> {
    return apply('argmin', [this], dim === undefined ? options : { dim, ...options }) as Tensor<
      Reduced<A, D, K>
    >;
  }
  /** Whether all elements are true, or not 0. */
  all<A extends Shape, D extends Dims | undefined = undefined, K extends boolean = false>(
    this: Tensor<A>,
    dim?: D,
    options?: ReduceOptions<K>,
  ): Tensor<Reduced<A, D, K>> {
    return this.reduce('all', dim, options) as Tensor<Reduced<A, D, K>>;
  }
  /** Whether any element is true, or not 0. */
  any<A extends Shape, D extends Dims | undefined = undefined, K extends boolean = false>(
    this: Tensor<A>,
    dim?: D,
    options?: ReduceOptions<K>,
  ): Tensor<Reduced<A, D, K>> {
    return this.reduce('any', dim, options) as Tensor<Reduced<A, D, K>>;
  }

  private reduce(op: string, dim: Dims | undefined, options?: object): Tensor {
    const dims = typeof dim === 'number' ? [dim] : dim;
    return apply(op, [this], dims ? { dims, ...options } : { ...options });
  }

  private extremes(op: string, arg: string, dim?: number, options?: ReduceOptions): Tensor | Extremes {
    if (dim === undefined) return this.reduce(op, undefined);
    return {
      values: apply(op, [this], { dims: [dim], ties: 'first', ...options }),
      indices: apply(arg, [this], { dim, ...options }),
    };
  }
}

/** Sizes given one by one or as an array. */
function flat(sizes: readonly number[] | readonly [readonly number[]]): readonly number[] {
  return Array.isArray(sizes[0]) ? sizes[0] : (sizes as readonly number[]);
}

/** JSON has no infinities: they go as text. */
function encoded(value: number | undefined): number | string | undefined {
  return value === undefined || Number.isFinite(value) ? value : String(value);
}

/** @internal A number as the other operand of `tensor`: an integer beside integers stays one. */
export function scalar(value: number, tensor: Tensor): Tensor {
  if (typeof value !== 'number')
    throw new ArgumentError(`expected a tensor or a number, got ${describe(value)}`);
  const integer = tensor.dtype !== 'float32' && Number.isInteger(value) && Math.abs(value) < 2 ** 31;
  const dtype = integer ? 'int32' : 'float32';
  const array = allocate(dtype, 1);
  array[0] = value;
  return new Tensor(array, dtype, []);
}
