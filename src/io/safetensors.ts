/**
 * State dicts in the safetensors format: https://github.com/huggingface/safetensors
 *
 * Native code knows the format; files are read and written here.
 */
import { allocate, type DType, dtypes } from '../dtype.js';
import { ArgumentError, DataError, FerrogradError, fromNative } from '../errors.js';
import { native } from '../native.js';
import { checkOptions } from '../options.js';
import { describe, elementsOf } from '../shape.js';
import { Tensor } from '../tensor.js';
import { atomicWrite, MAX_BYTES } from './atomicWrite.js';
import { readFile } from './readFile.js';

/** The most bytes of elements that are saved: a file is made in memory, and the header needs a few too. */
const MOST_BYTES = MAX_BYTES - 2 ** 27;

/** How to save. */
export interface SaveOptions {
  /** Notes for the file's header, such as `{ epoch: '10' }`. */
  metadata?: Readonly<Record<string, string>>;
}

function checkPath(path: unknown, what: string): asserts path is string {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw new ArgumentError(`${what}: expected the path of a file, got ${describe(path)}`);
  }
}

/** A lone half of a surrogate pair has no UTF-8. */
const unwritable = /\p{Surrogate}/u;

function checkMetadata(metadata: unknown): asserts metadata is Record<string, string> {
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) {
    throw new ArgumentError(`save: metadata must be an object of strings, got ${describe(metadata)}`);
  }
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== 'string') {
      throw new ArgumentError(`save: metadata ${describe(key)} must be a string, got ${describe(value)}`);
    }
    if (unwritable.test(key) || unwritable.test(value)) {
      throw new ArgumentError(`save: metadata ${describe(key)} is not well-formed Unicode`);
    }
  }
}

function checkTensors(stateDict: unknown): asserts stateDict is Record<string, Tensor> {
  if (
    typeof stateDict !== 'object' ||
    stateDict === null ||
    Array.isArray(stateDict) ||
    stateDict instanceof Tensor
  ) {
    throw new ArgumentError(`save: expected an object of tensors by name, got ${describe(stateDict)}`);
  }
  for (const [name, tensor] of Object.entries(stateDict)) {
    if (name === '' || name === '__metadata__' || unwritable.test(name)) {
      throw new ArgumentError(`save: ${describe(name)} cannot be the name of a tensor`);
    }
    if (!(tensor instanceof Tensor)) {
      throw new ArgumentError(`save: ${describe(name)} must be a tensor, got ${describe(tensor)}`);
    }
  }
}

/**
 * Writes tensors to a safetensors file, which PyTorch and others read. The file is there as a whole or not at
 * all.
 *
 * What is written are the values at the time of the call: training may go on meanwhile.
 *
 * @param stateDict tensors by name, such as `model.stateDict()`.
 * @throws ArgumentError for what is not a tensor, and for bad names; DataError where the file cannot be
 * written, with the system's error as its cause: what was there before is intact then.
 */
export async function save(
  stateDict: Readonly<Record<string, Tensor>>,
  path: string,
  options: SaveOptions = {},
): Promise<void> {
  checkPath(path, 'save');
  checkOptions('save', options, ['metadata']);
  const { metadata = {} } = options;
  checkMetadata(metadata);
  checkTensors(stateDict);
  const entries = Object.entries(stateDict);
  const tensors = entries.map(([name, { dtype, shape }]) => ({ name, dtype: dtypes.indexOf(dtype), shape }));
  const data = entries.map(([, tensor]) => tensor.elements);
  const bytes = data.reduce((sum, { byteLength }) => sum + byteLength, 0);
  if (bytes > MOST_BYTES) {
    throw new DataError(`save: ${bytes} bytes are more than fit a file: at most ${MOST_BYTES}`);
  }
  let file: Uint8Array;
  try {
    file = native.writeSafetensors(tensors, data, Object.entries(metadata));
  } catch (error) {
    throw fromNative(error);
  }
  await atomicWrite(path, file, 'save');
}

/** Runs native code on the content of a file, and puts the path in front of its errors. */
async function reading<R>(path: string, what: string, parse: (file: Uint8Array) => R): Promise<R> {
  checkPath(path, what);
  const file = await readFile(path, what);
  try {
    return parse(file);
  } catch (thrown) {
    const error = fromNative(thrown);
    if (!(error instanceof FerrogradError)) throw error;
    const Class = error.constructor as new (message: string, options: ErrorOptions) => FerrogradError;
    throw new Class(`${what}: ${path}: ${error.message}`, { cause: thrown });
  }
}

/**
 * Reads all tensors of a safetensors file, such as {@link save} or PyTorch writes.
 *
 * float64, float16 and bfloat16 become float32; the other integer types but uint8 become int32.
 *
 * @throws DataError where the file cannot be read, or has integers that int32 cannot hold; FormatError where
 * it is no safetensors file, a damaged one, or has types that no tensor has. The path is in the message.
 */
export function load(path: string): Promise<Record<string, Tensor>> {
  return reading(path, 'load', (file) => {
    const tensors = native.parseSafetensors(file).tensors.map(({ name, dtype: number, shape }) => {
      const dtype = dtypes[number] as DType;
      return [name, new Tensor(allocate(dtype, elementsOf(shape)), dtype, Object.freeze(shape))] as const;
    });
    native.readSafetensors(
      file,
      tensors.map(([, { array }]) => array),
    );
    return Object.fromEntries(tensors);
  });
}

/** The notes in the header of a safetensors file. @throws as {@link load}. */
export function loadMetadata(path: string): Promise<Record<string, string>> {
  return reading(path, 'loadMetadata', (file) => Object.fromEntries(native.parseSafetensors(file).metadata));
}
