/** Memory for arrays, in browsers. */

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
