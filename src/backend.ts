/** What computes, and with how many threads. */
import { ArgumentError, fromNative } from './errors.js';
import { binary, native } from './native.js';

/** The machine code in use. */
export interface Backend {
  /** The instruction set: `avx512`, `avx2`, `neon`, `wasm128` or `portable`. */
  isa: string;
  threads: number;
  version: string;
  /** The file of the native binary. */
  binary: string;
}

function passing<R>(call: () => R): R {
  try {
    return call();
  } catch (error) {
    throw fromNative(error);
  }
}

// A wish in the environment that cannot be granted is an error when ferrograd is loaded, not another choice in silence.
passing(() => native.initialize());

/** What computes here, for bug reports. `FERROGRAD_ISA` in the environment forces an instruction set. */
export function backend(): Backend {
  return {
    isa: native.isa(),
    threads: native.getNumThreads(),
    version: native.version(),
    binary,
  };
}

/** The number of threads that computations are cut for: all cores, or `FERROGRAD_NUM_THREADS` of the environment. */
export function getNumThreads(): number {
  return native.getNumThreads();
}

/** Sets it. The same number gives the same bits, however many cores are free. */
export function setNumThreads(threads: number): void {
  if (!Number.isInteger(threads) || threads < 1 || threads > 256) {
    throw new ArgumentError(`setNumThreads: expected a whole number from 1 to 256, got ${threads}`);
  }
  passing(() => native.setNumThreads(threads));
}
