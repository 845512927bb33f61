/**
 * The numbers of images, in memory that is used again.
 *
 * Numbers are four times as large as the bytes that they come from, and who takes new memory for each batch gets some that
 * no cache knows any more, for the collector frees 32 MB at a time. So each batch of a loader lies where the last one did.
 * Who comes back to that one has its numbers made again, somewhere else; who gets hold of an array itself keeps it.
 */
import { allocate, type TypedArray } from '../dtype.js';
import { type Lease, Storage } from '../storage.js';

/** Bytes: with fewer it makes no difference, and more would fill all caches. */
const LEAST = 16 * 1024;
const MOST = 4 * 1024 * 1024;

/** Writes all numbers of a batch. */
export type Fill = (numbers: Float32Array) => void;

/** Whether so many numbers are worth a {@link BatchMemory}. */
export function isWorthReusing(numbers: number): boolean {
  const bytes = numbers * Float32Array.BYTES_PER_ELEMENT;
  return bytes >= LEAST && bytes <= MOST;
}

/** What the batches of one loader have in turn. */
export class BatchMemory {
  private numbers: Float32Array | undefined;
  private tenant: Numbers | undefined;

  /** A batch of so many numbers, as a tensor's array and storage; `fill` makes the same ones each time. */
  take(length: number, fill: Fill): { array: Float32Array; storage: Storage } {
    this.tenant?.leave();
    this.tenant = undefined;
    if (this.numbers?.length !== length) this.numbers = allocate('float32', length) as Float32Array;
    fill(this.numbers);
    this.tenant = new Numbers(fill, this.numbers, this);
    return { array: this.numbers, storage: new Storage(this.tenant) };
  }

  /** It is the last batch's own from now on. */
  give(): void {
    this.numbers = undefined;
    this.tenant = undefined;
  }
}

/** The numbers of one batch. */
class Numbers implements Lease {
  /** Where they are, if anywhere. */
  private array: Float32Array | undefined;
  private readonly length: number;

  constructor(
    private readonly fill: Fill,
    array: Float32Array,
    /** Whose the memory is, if it is not its own. */
    private memory: BatchMemory | undefined,
  ) {
    this.array = array;
    this.length = array.length;
  }

  /** Another batch takes the memory. */
  leave(): void {
    this.array = undefined;
    this.memory = undefined;
  }

  locate(part: TypedArray): TypedArray {
    const numbers = this.numbers();
    if (numbers.length === 0) return numbers; // somebody has transferred them
    if (part.buffer === numbers.buffer || part.length === 0) return part;
    return new Float32Array(numbers.buffer, part.byteOffset, part.length);
  }

  end(): void {
    this.numbers();
    this.memory?.give();
    this.memory = undefined;
  }

  private numbers(): Float32Array {
    if (!this.array) {
      const array = allocate('float32', this.length) as Float32Array;
      this.fill(array);
      this.array = array;
    }
    return this.array;
  }
}
