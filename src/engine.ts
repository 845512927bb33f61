/**
 * Running operations: every one of them, forward, goes through {@link apply}.
 *
 * Checking an operation against the types and layouts of its inputs is done once for each combination, natively, and
 * remembered: a training loop prepares in its first step and only computes from then on.
 */
import { grads, record } from './autograd.js';
import { allocate, type DType, dtypes, type TypedArray } from './dtype.js';
import { ArgumentError, fromNative } from './errors.js';
import { native } from './native.js';
import { describe, elementsOf, stridesOf } from './shape.js';
import { Tensor } from './tensor.js';
import { tracing } from './tracing.js';

/** An operation bound to the types and layouts of its inputs. */
export interface Prepared {
  /** The native number, valid as long as `generation` is the current one. */
  id: number;
  generation: number;
  readonly op: string;
  readonly attributes: string;
  readonly count: number;
  readonly inputs: Int32Array;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly elements: number;
  readonly strides: readonly number[];
  /** Whether the result lies in the storage of input 0, from `offset` on. */
  readonly isView: boolean;
  readonly offset: number;
  readonly readsInputs: number;
  readonly readsOutput: boolean;
  readonly differentiable: number;
  /** {@link layoutKey} of the result. */
  readonly key: number;
}

/** Above this many combinations all are forgotten: somebody slices at ever new places. */
const MOST_PREPARED = 4096;

type Calls = Map<number | string, Prepared>;

/** By operation and attributes; most operations have none. */
const plain = new Map<string, Calls>();
const attributed = new Map<string, Calls>();
let prepared = 0;
let generation = 0;

function forget(): void {
  native.forgetPrepared();
  plain.clear();
  attributed.clear();
  prepared = 0;
  generation++;
}

/** Layouts that begin alike: a tree, since batches come with new shapes all the time, and texts of them would be slow. */
class Layouts {
  /** That of the layout which ends here, from 1 on. */
  key = 0;
  private readonly longer = new Map<number, Layouts>();

  at(number: number): Layouts {
    let layouts = this.longer.get(number);
    if (!layouts) {
      layouts = new Layouts();
      this.longer.set(number, layouts);
    }
    return layouts;
  }
}

const layouts = new Layouts();
let keys = 0;

/** A number for each combination of type, shape and strides, so that looking up a prepared operation is cheap. */
function layoutKey(dtype: DType, shape: readonly number[], strides: readonly number[]): number {
  let layout = layouts.at(dtypes.indexOf(dtype));
  for (let i = 0; i < shape.length; i++) {
    layout = layout.at(shape[i] as number).at(strides[i] as number);
  }
  if (layout.key === 0) layout.key = ++keys;
  return layout.key;
}

function keyOf(tensor: Tensor): number {
  tensor.layoutKey ??= layoutKey(tensor.dtype, tensor.shape, tensor.strides);
  return tensor.layoutKey;
}

/**
 * The layouts of all inputs, in order: what a prepared call is known by. A small integer, which is what a Map finds
 * fastest, where there are few inputs and not too many layouts; those for one, two and three inputs do not overlap.
 */
function signature(inputs: readonly Tensor[]): number | string {
  const [a, b, c] = inputs;
  if (inputs.length === 1) {
    const k = keyOf(a as Tensor);
    if (k < 2 ** 15) return k;
  } else if (inputs.length === 2) {
    const [k, l] = [keyOf(a as Tensor), keyOf(b as Tensor)];
    if (k < 2 ** 15 && l < 2 ** 15) return (k << 15) | l;
  } else if (inputs.length === 3) {
    const [k, l, m] = [keyOf(a as Tensor), keyOf(b as Tensor), keyOf(c as Tensor)];
    if (k < 2 ** 10 && l < 2 ** 10 && m < 2 ** 10) return -((k << 20) | (l << 10) | m);
  }
  return inputs.map(keyOf).join();
}

function prepare(op: string, attributes: string, inputs: readonly Tensor[]): Prepared {
  const description: number[] = [];
  for (const { dtype, shape, strides } of inputs) {
    description.push(dtypes.indexOf(dtype), shape.length, ...shape, ...strides);
  }
  const encoded = Int32Array.from(description);
  if (prepared >= MOST_PREPARED) forget();
  prepared++;
  const call = native.prepare(op, attributes, inputs.length, encoded);
  const dtype = dtypes[call.dtype] as DType;
  const shape = Object.freeze(call.shape); // shared by all results, as the strides are
  const strides = Object.freeze(call.strides ?? stridesOf(shape));
  return {
    id: call.id,
    generation,
    op,
    attributes,
    count: inputs.length,
    inputs: encoded,
    dtype,
    shape,
    elements: elementsOf(shape),
    strides,
    isView: call.strides !== undefined,
    offset: call.offset ?? 0,
    readsInputs: call.readsInputs,
    readsOutput: call.readsOutput,
    differentiable: call.differentiable,
    key: layoutKey(dtype, shape, strides),
  };
}

function compute(id: number, output: TypedArray, inputs: readonly Tensor[]): void {
  const [a, b] = inputs;
  if (inputs.length === 1) native.forward(id, output, (a as Tensor).array);
  else if (inputs.length === 2) native.forward(id, output, (a as Tensor).array, (b as Tensor).array);
  else native.forward(id, output, ...inputs.map(({ array }) => array));
}

function callsOf(op: string, attributes: string | undefined): Calls {
  const families = attributes ? attributed : plain;
  const name = attributes ? op + attributes : op;
  let calls = families.get(name);
  if (!calls) {
    calls = new Map();
    families.set(name, calls);
  }
  return calls;
}

/** The number by which native code knows a prepared operation now. */
export function currentId(call: Prepared): number {
  if (call.generation !== generation) {
    call.id = native.prepare(call.op, call.attributes, call.count, call.inputs).id;
    call.generation = generation;
  }
  return call.id;
}

/**
 * Runs operation `op`, and records it where a gradient may be wanted.
 *
 * @throws the native error of the operation: ShapeError, DtypeError, IndexError or ArgumentError; nothing was
 * computed then.
 */
export function apply(op: string, inputs: readonly Tensor[], attributes?: object): Tensor {
  for (const input of inputs) {
    if (!(input instanceof Tensor))
      throw new ArgumentError(`${op}: expected a tensor, got ${describe(input)}`);
  }
  const text = attributes && JSON.stringify(attributes);
  try {
    const key = signature(inputs);
    let call = callsOf(op, text).get(key);
    if (!call) {
      call = prepare(op, text ?? '{}', inputs);
      callsOf(op, text).set(key, call); // looked up anew: preparing may have forgotten everything
    }
    let output: Tensor;
    if (call.isView) {
      const input = inputs[0] as Tensor;
      input.expectElements(op);
      const array = call.offset > 0 ? input.array.subarray(call.offset) : input.array;
      output = new Tensor(array, call.dtype, call.shape, call.strides, input.storage);
    } else {
      const array = allocate(call.dtype, call.elements);
      if (!tracing.by?.isUnknown(inputs)) compute(currentId(call), array, inputs);
      output = new Tensor(array, call.dtype, call.shape, call.strides);
    }
    output.layoutKey = call.key;
    if (call.differentiable !== 0 && grads.enabled) record(call, inputs, output);
    tracing.by?.applied(call, inputs, output);
    return output;
  } catch (error) {
    throw fromNative(error);
  }
}
