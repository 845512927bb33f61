/** What must be true of a binary before it is published, read from the file itself. */
import { readFileSync } from 'node:fs';
import { floor, machinePaths } from './compile.js';

/** @typedef {import('./targets.js').Target} Target */

// Kernels for four instruction sets, and each operation for three of them. The aim is 3 MB; a rule that binaries were
// already above would say nothing about the next kilobyte.
const MAX_BYTES = 3_000_000;

/** @param {string} version */
const parts = (version) => version.split('.').map(Number);

/** @param {string} a @param {string} b @returns {number} negative where `a` is older */
function compare(a, b) {
  const [x, y] = [parts(a), parts(b)];
  return (x[0] ?? 0) - (y[0] ?? 0) || (x[1] ?? 0) - (y[1] ?? 0);
}

/**
 * The newest version of glibc that a symbol is asked of.
 *
 * @param {string} text the file's bytes as characters
 */
function glibcFloor(text) {
  const versions = [...text.matchAll(/GLIBC_(\d+\.\d+)/g)].map(([, version]) => version ?? '');
  return versions.sort(compare).at(-1) ?? '0.0';
}

/**
 * The oldest macOS that a Mach-O file says it runs on.
 *
 * @param {Buffer} file
 */
function macosFloor(file) {
  const BUILD_VERSION = 0x32;
  let at = 32;
  for (let left = file.readUInt32LE(16); left > 0; left--) {
    if (file.readUInt32LE(at) === BUILD_VERSION) {
      const version = file.readUInt32LE(at + 12);
      return `${version >>> 16}.${(version >>> 8) & 0xff}`;
    }
    at += file.readUInt32LE(at + 4);
  }
  return 'unknown';
}

/**
 * @param {Target} target
 * @param {string} binary
 * @returns {{ bytes: number, needs: string, faults: string[] }} `needs`: the oldest system, as far as the file tells
 */
export function inspect({ os, libc }, binary) {
  const file = readFileSync(binary);
  const text = file.toString('latin1');
  const faults = [];
  if (file.length > MAX_BYTES) faults.push(`${file.length} bytes are more than ${MAX_BYTES}`);
  for (const [path = ''] of machinePaths) {
    if (text.includes(path)) faults.push(`the path ${path} of this machine is in it`);
  }
  let needs = { win32: 'Windows 10', wasi: 'SIMD', linux: 'musl', darwin: '' }[os];
  if (libc === 'gnu') {
    const version = glibcFloor(text);
    if (compare(version, floor.glibc) > 0) faults.push(`it needs glibc ${version}, not ${floor.glibc}`);
    needs = `glibc ${version}`;
  } else if (os === 'darwin') {
    const version = macosFloor(file);
    if (!(compare(version, floor.macos) <= 0)) faults.push(`it needs macOS ${version}, not ${floor.macos}`);
    needs = `macOS ${version}`;
  } else if (os === 'wasi') {
    const imports = WebAssembly.Module.imports(new WebAssembly.Module(file));
    for (const { module, name } of imports) {
      if (`${module}.${name}` !== 'host.now') faults.push(`it imports ${name} from ${module}`);
    }
  }
  return { bytes: file.length, needs, faults };
}
