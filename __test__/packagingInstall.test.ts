/** What a new user does: installs the tarballs into an empty folder with scripts disabled, and pastes the README's program. */
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packPlatform, packRoot } from '../scripts/binaries/pack.js';
import { binaryName, emptyFolder, platform, root } from './packed.js';
import { writeSmallMnist } from './smallMnist.js';

const run = promisify(execFile);
const folder = emptyFolder();
const env = { ...process.env, FERROGRAD_BINARY: '' };

/** A registry in which nothing is published, as for the packages of other platforms here. */
const registry = createServer((_, response) => response.writeHead(404).end('{}'));

/** Runs npm in the folder; of other versions of npm than the one that runs the tests, the one on the PATH. */
function npm(...args: string[]) {
  const own = process.env.npm_execpath;
  const { port } = registry.address() as AddressInfo;
  const all = [`--registry=http://127.0.0.1:${port}/`, `--cache=${join(folder, '.npm')}`, ...args];
  if (own) return run(process.execPath, [own, ...all], { cwd: folder, env });
  return run('npm', all, { cwd: folder, env, shell: process.platform === 'win32' });
}

/** Bytes of all files below a folder. */
function bytes(path: string): number {
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.reduce((sum, file) => sum + statSync(join(file.parentPath ?? file.path, file.name)).size, 0);
}

let installSeconds: number;

beforeAll(async () => {
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
  mkdirSync(join(folder, 'tarballs'));
  const out = join(folder, 'tarballs');
  const tarballs = [await packRoot(out), await packPlatform(platform, join(root, 'dist', binaryName), out)];
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  const start = performance.now();
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund'];
  await npm('install', ...flags, ...tarballs.map(({ file }) => file));
  installSeconds = (performance.now() - start) / 1000;
}, 120_000);

afterAll(() => {
  registry.close();
  rmSync(folder, { recursive: true });
});

test('npm adds two packages of less than 4.5 MB', () => {
  const modules = join(folder, 'node_modules');
  const packages = readdirSync(modules).filter((name) => !name.startsWith('.'));
  expect(packages).toEqual(['ferrograd', `ferrograd-${platform}`]);
  for (const name of packages) {
    const { scripts } = JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8'));
    expect(scripts, name).toBeUndefined();
    // The largest binary is that for musl; one that is built here for another system shall leave it room.
    const room = platform.endsWith('musl') ? 0 : 25_000;
    expect(bytes(join(modules, name)), name).toBeLessThan(3_000_000 - room);
  }
  expect(bytes(modules)).toBeLessThan(4_500_000);
  const size = (bytes(modules) / 1e6).toFixed(2);
  console.log(`installed ${packages.length} packages, ${size} MB, in ${installSeconds.toFixed(1)} s`);
});

test("the README's first program trains to its end", async () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const [, program = ''] = /^```ts\n(.*?)^```$/ms.exec(readme) ?? [];
  writeFileSync(join(folder, 'tutorial.ts'), program);
  await writeSmallMnist(join(folder, 'data'), 640);
  const tsx = join(root, 'node_modules', 'tsx', 'dist', 'cli.mjs');
  const { stdout } = await run(process.execPath, [tsx, 'tutorial.ts'], { cwd: folder, env });
  expect(stdout.trim().split('\n').at(-1)).toBe('Finished Training');
});

test('npx finds the command', async () => {
  const { stdout } = await npm('exec', '--no', '--', 'ferrograd', 'info');
  expect(stdout).toContain(join(folder, 'node_modules', `ferrograd-${platform}`, binaryName));
});
