/** Models that cannot be compiled run step by step in JavaScript, and it is said so. */
import { StateError } from '../errors.js';
import type { Module } from '../nn/module.js';
import { warn } from '../warning.js';

/** For messages: classes may have no name. */
export function nameOf(model: Module): string {
  return model.constructor.name || 'the model';
}

/**
 * Warns that a model runs without plans.
 *
 * @param reason what it does, to be read after "forward".
 * @throws StateError instead where that is not `allowed`.
 */
export function fallBack(what: string, model: Module, reason: string, allowed = true): void {
  const problem = `${what}: the forward of ${nameOf(model)} ${reason}, so it cannot be compiled`;
  if (!allowed) throw new StateError(problem);
  warn(
    `${problem}; it runs step by step in JavaScript, with the same results`,
    'TrainWarning',
    'FERROGRAD_EAGER',
  );
}
