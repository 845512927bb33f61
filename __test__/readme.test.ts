/** Every block of TypeScript in the README is a program: pasted into an empty folder, it runs to its end. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeSmallMnist } from './smallMnist.js';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '..');
const readme = await readFile(join(root, 'README.md'), 'utf8');
const blocks = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code as string);

let folder: string;

/** A folder as a user has it, with ferrograd installed, and with a small ./data so that nothing is downloaded. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ferrograd-readme-'));
  await mkdir(join(folder, 'node_modules'));
  await symlink(root, join(folder, 'node_modules', 'ferrograd'), 'junction');
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  await writeSmallMnist(join(folder, 'data'), 640);
});

afterAll(() => rm(folder, { recursive: true }));

async function paste(code: string, name: string): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, code);
  const tsx = resolve(root, 'node_modules', 'tsx', 'dist', 'cli.mjs');
  const { stdout } = await run(process.execPath, [tsx, file], { cwd: folder });
  return stdout;
}

test('the README has its programs', () => {
  expect(blocks.length).toBeGreaterThanOrEqual(3);
  expect(blocks[0]).toContain('Finished Training');
});

test('the tutorial trains to its end', async () => {
  const lines = (await paste(blocks[0] as string, 'tutorial.ts')).trim().split('\n');
  expect(lines).toHaveLength(11);
  expect(lines.at(-1)).toBe('Finished Training');
  const losses = lines.slice(0, 10).map((line) => Number(/^Epoch \d+, Loss: ([\d.]+)$/.exec(line)?.[1]));
  expect(losses[9]).toBeLessThan(losses[0] as number);
});

test.each(blocks.slice(1).map((code, i) => [i + 2, code] as const))('block %i runs', async (number, code) => {
  const output = await paste(code, `block-${number}.ts`);
  // A comment behind console.log says what it prints: the numbers must be there.
  for (const [, said] of code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)) {
    for (const number of (said as string).match(/-?\d+(\.\d+)?/g) ?? []) expect(output).toContain(number);
  }
});
