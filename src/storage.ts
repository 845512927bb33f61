/** What a tensor and its views share. */
import type { TypedArray } from './dtype.js';

/** Memory that is taken away again, of elements that can be made anew. */
export interface Lease {
  /** The elements of `array`, which is all or a part of the memory as it once was, where they are now. */
  locate(array: TypedArray): TypedArray;
  /** Whoever asks may write to the memory, or read it later: it is not taken away any more, and elements not made anew. */
  end(): void;
}

/** The memory of a tensor and its views: counts the changes in place, which backward must know of. */
export class Storage {
  /** @internal */
  version = 0;
  /** @internal Whether these are parameters in training: nobody but the run may change them. */
  inTraining = false;
  /** @internal Whether somebody got the memory itself, and may write to it without being counted. */
  isShown = false;

  /** @internal */
  constructor(private readonly lease?: Lease) {}

  /** @internal The elements of `array`, which lay in this storage when a tensor or a node took it, where they are now. */
  locate<A extends TypedArray>(array: A): A {
    return this.lease === undefined ? array : (this.lease.locate(array) as A);
  }

  /** @internal From now on, elements stay where they are. */
  settle(): void {
    this.lease?.end(); // and is asked from now on, too: not every view knows yet where they are
  }
}
