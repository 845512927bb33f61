/** Checks of the options that users pass: nothing is ever ignored. */
import { ArgumentError } from './errors.js';
import { describe } from './shape.js';

/**
 * Refuses what is not an object of options, and options of unknown names.
 *
 * @param what who asks, for the message: `SGD`.
 * @throws ArgumentError, such as `SGD: unknown option "learningRate", expected lr, momentum`.
 */
export function checkOptions(what: string, options: unknown, known: readonly string[]): void {
  if (options === undefined) return;
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new ArgumentError(`${what}: expected options { ${known.join(', ')} }, got ${describe(options)}`);
  }
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new ArgumentError(`${what}: unknown option ${describe(unknown)}, expected ${known.join(', ')}`);
  }
}

/** Refuses what is not a finite number from `min` to `max`. */
export function checkNumber(
  what: string,
  name: string,
  value: unknown,
  min = Number.NEGATIVE_INFINITY,
  max = Number.POSITIVE_INFINITY,
): asserts value is number {
  if (Number.isFinite(value) && (value as number) >= min && (value as number) <= max) return;
  const from = Number.isFinite(min) ? ` from ${min}` : '';
  const to = Number.isFinite(max) ? ` to ${max}` : from && ' on';
  throw new ArgumentError(`${what}: ${name} must be a finite number${from}${to}, got ${describe(value)}`);
}

/** Refuses what is not a whole number from `min` on that can be the size of something. */
export function checkSize(what: string, name: string, value: unknown, min = 1): asserts value is number {
  const most = 2 ** 31 - 1;
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= most) return;
  throw new ArgumentError(
    `${what}: ${name} must be a whole number from ${min} to ${most}, got ${describe(value)}`,
  );
}

/** Refuses what is not one of `choices`. */
export function checkChoice<T extends string>(
  what: string,
  name: string,
  value: unknown,
  choices: readonly T[],
): asserts value is T {
  if (choices.includes(value as T)) return;
  const expected = choices.map((choice) => `'${choice}'`).join(', ');
  throw new ArgumentError(`${what}: ${name} must be one of ${expected}, got ${describe(value)}`);
}

/** Refuses what is not a boolean. */
export function checkBoolean(what: string, name: string, value: unknown): asserts value is boolean {
  if (typeof value === 'boolean') return;
  throw new ArgumentError(`${what}: ${name} must be true or false, got ${describe(value)}`);
}
