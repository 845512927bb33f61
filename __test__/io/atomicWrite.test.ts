import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DataError, save, zeros } from 'ferrograd';
import { afterAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'ferrograd-write-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Saves in a process of its own, with what a shell says first; its report. */
function saveElsewhere(path: string, first: string): { code?: string; cause?: string } {
  const program = `
    const { save, zeros } = require('ferrograd');
    save({ x: zeros([1_000_000]) }, ${JSON.stringify(path)}).then(
      () => console.log('{}'),
      (error) => console.log(JSON.stringify({ code: error.code, cause: error.cause?.code })),
    );`;
  const { stdout, stderr } = spawnSync('sh', ['-c', `${first}; exec "${process.execPath}" -e "$PROGRAM"`], {
    cwd: root,
    env: { ...process.env, PROGRAM: program },
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

describe('a file that cannot be written as a whole', () => {
  it.skipIf(process.platform === 'win32')('is not written at all: the disk is full', () => {
    const place = mkdtempSync(join(folder, 'full-'));
    const path = join(place, 'x.safetensors');
    writeFileSync(path, 'what was there');
    // The shell lets no file grow beyond 64 KB or so.
    expect(saveElsewhere(path, 'ulimit -f 128')).toEqual({ code: 'ERR_DATA', cause: 'EFBIG' });
    expect(readdirSync(place)).toEqual(['x.safetensors']);
    expect(readFileSync(path, 'utf8')).toBe('what was there');
    expect(saveElsewhere(path, 'true')).toEqual({});
    expect(readFileSync(path).length).toBeGreaterThan(4_000_000);
  });

  it.skipIf(process.platform === 'win32' || process.getuid?.() === 0)('nor without permission', async () => {
    const place = mkdtempSync(join(folder, 'locked-'));
    chmodSync(place, 0o500);
    expect(saveElsewhere(join(place, 'x'), 'true')).toEqual({ code: 'ERR_DATA', cause: 'EACCES' });
    chmodSync(place, 0o700);
    expect(readdirSync(place)).toEqual([]);
  });

  it('nor where a folder has its name', async () => {
    const place = mkdtempSync(join(folder, 'folder-'));
    mkdirSync(join(place, 'x'));
    const error = await save({ x: zeros([1]) }, join(place, 'x')).then(
      () => undefined,
      (error: Error) => error,
    );
    expect(error).toBeInstanceOf(DataError);
    expect(error?.message).toContain(join(place, 'x'));
    expect(readdirSync(place)).toEqual(['x']);
  });
});
