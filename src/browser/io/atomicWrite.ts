/** There are no files in browsers. */
import { DataError } from '../../errors.js';

/** The most bytes that there can be in one array of WebAssembly's memory. */
export const MAX_BYTES = 2 ** 32;

/** @throws DataError always */
export async function atomicWrite(path: string, _: string | Uint8Array, what: string): Promise<void> {
  throw new DataError(`${what}: cannot write ${path}: there are no files in a browser, only in Node.js`);
}
