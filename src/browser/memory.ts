/** Memory of arrays, in browsers. */

/** A block that many arrays are cut from. */
export function sharedBlock(bytes: number): ArrayBuffer {
  return new ArrayBuffer(bytes);
}

/**
 * A buffer; browsers have none but zeroed ones.
 *
 * @throws RangeError where there is not so much memory
 */
export function uninitialized(bytes: number): ArrayBuffer {
  return new ArrayBuffer(bytes);
}

/** Whether two arrays have the same bytes: numbers that are not numbers are the same, 0 and −0 are not. */
export function sameBytes(a: ArrayBufferView, b: ArrayBufferView): boolean {
  const bytes = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
    new Uint8Array(buffer, byteOffset, byteLength);
  const [x, y] = [bytes(a), bytes(b)];
  return x.length === y.length && x.every((byte, i) => byte === y[i]);
}
