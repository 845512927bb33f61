/**
 * The errors of ferrograd. Every one is a {@link FerrogradError} with a stable `code`; its message names the
 * operation or the layer, what came, what was expected and what to do.
 */

/** The base class: `catch (e) { if (e instanceof FerrogradError) … }` catches all of them and nothing else. */
export class FerrogradError extends Error {
  // Written out, since minifiers rename classes.
  override name = 'FerrogradError';
  /** Stable, for programs: messages may be reworded, codes are not. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Shapes that do not fit each other, the operation or the layer. */
export class ShapeError extends FerrogradError {
  override name = 'ShapeError';

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_SHAPE', message, options);
  }
}

/** An element type that the operation does not take. */
export class DtypeError extends FerrogradError {
  override name = 'DtypeError';

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_DTYPE', message, options);
  }
}

/** An index, a label or a dimension out of range. */
export class IndexError extends FerrogradError {
  override name = 'IndexError';

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_INDEX', message, options);
  }
}

/** Any other argument that makes no sense: a negative learning rate, a batch size of 0, an unknown option. */
export class ArgumentError extends FerrogradError {
  override name = 'ArgumentError';

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_ARGUMENT', message, options);
  }
}

/** A call that does not fit the state of the object: a saved value that has changed since, a second run. */
export class StateError extends FerrogradError {
  override name = 'StateError';

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_STATE', message, options);
  }
}

/** Data that cannot be used: missing, unreadable, empty, corrupt. The `cause` is the system's error, if any. */
export class DataError extends FerrogradError {
  override name = 'DataError';

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_DATA', message, options);
  }
}

/** A file whose bytes do not follow its format. */
export class FormatError extends FerrogradError {
  override name = 'FormatError';

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_FORMAT', message, options);
  }
}

/** The native binary could not be loaded. */
export class NativeLoadError extends FerrogradError {
  override name = 'NativeLoadError';

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_NATIVE_LOAD', message, options);
  }
}

const byCode = new Map<string, new (message: string, options?: ErrorOptions) => FerrogradError>([
  ['ERR_SHAPE', ShapeError],
  ['ERR_DTYPE', DtypeError],
  ['ERR_INDEX', IndexError],
  ['ERR_ARGUMENT', ArgumentError],
  ['ERR_STATE', StateError],
  ['ERR_DATA', DataError],
  ['ERR_FORMAT', FormatError],
]);

/**
 * Turns what native code threw into its class, by code; anything else is passed on as it is. By code alone: native code
 * makes errors of the realm that loaded it first, which to `instanceof` are foreign in a test runner's sandbox.
 */
export function fromNative(error: unknown): unknown {
  if (typeof error !== 'object' || error === null || error instanceof FerrogradError) return error;
  const { code, message, cause } = error as { code?: unknown; message?: unknown; cause?: unknown };
  if (typeof code !== 'string' || typeof message !== 'string') return error;
  const Class = byCode.get(code);
  if (Class) return new Class(message, { cause });
  return code.startsWith('ERR_INTERNAL') ? new FerrogradError(code, message, { cause: error }) : error;
}
