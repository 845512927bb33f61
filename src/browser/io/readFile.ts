/** There are no files in browsers. */
import { DataError } from '../../errors.js';

/** @throws DataError always */
export async function readFile(path: string, what: string): Promise<Uint8Array> {
  throw new DataError(`${what}: cannot read ${path}: there are no files in a browser, only in Node.js`);
}
