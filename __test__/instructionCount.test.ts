/**
 * The innermost loop of a product stays unrolled, its sums in registers. A compiler that puts them into memory makes it
 * several times slower, at the same results; timings on a shared machine would not show it, counting instructions does.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { buildNative } from '../bench/peers.js';
import { run } from '../scripts/command.js';

const SIZE = 256;
const workload = (isa: string, count: number) => [`isa=${isa}`, `count=${count}`, `size=${SIZE}`];

async function has(program: string): Promise<boolean> {
  return (await run(program, ['--version'], { output: 'capture' })).ok;
}

const missing = process.arch !== 'x64' || !(await has('valgrind')) || !(await has('cargo'));

describe.skipIf(missing)('instructions of a product of matrices, counted by valgrind', () => {
  let native = '';
  beforeAll(async () => {
    native = (await buildNative({ isa: undefined, capPeers: false }))?.command ?? '';
  }, 600_000);

  async function instructions(isa: string, count: number): Promise<number> {
    const tool = ['--tool=callgrind', '--callgrind-out-file=/dev/null'];
    const { ok, output } = await run('valgrind', [...tool, native, ...workload(isa, count)], {
      output: 'capture',
    });
    const counted = output.match(/Collected : (\d+)/)?.[1];
    if (!ok || !counted) throw new Error(output);
    return Number(counted);
  }

  // Of a tile with AVX2, 6×2 vectors: 12 multiply-adds, 2 loads, 6 broadcasts and 4 to count and move on for 96 numbers
  // are 0.25. With SSE2, 4×2 vectors: 8 products, 8 sums, 2 loads, 4 loads and 4 shuffles, and 4 again for 32 are 0.94.
  // Packing and the edges come on top: 0.31 and 1.07 were counted, and 0.43 and 1.60 with a loop over the rows of a tile
  // that was not unrolled. AVX-512 is the same source, but valgrind knows it not.
  test.each([
    ['avx2', 0.36],
    ['portable', 1.25],
  ])(
    '%s: at most %f for each multiply-add',
    async (isa, most) => {
      // The difference, so that start and allocation do not count.
      const two = (await instructions(isa, 3)) - (await instructions(isa, 1));
      expect(two / 2 / SIZE ** 3).toBeLessThan(most);
      expect(two / 2 / SIZE ** 3).toBeGreaterThan(0.1); // else it did not multiply
    },
    120_000,
  );
});
