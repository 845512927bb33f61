/** Downloads of data files: mirrors, retries, resumption, checksums. */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, rename, stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { dirname, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataError } from '../errors.js';
import { get } from './http.js';
import { claimPart, dropPart } from './partFile.js';

/** What to download, from where, to where. */
export interface DownloadOptions {
  /** Where the file is to be had, tried in this order. */
  readonly urls: readonly URL[];
  /** Where it goes; the folder is made. */
  readonly path: string;
  /** The MD5 of the whole file, in hexadecimal. */
  readonly md5: string;
  /** The length of the whole file, in bytes. */
  readonly size: number;
  /** Stops the download with the signal's reason; what has come so far is kept for the next time. */
  readonly signal?: AbortSignal | undefined;
  /** Told how many bytes of the file are here. */
  readonly progress?: (received: number) => void;
  /** Told, as a sentence, why a mirror is given up for the next one. */
  readonly notice?: (message: string) => void;
  /** Milliseconds without a byte after which a server counts as stalled. */
  readonly stallTimeout?: number;
  /** Milliseconds before the second try at a mirror; doubled for each further one. */
  readonly retryDelay?: number;
}

const TRIES_PER_MIRROR = 3;

/** A mirror does not have the file, or cannot be found: another try would be told the same. */
class RefusedError extends Error {}

/** The bytes are not those of the file. */
class CorruptError extends Error {}

/** For each file the downloads under way in this thread: settled when the last of them is. Never rejected. */
const queue = new Map<string, Promise<unknown>>();

/**
 * Downloads a file unless it is there already with the right checksum.
 *
 * The bytes grow in a part file beside the final one, which is renamed to it when length and checksum are right; so
 * the final path never holds half a file. A part left by an earlier try is resumed.
 *
 * @throws DataError naming each mirror and why it failed, or why the file cannot be written; the signal's reason
 *   where it was aborted.
 */
export async function download(options: DownloadOptions): Promise<void> {
  const { signal } = options;
  signal?.throwIfAborted();
  const path = resolve(options.path);
  const before = queue.get(path);
  const done = settled(before, signal).then(() => downloadNow({ ...options, path }));
  const both = Promise.allSettled([before, done]);
  queue.set(path, both);
  both.then(() => {
    if (queue.get(path) === both) queue.delete(path);
  });
  return done;
}

/** Waits for downloads of the same file that were asked for earlier, unless aborted. */
function settled(before: Promise<unknown> | undefined, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal?.reason);
    signal?.addEventListener('abort', abort);
    Promise.resolve(before).then(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    });
  });
}

async function downloadNow(options: DownloadOptions): Promise<void> {
  const { urls, path, signal, notice } = options;
  signal?.throwIfAborted();
  if ((await sizeOf(path)) === options.size && (await md5Of(path)) === options.md5) return;
  const part = await onDisk(path, async () => {
    await mkdir(dirname(path), { recursive: true });
    return claimPart(path);
  });
  const failures: Error[] = [];
  for (const [i, url] of urls.entries()) {
    try {
      await fromMirror(url, part, options);
      await onDisk(path, () => rename(part, path));
      return;
    } catch (error) {
      if (error instanceof DataError) throw error;
      signal?.throwIfAborted();
      failures.push(error as Error);
      const next = urls[i + 1];
      if (next !== undefined) notice?.(`${url}: ${reason(error)}; trying ${next}`);
    }
  }
  if ((await sizeOf(part)) === 0) await dropPart(part);
  const list = urls.map((url, i) => `\n  ${url}: ${reason(failures[i])}`).join('');
  throw new DataError(
    `${path} could not be downloaded:${list}\nTry again later, or get the file by hand and put it at that path.`,
    { cause: new AggregateError(failures) },
  );
}

/** Brings the part to its full length and the right checksum from one mirror. */
async function fromMirror(url: URL, part: string, options: DownloadOptions): Promise<void> {
  const { signal, retryDelay = 500 } = options;
  for (let attempt = 1; ; attempt++) {
    const resumed = (await sizeOf(part)) ?? 0;
    try {
      await fetchRest(url, part, options);
      await verify(part, options.md5);
      return;
    } catch (error) {
      if (error instanceof DataError) throw error;
      signal?.throwIfAborted();
      // Where the download was resumed, the wrong bytes may be the old ones, not this mirror's.
      const final = error instanceof RefusedError || (error instanceof CorruptError && resumed === 0);
      if (final || attempt === TRIES_PER_MIRROR) throw error;
    }
    await sleep(retryDelay * 2 ** (attempt - 1), undefined, { signal });
  }
}

/** Asks for the bytes that the part lacks and appends them; where the server sends all of them, starts over. */
async function fetchRest(url: URL, part: string, options: DownloadOptions): Promise<void> {
  const { size, signal, progress, stallTimeout = 30_000 } = options;
  const stop = new AbortController();
  const abort = () => stop.abort(signal?.reason);
  signal?.addEventListener('abort', abort);
  const timer = setTimeout(() => {
    stop.abort(new Error(`stalled: no data for ${stallTimeout / 1000} s`));
  }, stallTimeout);
  const file = await onDisk(part, () => open(part, 'a'));
  try {
    let received = (await file.stat()).size;
    if (received === size) return;
    const response = await get(url, { offset: received, signal: stop.signal });
    received = await startAt(response, received, size, file);
    progress?.(received);
    for await (const chunk of response as AsyncIterable<Buffer>) {
      timer.refresh();
      received += chunk.length;
      if (received > size) {
        await file.truncate(0);
        throw new CorruptError(`sends more than the ${size} bytes of the file`);
      }
      await onDisk(part, () => file.appendFile(chunk));
      progress?.(received);
    }
    if (received < size) throw new Error(`ended after ${received} of ${size} bytes`);
    await onDisk(part, () => file.sync());
  } catch (error) {
    if (stop.signal.aborted) throw stop.signal.reason;
    const { code } = error as NodeJS.ErrnoException;
    throw code === 'ENOTFOUND' || code === 'EAI_AGAIN'
      ? new RefusedError(reason(error), { cause: error })
      : error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
    await file.close();
  }
}

/** From which byte on the body of a response counts; empties the part where it does not continue it. */
async function startAt(
  response: IncomingMessage,
  received: number,
  size: number,
  file: FileHandle,
): Promise<number> {
  const { statusCode = 0, statusMessage, headers } = response;
  if (statusCode === 206 && headers['content-range']?.startsWith(`bytes ${received}-`)) return received;
  const length = headers['content-length'];
  if (statusCode === 200 && (length === undefined || Number(length) === size)) {
    await file.truncate(0);
    return 0;
  }
  response.destroy();
  if (statusCode === 200) {
    const type = headers['content-type'] ?? 'no content type';
    throw new RefusedError(`offers ${length} bytes (${type}), expected ${size}`);
  }
  if (statusCode === 206 || statusCode === 416) {
    await file.truncate(0);
    throw new Error(`cannot resume at byte ${received} (HTTP ${statusCode})`);
  }
  const message = `HTTP ${statusCode} ${statusMessage}`.trim();
  const passing = statusCode >= 500 || statusCode === 408 || statusCode === 429;
  throw passing ? new Error(message) : new RefusedError(message);
}

/** Drops a part whose checksum is wrong. */
async function verify(part: string, md5: string): Promise<void> {
  const got = await md5Of(part);
  if (got === md5) return;
  await onDisk(part, async () => (await open(part, 'w')).close());
  throw new CorruptError(`corrupt: MD5 ${got}, expected ${md5}`);
}

async function md5Of(path: string): Promise<string> {
  const hash = createHash('md5');
  await onDisk(path, () => pipeline(createReadStream(path), hash));
  return hash.digest('hex');
}

function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    (status) => status.size,
    () => undefined,
  );
}

/** Disk trouble is the same with every mirror: it ends the download. */
async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new DataError(`${path}: cannot be stored: ${(cause as Error).message}`, { cause });
  }
}

function reason(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  return message || code || String(error); // Node's error for several addresses has a code and no message.
}
