/** Files read as a whole, also those of more than 2 GB. */
import { open, stat } from 'node:fs/promises';
import { DataError } from '../errors.js';

/** The most bytes of one system call: some systems refuse 2 GB. */
const CHUNK = 2 ** 30;

/**
 * The bytes of a file.
 *
 * @param what whose wish it is, for the message.
 * @throws DataError with the path, and the system's error as its cause
 */
export async function readFile(path: string, what: string): Promise<Uint8Array> {
  try {
    // Opening a pipe would wait for its writer.
    if (!(await stat(path)).isFile()) throw new Error('it is not a file');
    const file = await open(path);
    try {
      const { size } = await file.stat();
      const bytes = new Uint8Array(size);
      let at = 0;
      while (at < size) {
        const { bytesRead } = await file.read(bytes, at, Math.min(CHUNK, size - at), at);
        if (bytesRead === 0) break; // somebody cut it short meanwhile
        at += bytesRead;
      }
      return bytes.subarray(0, at);
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new DataError(`${what}: cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
}
