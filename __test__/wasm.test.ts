/**
 * ferrograd on WebAssembly in Node.js. That all of the API does the same there, the other tests tell: `npm test` runs
 * them a second time with FERROGRAD_FORCE_WASM=1.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as ferrograd from 'ferrograd';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundle } from '../scripts/bundle.js';
import { emptyFolder, Project, root } from './packed.js';
import { addWasmPackage, isWasmBuilt, wasmFile } from './wasm.js';

const run = promisify(execFile);
const tsx = join(root, 'node_modules/tsx/dist/cli.mjs');
const force = { ...process.env, FERROGRAD_BINARY: '', FERROGRAD_FORCE_WASM: '1' };

const project = await Project.create();
const folder = emptyFolder();
afterAll(() => project.remove());

describe('the bundle for browsers', () => {
  test('needs nothing of Node.js', async () => {
    const out = join(folder, 'bundle.mjs');
    await bundle(join(root, 'package.json'), out); // in place of the module any bytes will do
    const imports = [...readFileSync(out, 'utf8').matchAll(/\bimport\s*\(?\s*["'{*]|\bfrom\s*["']/g)];
    expect(imports).toEqual([]);
  });
});

describe.skipIf(!isWasmBuilt)('on WebAssembly', () => {
  beforeAll(() => addWasmPackage(project));

  /** What binaries:test runs on each platform. */
  async function losses(
    env: NodeJS.ProcessEnv,
  ): Promise<Record<'losses' | 'planned', number[]> & { isa: string }> {
    const out = join(folder, 'losses.json');
    await run(process.execPath, [join(root, 'scripts/binaries/train.mjs'), '300', out], { env });
    return JSON.parse(readFileSync(out, 'utf8'));
  }

  test('the explicit loop and plans lose what they do natively, but for rounding', async () => {
    const own = await losses(force);
    const native = await losses({ ...process.env, FERROGRAD_FORCE_WASM: '' });
    expect(own.isa).toBe('wasm128');
    expect(native.isa).not.toBe('wasm128');
    expect(native.losses.at(-1)).toBeLessThan(2);
    for (const losses of [own.losses, own.planned]) {
      expect(losses).toHaveLength(300);
      losses.forEach((loss, i) => {
        expect(Math.abs(loss / (native.losses[i] as number) - 1)).toBeLessThan(1e-5);
      });
    }
  });

  const steps = process.env.FERROGRAD_SOAK === '1' ? 300_000 : 50_000;
  test(`memory stays flat in ${steps} synchronous steps`, { timeout: 1_200_000 }, async () => {
    const args = [tsx, join(import.meta.dirname, 'programs/soak.ts'), 'small', String(steps)];
    const soak = JSON.parse((await run(process.execPath, args, { env: force })).stdout);
    if (steps === 300_000) console.log(soak);
    expect(soak).toMatchObject({ steps, kept: 4 * Math.ceil(steps / 1000), changed: 0, finite: true });
    expect(soak.lastTenth - soak.firstTenth).toBeLessThan(20e6);
  });

  test('a trap is an error that says so, and all that follows is refused', async () => {
    const args = [tsx, join(import.meta.dirname, 'programs/trap.ts')];
    const errors = JSON.parse((await run(process.execPath, args, { env: force })).stdout);
    expect(errors.map(({ name, code }: Record<string, string>) => [name, code])).toEqual([
      ['FerrogradError', 'ERR_INTERNAL'],
      ['StateError', 'ERR_STATE'],
      ['StateError', 'ERR_STATE'],
    ]);
    expect(errors[0].message).toBe(
      'WebAssembly broke off: a call needs more than the 4 GB of memory that WebAssembly has',
    );
    expect(errors[1].message).toContain("ferrograd's WebAssembly module has stopped");
    expect(errors[1].message).toContain('start this worker or program anew');
  });

  test('settings of the environment are granted or refused as natively', async () => {
    const info = (env: NodeJS.ProcessEnv) =>
      run(process.execPath, ['--print', "JSON.stringify(require('ferrograd').backend())"], {
        cwd: root,
        env: { ...force, ...env },
      });
    const { stdout } = await info({ FERROGRAD_NUM_THREADS: '3' });
    expect(JSON.parse(stdout)).toMatchObject({ isa: 'wasm128', threads: 3, binary: wasmFile });
    await expect(info({ FERROGRAD_ISA: 'avx2' })).rejects.toThrow(
      'this machine has no "avx2", expected one of wasm128, portable',
    );
    await expect(info({ FERROGRAD_NUM_THREADS: 'many' })).rejects.toThrow('ArgumentError');
  });

  describe('in a project', () => {
    /** Runs a program there: what it printed, and what was printed beside. */
    async function evaluate(code: string, env: NodeJS.ProcessEnv = {}) {
      const options = { cwd: project.folder, env: { ...process.env, FERROGRAD_BINARY: '', ...env } };
      return run(process.execPath, ['--input-type=module', '--eval', code], options);
    }
    const sum = `
      import { backend, tensor } from 'ferrograd';
      console.log(tensor([1, 2, 3]).sum().item(), backend().isa, backend().binary);`;
    const installed = 'node_modules/ferrograd-wasm32-wasi/ferrograd.wasm32-wasi.wasm';

    test('it computes where no native package is installed, and a line says so', async () => {
      const { stdout, stderr } = await evaluate(sum);
      expect(stdout).toBe(`6 wasm128 ${project.path(installed)}\n`);
      const [line, ...rest] = stderr.split('\n').filter((text) => !text.includes('--trace-warnings'));
      expect(line).toContain('[FERROGRAD_WASM] ferrograd: computing with WebAssembly, several times slower');
      expect(line).toContain('not installed');
      expect(rest.join('')).toBe('');
    });

    test('it computes in silence where FERROGRAD_FORCE_WASM asks for it', async () => {
      project.addPlatformPackage();
      const { stdout, stderr } = await evaluate(sum, { FERROGRAD_FORCE_WASM: '1' });
      expect(stdout).toContain('6 wasm128');
      expect(stderr).toBe('');
    });

    test('it does not where a native package is installed', async () => {
      project.addPlatformPackage();
      expect((await evaluate(sum)).stdout).not.toContain('wasm128');
    });

    test('the bundle for browsers runs in Node.js too, with the same exports', async () => {
      const { stdout } = await evaluate(`
        import * as ferrograd from 'ferrograd-wasm32-wasi';
        const { datasets, load, save, tensor } = ferrograd;
        const errors = [];
        const refused = [
          () => datasets.MNIST({ root: 'data' }),
          () => datasets.FashionMNIST({ root: 'data' }),
          () => load('a.safetensors'),
          () => save({ x: tensor([1]) }, 'a.safetensors'),
        ];
        for (const call of refused) await call().catch(({ name, message }) => errors.push([name, message]));
        console.log(JSON.stringify({ names: Object.keys(ferrograd), errors }));`);
      const { names, errors } = JSON.parse(stdout);
      expect(names).toEqual(Object.keys(ferrograd).sort());
      expect(errors).toHaveLength(4);
      for (const [name, message] of errors) {
        expect(name).toBe('DataError');
        expect(message).toContain('no files in a browser, only in Node.js');
      }
    });
  });
});
