/** Memory of arrays, in Node.js. In browsers src/browser/memory.ts takes its place. */
import { markAsUntransferable } from 'node:worker_threads';

/** A block that many arrays are cut from. Whoever transfers one to another thread must not take its neighbours along. */
export function sharedBlock(bytes: number): ArrayBuffer {
  const block = new ArrayBuffer(bytes);
  markAsUntransferable(block);
  return block;
}

/**
 * A buffer of arbitrary content.
 *
 * @throws RangeError where there is not so much memory
 */
export function uninitialized(bytes: number): ArrayBuffer {
  return Buffer.allocUnsafeSlow(bytes).buffer as ArrayBuffer;
}

/** Whether two arrays have the same bytes: numbers that are not numbers are the same, 0 and −0 are not. */
export function sameBytes(a: ArrayBufferView, b: ArrayBufferView): boolean {
  const bytes = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
    Buffer.from(buffer, byteOffset, byteLength);
  return bytes(a).equals(bytes(b));
}
