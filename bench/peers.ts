/** Who takes part, how each is started, and where `npm run bench:peers` puts what it needs. */
import { existsSync } from 'node:fs';
import { platform } from 'node:process';
import { root, run } from '../scripts/command.js';
import type { Command } from './participant.js';

export const folder = `${root}bench/.peers/`;
export const python =
  platform === 'win32' ? `${folder}python/Scripts/python.exe` : `${folder}python/bin/python`;
export const gemmFolder = `${root}bench/peers/gemm`;
export const javascriptFolder = `${root}bench/peers/javascript/`;

/** How ferrograd does what it can do in two ways: by operations one after the other, or by plans made of them. */
export type Way = 'eager' | 'compiled';

/** Whether it is ferrograd itself, in one of its ways. */
export const isOwn = (name: string): boolean => name.startsWith('ferrograd');

/** The gemm crate chooses its instruction sets when it is compiled: a binary for each. */
export const gemmTarget = (isa: 'avx512' | 'avx2') => `${folder}gemm-${isa}`;

/** What makes each library use no more than an instruction set, for `--cap-peers`. */
const caps: Record<string, Record<string, string>> = {
  avx512: {},
  avx2: {
    ATEN_CPU_CAPABILITY: 'avx2',
    ONEDNN_MAX_CPU_ISA: 'AVX2',
    MKL_ENABLE_INSTRUCTIONS: 'AVX2',
    OPENBLAS_CORETYPE: 'Haswell',
    NPY_DISABLE_CPU_FEATURES: 'AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR',
  },
};

interface Peer {
  command: Command;
  /** Without this file it is not installed. */
  needs?: string;
  /** The instruction set that it must say it uses, or else what was asked for is not there. */
  isa?: string;
  /** Its first step in a process of its own, for the suite `start`: prints a line when done. */
  firstStep?: Command;
}

/** Environment for the instruction set of ferrograd's own programs, and of the peers where they are to be capped. */
export interface Settings {
  isa: string | undefined;
  capPeers: boolean;
}

export function peers(settings: Settings): Record<string, Peer> {
  const forced = settings.isa ? { FERROGRAD_ISA: settings.isa } : {};
  const cap = settings.capPeers && settings.isa ? (caps[settings.isa] ?? {}) : {};
  const script = (
    name: string,
    file: string,
    { before = [], after = [], env = {} }: { before?: string[]; after?: string[]; env?: Command['env'] } = {},
  ): Command => ({
    name,
    command: process.execPath,
    args: [...before, `${root}bench/peers/${file}`, ...after],
    env,
  });
  const own = (name: string, way: Way, env: Command['env'] = forced): Command =>
    script(name, 'ferrograd/main.ts', { before: ['--import', 'tsx'], after: [way], env });
  const interpret = (name: string, file: string, env: Command['env'] = {}): Command => ({
    name,
    command: python,
    args: [`${root}bench/peers/python/${file}`],
    env: { ...env, ...cap },
  });
  // Settings that slow OpenBLAS down on purpose, and are found in some environments.
  const unhindered = { OPENBLAS_CORETYPE: undefined, OPENBLAS_L2_SIZE: undefined };
  const gemmIsa = settings.capPeers && settings.isa !== 'avx512' ? 'avx2' : 'avx512';
  const gemm = `${gemmTarget(gemmIsa)}/release/gemm-peer${platform === 'win32' ? '.exe' : ''}`;
  return {
    ferrograd: { command: own('ferrograd', 'eager') },
    'ferrograd train': {
      command: own('ferrograd train', 'compiled'),
      firstStep: script('ferrograd train', 'ferrograd/firstStepTrain.js', { env: forced }),
    },
    'ferrograd loop': {
      command: own('ferrograd loop', 'eager'),
      firstStep: script('ferrograd loop', 'ferrograd/firstStepLoop.js', { env: forced }),
    },
    'ferrograd wasm': {
      command: own('ferrograd wasm', 'compiled', { FERROGRAD_FORCE_WASM: '1', FERROGRAD_ISA: undefined }),
      isa: 'wasm128',
    },
    'ferrograd evaluate': { command: own('ferrograd evaluate', 'compiled') },
    'ferrograd predictSync': { command: own('ferrograd predictSync', 'compiled') },
    'ferrograd forward': { command: own('ferrograd forward', 'eager') },
    torch: {
      command: interpret('torch', 'with_torch.py'),
      needs: python,
      firstStep: interpret('torch', 'first_step.py'),
    },
    numpy: { command: interpret('numpy', 'with_numpy.py', unhindered), needs: python },
    gemm: { command: { name: 'gemm', command: gemm, args: [] }, needs: gemm },
    'jax-js': {
      command: script('jax-js', 'javascript/jax-js.js'),
      needs: `${javascriptFolder}node_modules/@jax-js/jax`,
    },
    'tfjs-wasm': {
      command: script('tfjs-wasm', 'javascript/tfjs-wasm.js'),
      needs: `${javascriptFolder}node_modules/@tensorflow/tfjs`,
    },
  };
}

export function isInstalled(peer: Peer): boolean {
  return peer.needs === undefined || existsSync(peer.needs);
}

/** Compiles crates/core's `native` bench, and says how it is started; undefined where it does not compile. */
export async function buildNative(settings: Settings, name = 'kernel'): Promise<Command | undefined> {
  const args = [
    'bench',
    '--package',
    'ferrograd-core',
    '--bench',
    'native',
    '--no-run',
    '--message-format=json',
  ];
  const { ok, output } = await run('cargo', args, { output: 'capture' });
  const executable = output.match(/"executable":"((?:[^"\\]|\\.)+)"/)?.[1];
  if (!ok || !executable) return undefined;
  const env = settings.isa ? { FERROGRAD_ISA: settings.isa } : {};
  return { name, command: JSON.parse(`"${executable}"`), args: [], env };
}
