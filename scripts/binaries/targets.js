/** The targets that a native binary is built for, as Rust and as npm name them. */
import { readFileSync } from 'node:fs';
import { Failure, root, run } from '../command.js';

/**
 * @typedef {object} Target
 * @property {string} triple as Rust names it: `x86_64-unknown-linux-gnu`
 * @property {string} id as npm does, the suffix of binary and package: `linux-x64-gnu`
 * @property {'linux' | 'win32' | 'darwin'} os
 * @property {'x64' | 'arm64'} cpu
 * @property {'gnu' | 'musl' | undefined} libc of Linux
 */

/** @param {string} triple @returns {Target} */
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

/** All that have a package with a native binary: WebAssembly is none. */
export const targets = manifest.napi.targets
  .filter((/** @type {string} */ triple) => !triple.startsWith('wasm'))
  .map(describe);

/** The triple of this machine, by its Rust compiler. */
export async function hostTriple() {
  const { ok, output } = await run('rustc', ['-vV'], { output: 'capture' });
  const triple = /^host: (.+)$/m.exec(output)?.[1];
  if (!ok || !triple) throw new Failure('there is no Rust on the PATH to ask for the host: name the target');
  return triple;
}

/**
 * @param {readonly string[]} names triples, or `host`; none stands for all
 * @returns {Promise<Target[]>}
 */
export async function chooseTargets(names) {
  if (names.length === 0) return targets;
  const host = names.includes('host') ? await hostTriple() : '';
  return names.map((name) => {
    const triple = name === 'host' ? host : name;
    const found = targets.find((/** @type {Target} */ target) => target.triple === triple);
    if (!found) {
      const known = targets.map((/** @type {Target} */ target) => target.triple).join(', ');
      throw new Failure(`no target ${triple}: there are host, ${known}`);
    }
    return found;
  });
}
