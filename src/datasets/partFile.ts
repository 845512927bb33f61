/**
 * Where a download grows until it is whole: a file beside the final one, owned by one thread of one process.
 *
 * Two downloads of the same file, in one process or in several, each write their own part, so that neither can
 * corrupt the other. What a process left behind when it was ended is taken up by the next one; the rename that takes
 * it can succeed only once.
 */

import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { threadId } from 'node:worker_threads';

/** A part that no one has touched for this long is nobody's, whatever machine wrote it. */
const ABANDONED_MS = 3_600_000;

/** `<file>.<host>-<process>-<thread>.part`; the host tells apart machines and containers that share a disk. */
const host = hostname().replace(/[^\w]/g, '_');

/** The part file of this thread for the final `path`, with what there is to resume from already in it. */
export async function claimPart(path: string): Promise<string> {
  const part = `${path}.${host}-${process.pid}-${threadId}.part`;
  if (await exists(part)) return part;
  const folder = dirname(path);
  for (const name of await readdir(folder)) {
    const owner = name.startsWith(`${basename(path)}.`) && /\.(\w+)-(\d+)-\d+\.part$/.exec(name);
    if (!owner) continue;
    const orphan = join(folder, name);
    if (!(await isAbandoned(orphan, owner[1] as string, Number(owner[2])))) continue;
    try {
      await rename(orphan, part);
      return part;
    } catch {
      // Somebody else took it: look at the next.
    }
  }
  await (await open(part, 'a')).close();
  return part;
}

/** Deletes a part; one that is gone already is fine. */
export async function dropPart(part: string): Promise<void> {
  await rm(part, { force: true });
}

async function isAbandoned(part: string, owner: string, pid: number): Promise<boolean> {
  if (owner === host && pid !== process.pid && !isAlive(pid)) return true;
  const touched = await stat(part).then(
    (status) => status.mtimeMs,
    () => Number.POSITIVE_INFINITY,
  );
  return Date.now() - touched > ABANDONED_MS;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0); // Sends nothing, only asks.
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
