/** On what, and of what, a run was made. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { root } from '../scripts/command.js';

export interface Machine {
  cpu: string;
  cores: number;
  /** Of those that decide which kernels run. */
  isaFlags: string[];
  memoryGiB: number;
  system: string;
  node: string;
}

const interesting = /^(sse4_2|avx|avx2|fma|f16c|avx512\w*|avx512_\w+|amx_\w+|asimd\w*|sve\w*)$/;

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    isaFlags: cpuFlags().filter((flag) => interesting.test(flag)),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()} ${arch()}`,
    node: process.version,
  };
}

function cpuFlags(): string[] {
  try {
    const line = readFileSync('/proc/cpuinfo', 'utf8').match(/^(?:flags|Features)\s*: (.*)$/m);
    return line?.[1]?.split(' ') ?? [];
  } catch {
    return []; // no Linux
  }
}

/** The commit, and whether what is measured is what it holds. */
export function describeCommit(): { commit: string; clean: boolean } {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
  try {
    const measured = ['src', 'crates', 'bench', 'package.json', 'Cargo.toml', 'Cargo.lock'];
    const ignored = ':!bench/results';
    return {
      commit: git('rev-parse', '--short=12', 'HEAD'),
      clean: git('status', '--porcelain', '--', ...measured, ignored) === '',
    };
  } catch {
    return { commit: 'unknown', clean: false };
  }
}
