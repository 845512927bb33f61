/** The cases that claims rest on: a run of these takes minutes, and can be repeated after every change. */
import type { Case } from '../case.js';
import type { SuiteName } from '../options.js';

/** Of each suite, with which threads: `most` of those that are asked for, one, or whatever there is; and parts of names. */
const quoted: Partial<Record<SuiteName, { threads: 'all' | 'most' | 1; names?: string[] }>> = {
  seed: { threads: 'all' },
  mlp: { threads: 'most' },
  evaluate: { threads: 'most' },
  predict: { threads: 'all' },
  start: { threads: 'all' },
  latency: { threads: 'all', names: ['trains'] },
  tiny: { threads: 'all', names: ['add', 'matmul', '4-16-2'] },
  ops: {
    threads: 1,
    names: ['softmax [128, 1000]', 'gelu [128, 512]', 'sumRows [128, 512]', 'Adam, 784-512-512-10'],
  },
  gemm: { threads: 1, names: ['layer 784→128', '1024³'] },
};

export const quotedSuites = Object.keys(quoted) as SuiteName[];

export function isQuoted({ suite, name, program }: Case, mostThreads: number): boolean {
  const { threads, names } = quoted[suite as SuiteName]!;
  if (threads === 'most' && program.threads !== mostThreads) return false;
  if (threads === 1 && program.threads !== 1) return false;
  return names === undefined || names.some((part) => name.includes(part));
}
