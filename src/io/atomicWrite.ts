/** Files that are there as a whole or not at all. */
import { constants } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { open, realpath, rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { DataError } from '../errors.js';

/** The most bytes that there can be in one array, to be written as a file. */
export const MAX_BYTES = constants.MAX_LENGTH;

/** The most bytes of one system call: some systems refuse 2 GB. */
const CHUNK = 2 ** 30;

/**
 * Writes a file so that whoever reads it, even after a crash or with a full disk, finds either what was there
 * before or the whole of `content`: that goes to a file beside it, which then takes its name. On failure that
 * one is removed.
 *
 * @param content must not change until the promise settles.
 * @param what whose wish it is, for the message.
 * @throws DataError with the path, and the system's error as its cause
 */
export async function atomicWrite(path: string, content: string | Uint8Array, what: string): Promise<void> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  try {
    const target = await realpath(path).catch(() => resolve(path)); // through a link, as any other write
    const beside = `${target}.${process.pid}-${randomBytes(6).toString('hex')}.tmp`;
    const file = await open(beside, 'wx');
    try {
      try {
        for (let at = 0; at < bytes.length; ) {
          at += (await file.write(bytes, at, Math.min(CHUNK, bytes.length - at))).bytesWritten;
        }
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(beside, target);
    } catch (error) {
      await rm(beside, { force: true });
      throw error;
    }
  } catch (cause) {
    throw new DataError(`${what}: cannot write ${path}: ${(cause as Error).message}`, { cause });
  }
}
