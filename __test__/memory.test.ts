/**
 * Memory stays flat in a synchronous loop, and what the program holds stays readable.
 *
 * FERROGRAD_SOAK=1 runs 300,000 steps of the small net and 20,000 of the seed program's, which takes minutes.
 */
import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const MOST_GROWTH = 20e6;

const long = process.env.FERROGRAD_SOAK === '1';
const root = resolve(import.meta.dirname, '..');

/** What programs/soak.ts writes. */
interface Soak {
  steps: number;
  /** The most resident memory in the first tenth of the steps, in bytes. */
  firstTenth: number;
  lastTenth: number;
  kept: number;
  changed: number;
  finite: boolean;
}

test.each([
  { net: 'small', steps: long ? 300_000 : 100_000 },
  { net: 'seed', steps: long ? 20_000 : 5_000 },
])('$steps steps of the $net net', { timeout: 1_200_000 }, async ({ net, steps }) => {
  const args = [
    join(root, 'node_modules/tsx/dist/cli.mjs'),
    join(import.meta.dirname, 'programs/soak.ts'),
    net,
    String(steps),
  ];
  const soak: Soak = JSON.parse((await promisify(execFile)(process.execPath, args)).stdout);
  if (long) console.log(net, soak);
  expect(soak).toMatchObject({ steps, changed: 0, finite: true });
  expect(soak.kept).toBe(4 * Math.ceil(steps / 1000));
  expect(soak.lastTenth - soak.firstTenth).toBeLessThan(MOST_GROWTH);
});
