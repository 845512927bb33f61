/** Memory for arrays, from Node.js. In browsers src/browser/memory.ts takes its place. */
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
