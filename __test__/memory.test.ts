/**
 * Memory stays flat in a synchronous loop, and what the program holds stays readable.
 *
 * FERROGRAD_SOAK=1 runs 300,000 steps of the small net, 20,000 of the seed program's, and a million by plans, which takes
 * minutes.
 */
import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

/** Bytes. Arrays of the seed program's step are larger, and a busy machine's collector is behind by some of them. */
const MOST_GROWTH = { small: 20e6, seed: 40e6 };

const long = process.env.FERROGRAD_SOAK === '1';
const root = resolve(import.meta.dirname, '..');

/** What programs/planSoak.ts writes. */
interface PlanSoak {
  steps: number;
  /** The most resident memory in the first tenth of the steps, in bytes. */
  firstTenth: number;
  lastTenth: number;
  finite: boolean;
}

/** What programs/soak.ts writes. */
interface Soak extends PlanSoak {
  kept: number;
  changed: number;
}

async function output(program: string, ...args: string[]): Promise<string> {
  const tsx = join(root, 'node_modules/tsx/dist/cli.mjs');
  const file = join(import.meta.dirname, 'programs', program);
  return (await promisify(execFile)(process.execPath, [tsx, file, ...args])).stdout;
}

test.each([
  { net: 'small', steps: long ? 300_000 : 100_000 },
  { net: 'seed', steps: long ? 20_000 : 5_000 },
] as const)('$steps steps of the $net net', { timeout: 1_200_000 }, async ({ net, steps }) => {
  const soak: Soak = JSON.parse(await output('soak.ts', net, String(steps)));
  if (long) console.log(net, soak);
  expect(soak).toMatchObject({ steps, changed: 0, finite: true });
  expect(soak.kept).toBe(4 * Math.ceil(steps / 1000));
  expect(soak.lastTenth - soak.firstTenth).toBeLessThan(MOST_GROWTH[net]);
});

test.each([
  { from: 'memory', steps: long ? 1_000_000 : 200_000 },
  { from: 'stream', steps: long ? 200_000 : 50_000 },
])('$steps steps by plans, from $from', { timeout: 1_200_000 }, async ({ from, steps }) => {
  const soak: PlanSoak = JSON.parse(await output('planSoak.ts', from, String(steps)));
  if (long) console.log(from, soak);
  expect(soak).toMatchObject({ steps, finite: true });
  const losses = 4 * steps; // the history keeps them
  expect(soak.lastTenth - soak.firstTenth - losses).toBeLessThan(
    from === 'memory' ? 10e6 : MOST_GROWTH.small,
  );
});
