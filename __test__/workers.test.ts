/** ferrograd in worker threads: many at once, started and terminated over and over. */
import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '..');

test('400 workers, 8 at once, compute and end; the process lives', { timeout: 600_000 }, async () => {
  // A process of its own, whose main thread never loads ferrograd: nothing but the workers holds the native code.
  const args = [
    join(root, 'node_modules/tsx/dist/cli.mjs'),
    join(import.meta.dirname, 'programs/workers.ts'),
  ];
  const { stdout } = await run(process.execPath, [...args, '50', '8']);
  expect(stdout).toBe('400\n');
});

test.each([
  ['FERROGRAD_NUM_THREADS', 'many', 'expected 1 to 256 threads, got "many"'],
  ['FERROGRAD_ISA', 'sse9', 'this machine has no "sse9"'],
])('loading fails where %s is "%s"', async (name, value, message) => {
  const code = `
    try { require('ferrograd') } catch ({ name, message }) { console.log(name, message) }`;
  const env = { ...process.env, [name]: value };
  const { stdout } = await run(process.execPath, ['--eval', code], { cwd: root, env });
  expect(stdout).toContain(`ArgumentError ${name}: ${message}`);
});

const dying = process.env.FERROGRAD_SOAK ? 200 : 20;

test(`${dying} workers are terminated while they train; the process lives and trains`, {
  timeout: 600_000,
}, async () => {
  const args = [
    join(root, 'node_modules/tsx/dist/cli.mjs'),
    join(import.meta.dirname, 'programs/dyingWorkers.ts'),
  ];
  const { stdout } = await run(process.execPath, [...args, String(dying)]);
  expect(stdout).toBe(`${dying} workers, true\n`);
});
