/** A failure is heard by whoever awaits or iterates; else the process hears of it. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const tests = join(import.meta.dirname, '..');

test.each([
  ['nobody', 'unhandled: StateError'],
  ['await', 'caught: StateError'],
  ['loop', 'caught: StateError'],
  ['late', 'caught: StateError'],
  ['leaving', 'caught: StateError'],
])('%s', async (how, expected) => {
  const tsx = join(tests, '../node_modules/tsx/dist/cli.mjs');
  const { stdout } = await promisify(execFile)(process.execPath, [
    tsx,
    join(tests, 'programs/unheard.ts'),
    how,
  ]);
  expect(stdout.trim()).toBe(expected);
});
