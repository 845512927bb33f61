/**
 * IDX, the file format of MNIST (LeCun, Cortes, Burges: http://yann.lecun.com/exdb/mnist): a big-endian header of two
 * zero bytes, the element type, the number of dimensions and each dimension as 32 bits; then the elements.
 */

import type { FileHandle } from 'node:fs/promises';
import { open, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { constants, gunzip, gunzipSync } from 'node:zlib';
import { DataError, FormatError } from '../errors.js';

/** An array read from an IDX file. */
export interface IdxArray {
  readonly shape: readonly number[];
  /** The elements, row by row; shares the memory of the bytes it was read from. */
  readonly data: Uint8Array;
}

/** What the file must hold. */
export interface IdxExpectation {
  /** The number of dimensions: 3 for images, 1 for labels. */
  readonly ndim: number;
}

const UINT8 = 0x08;
const elementTypes = new Map([
  [UINT8, 'uint8'],
  [0x09, 'int8'],
  [0x0b, 'int16'],
  [0x0c, 'int32'],
  [0x0d, 'float32'],
  [0x0e, 'float64'],
]);

/** The most that one file may unpack to: far beyond any IDX data set, well within one typed array. */
const MAX_BYTES = 2 ** 31;

/** DEFLATE cannot pack better than this: 258 bytes in 2 bits, and a little more for the block headers. */
const MAX_DEFLATE_RATIO = 1032;

/**
 * Reads IDX bytes.
 * @param path Where the bytes come from, for the message.
 * @throws FormatError where they are not IDX of uint8 with the expected dimensions, or not of the length that the
 *   header promises.
 */
export function parseIdx(bytes: Uint8Array, path: string, expected: IdxExpectation): IdxArray {
  const { shape, start, length } = parseHeader(bytes, path, expected);
  checkLength(bytes.length, start + length, shape, path);
  return { shape, data: bytes.subarray(start) };
}

/**
 * Reads an IDX file, gzipped or not. The header and the file's size decide whether the rest is read at all, so that
 * neither a wrong file nor a gzip bomb costs memory.
 * @throws DataError where the file cannot be read, FormatError where it is not what was expected.
 */
export async function readIdx(path: string, expected: IdxExpectation): Promise<IdxArray> {
  let handle: FileHandle | undefined;
  try {
    // Asked first: to open a named pipe would wait for its writer.
    const status = await stat(path);
    if (!status.isFile()) throw new DataError(`${path}: expected a file, found something else (a folder?)`);
    const { size } = status;
    handle = await open(path, 'r');
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(512), 0, 512, 0);
    const head = buffer.subarray(0, bytesRead);
    if (!isGzip(head)) {
      const { shape, start, length } = parseHeader(head, path, expected);
      checkLength(size, start + length, shape, path);
      return parseIdx(await handle.readFile(), path, expected);
    }
    const { shape, start, length } = parseHeader(unpackStart(head, bytesRead === size, path), path, expected);
    if (start + length > size * MAX_DEFLATE_RATIO) {
      throw new FormatError(`${path}: truncated: ${size} gzipped bytes cannot hold ${describe(shape)}`);
    }
    return parseIdx(await unpack(await handle.readFile(), start + length, shape, path), path, expected);
  } catch (error) {
    if (error instanceof DataError || error instanceof FormatError) throw error;
    throw new DataError(`${path}: cannot be read: ${(error as Error).message}`, { cause: error });
  } finally {
    await handle?.close();
  }
}

interface Header {
  readonly shape: number[];
  /** Where the elements start. */
  readonly start: number;
  /** Bytes of the elements. */
  readonly length: number;
}

function parseHeader(bytes: Uint8Array, path: string, { ndim }: IdxExpectation): Header {
  const wanted = `expected an IDX file of ${content(ndim)}`;
  if (bytes.length === 0) throw new FormatError(`${path}: the file is empty; ${wanted}`);
  const start = 4 + 4 * ndim;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length >= 4 && view.getUint32(0) !== (UINT8 << 8) + ndim) {
    throw new FormatError(`${path}: ${wanted}, got ${recognise(bytes)}`);
  }
  if (bytes.length < start) {
    throw new FormatError(`${path}: truncated: ${bytes.length} of ${start} header bytes; ${wanted}`);
  }
  const shape = Array.from({ length: ndim }, (_, i) => view.getUint32(4 + 4 * i));
  // Products beyond 2^53 are not exact, but stay beyond every limit.
  const length = shape.reduce((product, n) => product * n, 1);
  if (length === 0) throw new FormatError(`${path}: holds no data (${describe(shape)}); ${wanted}`);
  if (start + length > MAX_BYTES) {
    throw new FormatError(
      `${path}: absurd size: the header promises ${describe(shape)}; the file is corrupt`,
    );
  }
  return { shape, start, length };
}

function checkLength(got: number, promised: number, shape: readonly number[], path: string): void {
  if (got === promised) return;
  const fault = got < promised ? 'truncated' : 'trailing bytes';
  throw new FormatError(
    `${path}: ${fault}: the header promises ${describe(shape)}, ${promised} bytes in all, got ${got}`,
  );
}

function describe(shape: readonly number[]): string {
  return `[${shape.join(', ')}] elements`;
}

function content(ndim: number): string {
  if (ndim === 3) return 'images (uint8, 3 dimensions)';
  if (ndim === 1) return 'labels (uint8, 1 dimension)';
  return `uint8 in ${ndim} dimensions`;
}

/** Names what a file is that is not the expected one, from its first bytes. */
function recognise(bytes: Uint8Array): string {
  const [a, b, type, ndim] = bytes as unknown as [number, number, number, number];
  const elements = elementTypes.get(type);
  if (a === 0 && b === 0 && elements !== undefined && ndim > 0) {
    if (type !== UINT8) return `IDX of ${elements}, which is not supported`;
    return ndim === 1 || ndim === 3 ? `${content(ndim)}: are the files swapped?` : `IDX of ${content(ndim)}`;
  }
  const text = Buffer.from(bytes.subarray(0, 64)).toString('latin1').trimStart();
  if (/^<(!doctype|html|\?xml)/i.test(text)) return 'a web page: a failed download?';
  if (isGzip(bytes)) return 'gzip inside gzip: unpack it once';
  if (text.startsWith('PK\x03\x04')) return 'a zip archive: unpack it';
  const hex = Buffer.from(bytes.subarray(0, 4)).toString('hex');
  return `a file that starts with 0x${hex}`;
}

function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** Unpacks as much as the first bytes of a gzip file give. */
function unpackStart(head: Uint8Array, whole: boolean, path: string): Uint8Array {
  try {
    return gunzipSync(head, { finishFlush: whole ? constants.Z_FINISH : constants.Z_SYNC_FLUSH });
  } catch (cause) {
    throw corrupt(path, cause);
  }
}

async function unpack(bytes: Uint8Array, promised: number, shape: readonly number[], path: string) {
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: promised });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') throw corrupt(path, cause);
    throw new FormatError(
      `${path}: trailing bytes: the header promises ${describe(shape)}, but the gzip file unpacks to more`,
      { cause },
    );
  }
}

function corrupt(path: string, cause: unknown): FormatError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const fault = code === 'Z_BUF_ERROR' ? 'truncated gzip file' : `corrupt gzip file (${message})`;
  return new FormatError(`${path}: ${fault}; get it again`, { cause });
}
