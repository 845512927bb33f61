/** Dense products: `kernel` is the native function, `ferrograd` the same through `Tensor.matmul`. */
import type { Case, Matmul } from '../case.js';

type Sizes = [m: number, k: number, n: number];
type Layout = Pick<Matmul, 'transposeA' | 'transposeB'>;

const plain: Layout = { transposeA: false, transposeB: false };

function product(name: string, [m, k, n]: Sizes, layout: Layout, threads: number, group?: string): Case {
  return {
    suite: 'gemm',
    name,
    ...(group && { group }),
    program: { program: 'matmul', m, k, n, ...layout, threads },
    unit: { name: 'product', runs: 1 },
    flops: 2 * m * k * n,
    peers: ['ferrograd', 'kernel', 'numpy', 'gemm'],
  };
}

/** The products of a linear layer, weights as [out, in]: X·Wᵀ, dYᵀ·X and dY·W. */
function layer(batch: number, inputs: number, outputs: number, threads: number): Case[] {
  const name = `layer ${inputs}→${outputs}, batch ${batch}:`;
  const forward: Layout = { transposeA: false, transposeB: true };
  const weights: Layout = { transposeA: true, transposeB: false };
  return [
    product(`${name} forward`, [batch, inputs, outputs], forward, threads),
    product(`${name} weight gradient`, [outputs, batch, inputs], weights, threads),
    product(`${name} input gradient`, [batch, outputs, inputs], plain, threads),
  ];
}

/** A sequence that is the same on every run and machine: mulberry32. */
function randomInts(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

function randomShapes(count: number, threads: number): Case[] {
  const random = randomInts(1);
  return Array.from({ length: count }, (_, i) => {
    const sizes: Sizes = [1 + random(2000), 1 + random(2000), 1 + random(2000)];
    const layout = { transposeA: i % 2 === 1, transposeB: i % 4 >= 2 };
    const name = `${sizes.join('×')}${layout.transposeA ? ', A transposed' : ''}${layout.transposeB ? ', B transposed' : ''}`;
    return product(name, sizes, layout, threads, 'random shapes');
  });
}

export function gemm(threads: readonly number[], randomCount: number): Case[] {
  return threads.flatMap((threads) => [
    ...layer(64, 784, 128, threads),
    ...layer(128, 784, 512, threads),
    ...[512, 1024, 2048].map((n) => product(`${n}³`, [n, n, n], plain, threads)),
    ...randomShapes(randomCount, threads),
  ]);
}
