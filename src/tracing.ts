/**
 * Where operations let a trace watch: {@link tracing}`.by` is the trace that goes on, if there is one.
 *
 * A trace runs a program once without computing what depends on a batch or on parameters, and notes which operations
 * it consists of. A program that looks at such a value, or changes one in place, is not made of operations alone.
 */
import type { Prepared } from './engine.js';
import type { Generator } from './random.js';
import type { Tensor } from './tensor.js';

/** What a trace wants to know. */
export interface Tracer {
  /** Whether one of these is not known while tracing, and so neither is what is made of them. */
  isUnknown(inputs: readonly Tensor[]): boolean;
  /** An operation was applied. */
  applied(call: Prepared, inputs: readonly Tensor[], output: Tensor): void;
  /** A tensor was cut off from what computed it. */
  detached(source: Tensor, result: Tensor): void;
  /** This tensor keys the randomness of an operation: it is another in each step. */
  keyed(stream: Tensor): void;
  /** A stream is being drawn. */
  draws(generator: Generator): void;
  /** The elements of a tensor are wanted, by `what`. */
  reads(tensor: Tensor, what: string): void;
  /** The program does what no plan can do, and what would have an effect: throws. */
  refuse(what: string): never;
}

export const tracing: { by: Tracer | undefined } = { by: undefined };
