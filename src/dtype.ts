/** Element types, and the arrays that hold them. */

/** The element type of a tensor. Labels are `int32`. */
export type DType = 'float32' | 'int32' | 'uint8' | 'bool';

/** The arrays that tensors keep their elements in; a `bool` is a byte, 0 or 1. */
export type TypedArray = Float32Array | Int32Array | Uint8Array;

/** All types, in the order of the numbers by which native code knows them. */
export const dtypes = ['float32', 'int32', 'uint8', 'bool'] as const satisfies readonly DType[];

const constructors = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array, bool: Uint8Array };

/**
 * From this size on, memory that is not cleared first is cheaper, although it takes longer to get: below, the
 * ordinary constructor is.
 */
const CLEARED_BELOW = 4096;

/**
 * An array for a result that will be written as a whole: its elements are arbitrary until then.
 *
 * The memory is V8's own, an ordinary ArrayBuffer. The collector frees it even within a synchronous loop, where
 * finalizers of native memory would not run; that is why tensors need neither `tidy` nor `dispose`.
 */
export function allocate(dtype: DType, length: number): TypedArray {
  const Constructor = constructors[dtype];
  const bytes = length * Constructor.BYTES_PER_ELEMENT;
  if (bytes < CLEARED_BELOW) return new Constructor(length);
  return new Constructor(Buffer.allocUnsafeSlow(bytes).buffer as ArrayBuffer, 0, length);
}
