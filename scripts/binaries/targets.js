/** The targets that a binary is built for, as Rust and as npm name them. */
import { readFileSync } from 'node:fs';
import { Failure, root, run } from '../command.js';

/**
 * @typedef {object} Target
 * @property {string} triple as Rust names it: `x86_64-unknown-linux-gnu`
 * @property {string} id as npm does, the suffix of binary and package: `linux-x64-gnu`
 * @property {'linux' | 'win32' | 'darwin' | 'wasi'} os
 * @property {'x64' | 'arm64' | 'wasm32'} cpu
 * @property {'gnu' | 'musl' | undefined} libc of Linux
 */

/** @param {string} triple of a native target @returns {Target} */
function describe(triple) {
  const cpu = triple.startsWith('x86_64') ? 'x64' : 'arm64';
  if (triple.includes('apple')) return { triple, id: `darwin-${cpu}`, os: 'darwin', cpu, libc: undefined };
  if (triple.includes('windows')) {
    return { triple, id: `win32-${cpu}-msvc`, os: 'win32', cpu, libc: undefined };
  }
  const libc = triple.endsWith('musl') ? 'musl' : 'gnu';
  return { triple, id: `linux-${cpu}-${libc}`, os: 'linux', cpu, libc };
}

/** `package.json`, which lists the targets for the napi CLI. */
export const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));

/** Those with a native binary, in optional dependencies of the root package. @type {Target[]} */
export const nativeTargets = manifest.napi.targets.map(describe);

/**
 * WebAssembly, for browsers and for platforms that there is no native binary for. It uses nothing of WASI, so it runs
 * where there is none.
 *
 * @type {Target}
 */
export const wasmTarget = {
  triple: 'wasm32-wasip1',
  id: 'wasm32-wasi',
  os: 'wasi',
  cpu: 'wasm32',
  libc: undefined,
};

/** All that have a package. */
export const targets = [...nativeTargets, wasmTarget];

/** The triple of this machine, by its Rust compiler. */
export async function hostTriple() {
  const { ok, output } = await run('rustc', ['-vV'], { output: 'capture' });
  const triple = /^host: (.+)$/m.exec(output)?.[1];
  if (!ok || !triple) throw new Failure('there is no Rust on the PATH to ask for the host: name the target');
  return triple;
}

/**
 * @param {readonly string[]} names as Rust or as npm has them, or `host`; none stands for all
 * @returns {Promise<Target[]>}
 */
export async function chooseTargets(names) {
  if (names.length === 0) return targets;
  const host = names.includes('host') ? await hostTriple() : '';
  return names.map((name) => {
    const wanted = name === 'host' ? host : name;
    const found = targets.find(({ triple, id }) => wanted === triple || wanted === id);
    if (!found) {
      const known = targets.map(({ triple }) => triple).join(', ');
      throw new Failure(`no target ${wanted}: there are host, ${known}`);
    }
    return found;
  });
}
