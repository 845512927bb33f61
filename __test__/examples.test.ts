/** The examples, run as a user runs them. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { load } from 'ferrograd';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeSmallMnist } from './smallMnist.js';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '..');
const tsx = join(root, 'node_modules', 'tsx', 'dist', 'cli.mjs');

/** What a program that ends says, and with which code. */
interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ferrograd-examples-'));
  await writeSmallMnist(join(folder, 'digits'), 1280);
});

afterAll(() => rm(folder, { recursive: true }));

async function example(name: string, args: string[] = [], cwd = folder): Promise<Ended> {
  const env = { ...process.env, FERROGRAD_DATA: '' };
  try {
    const { stdout, stderr } = await run(process.execPath, [tsx, join(root, 'examples', name), ...args], {
      cwd,
      env,
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    return error as Ended;
  }
}

describe('mnist.ts', () => {
  test('trains, shows and saves', async () => {
    const { stdout, stderr, code } = await example('mnist.ts', [
      '--data',
      'digits',
      '--epochs',
      '3',
      '--lr',
      '0.05',
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const losses = [...stdout.matchAll(/^Epoch (\d+), Loss: ([\d.]+)$/gm)].map(([, , loss]) => Number(loss));
    expect(losses).toHaveLength(3);
    expect(losses[2]).toBeLessThan(losses[0] as number);
    expect(stdout).toMatch(/^Finished Training$/m);
    const accuracy = Number(/^Test accuracy: ([\d.]+) % of 1280 images$/m.exec(stdout)?.[1]);
    expect(accuracy).toBeGreaterThan(30); // by chance: 10
    expect(stdout).toContain('⣀'); // the curve's last stretch
    expect(stdout).toContain('█'); // a digit
    const svg = await readFile(join(folder, 'loss.svg'), 'utf8');
    expect(svg).toMatch(/^<svg .*<path class="line" d="M[\d.]+ [\d.]+L/s);
    const weights = await load(join(folder, 'mnist.safetensors'));
    expect(Object.keys(weights).sort()).toEqual(['fc1.bias', 'fc1.weight', 'fc2.bias', 'fc2.weight']);
  });

  test('runs the loop of the tutorial, with the same results', async () => {
    const losses = async (...args: string[]) => {
      const { code, stdout } = await example('mnist.ts', ['--data', 'digits', '--epochs', '2', ...args]);
      expect(code).toBe(0);
      const epochs = [...stdout.matchAll(/^Epoch (\d+), Loss: ([\d.]+)$/gm)].map(([, , loss]) =>
        Number(loss),
      );
      return { stdout, epochs };
    };
    const [plan, loop] = [await losses('--explain'), await losses('--loop')];
    expect(plan.epochs).toHaveLength(2);
    for (const i of [0, 1]) expect(plan.epochs[i]).toBeCloseTo(loop.epochs[i] as number, 4);
    expect(plan.stdout).toMatch(/^A step of training on float32 \[64, 1, 28, 28\], int32 \[64\]: \d+ steps/m);
  });

  test('gives the same numbers for the same seed, others for another', async () => {
    const losses = async (seed: string) => {
      const { stdout } = await example('mnist.ts', ['--data', 'digits', '--epochs', '1', '--seed', seed]);
      return /^Epoch 1, Loss: .*$/m.exec(stdout)?.[0];
    };
    const first = await losses('3');
    expect(first).toBeDefined();
    expect(await losses('3')).toBe(first);
    expect(await losses('4')).not.toBe(first);
  });

  test('explains its options, and refuses wrong ones', async () => {
    const help = await example('mnist.ts', ['--help']);
    expect(help.code).toBe(0);
    for (const option of ['--data', '--epochs', '--lr', '--batch-size', '--seed', '--threads', '--loop']) {
      expect(help.stdout).toContain(option);
    }
    const wrong = await example('mnist.ts', ['--epochs', 'many']);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('--epochs: expected a whole number from 1 on, got many');
    expect((await example('mnist.ts', ['--depth', '3'])).code).toBe(2);
  });

  test('says which files it misses in a folder without them', async () => {
    await mkdir(join(folder, 'empty'), { recursive: true });
    const { code, stderr } = await example('mnist.ts', ['--data', 'empty']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^DataError: .*train-images/s);
  });
});

test('ten-five-two.ts finds the boundary', async () => {
  const { code, stdout } = await example('ten-five-two.ts');
  expect(code).toBe(0);
  expect(Number(/^Accuracy on 1000 new points: ([\d.]+) %$/m.exec(stdout)?.[1])).toBeGreaterThan(95);
  const rows = [...stdout.matchAll(/\[\s*([01]\.\d*),\s*([01]\.\d*)\]/g)].map(([, a, b]) => [
    Number(a),
    Number(b),
  ]);
  expect(rows).toHaveLength(3);
  for (const [a, b] of rows as [number, number][]) expect(a + b).toBeCloseTo(1, 3);
  expect((rows[0] as number[])[1]).toBeGreaterThan(0.95);
  expect((rows[1] as number[])[0]).toBeGreaterThan(0.95);
});
