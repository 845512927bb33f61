/** Element types, and the arrays that hold them. */
import { ArgumentError } from './errors.js';
import { sharedBlock, uninitialized } from './memory.js';
import { describe } from './shape.js';

/** The element type of a tensor. Labels are `int32`. */
export type DType = 'float32' | 'int32' | 'uint8' | 'bool';

/** The arrays that tensors keep their elements in; a `bool` is a byte, 0 or 1. */
export type TypedArray = Float32Array | Int32Array | Uint8Array;

/** All types, in the order of the numbers by which native code knows them. */
export const dtypes = ['float32', 'int32', 'uint8', 'bool'] as const satisfies readonly DType[];

const constructors = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array, bool: Uint8Array };

/**
 * Below this size, in bytes, arrays are cut from a common block: making a buffer for each would cost more than the
 * operation that fills it. A tensor that is kept keeps its block.
 */
const SMALL = 1024;
const BLOCK = 8192;
/** The address of every small array is a multiple of this, in bytes. */
const ALIGNMENT = 16;

/** From this size on, in bytes, memory that is not cleared first is cheaper, although it takes longer to get. */
const LARGE = 4096;

let block: ArrayBuffer;
let used = BLOCK;

function small(bytes: number): number {
  if (used + bytes > BLOCK) {
    block = sharedBlock(BLOCK);
    used = 0;
  }
  const start = used;
  used += Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
  return start;
}

/**
 * An array for a result that will be written as a whole: its elements are arbitrary until then.
 *
 * The memory is V8's own, in ordinary ArrayBuffers. The collector frees it even within a synchronous loop, where
 * finalizers of native memory would not run; that is why tensors need neither `tidy` nor `dispose`.
 */
export function allocate(dtype: DType, length: number): TypedArray {
  const Constructor = constructors[dtype];
  const bytes = length * Constructor.BYTES_PER_ELEMENT;
  if (bytes < SMALL) {
    const start = small(bytes);
    return new Constructor(block, start, length);
  }
  if (bytes < LARGE) return new Constructor(length);
  try {
    return new Constructor(uninitialized(bytes), 0, length);
  } catch (cause) {
    throw new ArgumentError(`cannot allocate ${bytes} bytes for ${length} elements of ${dtype}`, { cause });
  }
}

/** What `dtype` makes of `value`: floats take any number, and anything but 0 is true. */
export function element(value: unknown, dtype: DType, what: string): number {
  const number = typeof value === 'bigint' || typeof value === 'boolean' ? Number(value) : value;
  if (typeof number !== 'number')
    throw new ArgumentError(`${what}: expected numbers, got ${describe(value)}`);
  if (dtype === 'float32') return number;
  if (dtype === 'bool') return number === 0 ? 0 : 1;
  const [low, high] = dtype === 'uint8' ? [0, 255] : [-(2 ** 31), 2 ** 31 - 1];
  if (!Number.isInteger(number) || number < low || number > high) {
    throw new ArgumentError(
      `${what}: ${number} does not fit ${dtype}, expected whole numbers from ${low} to ${high}`,
    );
  }
  return number;
}
