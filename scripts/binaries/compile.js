/** Compiles the binary for a target: with this machine's own tools, or on Linux with zig's. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter } from 'node:path';
import { Failure, root, run } from '../command.js';
import { cache, debian, pypi, Unavailable } from './tools.js';

/** @typedef {import('./targets.js').Target} Target */

/** The oldest systems that the binaries run on. */
export const floor = { glibc: '2.17', macos: '11.0' };

const targetFolder = process.env.CARGO_TARGET_DIR ?? `${root}target`;
const cargoHome = process.env.CARGO_HOME ?? `${homedir()}/.cargo`;

/** Paths of this machine, none of which may be in what is published, and what they become. */
export const machinePaths = [
  [`${cache}/rust/usr/lib/rustlib/src/rust`, '/rust'],
  [`${cache}/rust/usr/src`, '/rust'],
  [`${cargoHome}/registry/src`, '/crates'],
  [targetFolder, '/target'],
  [root.replace(/[/\\]$/, ''), '/ferrograd'],
  [homedir(), '/home'],
].filter(([path]) => path !== '/');

/** @param {Target} target @returns {boolean} whether this machine's own compiler makes it as it is published */
function native({ os, libc }) {
  // Rust has a linker for WebAssembly. Even on Linux glibc's floor needs zig: the system's takes the system's version.
  return os === 'wasi' || (os === process.platform && libc === undefined);
}

/** @param {string} triple @returns {Promise<boolean>} whether the Rust that is installed can compile for it */
async function hasStandardLibrary(triple) {
  const { ok, output } = await run('rustc', ['--print', 'target-libdir', '--target', triple], {
    output: 'capture',
  });
  const folder = output.trim();
  return ok && existsSync(folder) && readdirSync(folder).some((file) => /^libstd-.*\.rlib$/.test(file));
}

/**
 * A Rust with the sources of its standard library, for targets that the installed one has no library of and that
 * `rustup target add` cannot fetch.
 *
 * @returns {Promise<{ env: NodeJS.ProcessEnv, args: string[] }>}
 */
async function debianRust() {
  const packages = ['rustc-web', 'cargo-web', 'rust-web-src', 'libstd-rust-web-dev'];
  const usr = `${await debian('rust', packages)}/usr`;
  return {
    env: {
      LD_LIBRARY_PATH: `${usr}/lib/${process.arch === 'x64' ? 'x86_64' : 'aarch64'}-linux-gnu`,
      CARGO: `${usr}/bin/cargo`,
      RUSTC: `${usr}/bin/rustc`,
      RUSTC_BOOTSTRAP: '1',
    },
    args: ['-Zbuild-std=std,panic_abort,panic_unwind'],
  };
}

/**
 * What Rust builds here for a target: Microsoft's linker and libraries are not to be had, and of WASI there is nothing
 * to use.
 *
 * @param {Target} target
 */
function builtTriple({ os, triple }) {
  if (os === 'wasi') return 'wasm32-unknown-unknown';
  return os === 'win32' ? triple.replace('-msvc', '-gnullvm') : triple;
}

/**
 * What zig needs to link for Windows: an import library of Node.js, empty because the binary looks up what it calls.
 *
 * @param {string} zig
 * @param {Target} target
 * @returns {Promise<string>} the folder with it
 */
async function importLibrary(zig, { cpu, id }) {
  const folder = `${cache}/libnode-${id}`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/node.def`, 'LIBRARY node.exe\nEXPORTS\n');
  const machine = cpu === 'arm64' ? 'arm64' : 'i386:x86-64';
  const args = ['dlltool', '-m', machine, '-d', `${folder}/node.def`, '-l', `${folder}/libnode.dll`];
  const { ok, output } = await run(zig, args, { output: 'capture' });
  if (!ok) throw new Failure(`zig dlltool failed: ${output}`);
  copyFileSync(`${folder}/libnode.dll`, `${folder}/libnode.a`); // napi-build looks for the one, zig for the other
  return folder;
}

/**
 * @param {Target} target
 * @returns {Promise<string>} the binary
 * @throws {Unavailable} where this machine cannot
 * @throws {Failure} where it does not compile
 */
export async function compile(target) {
  const { triple, id, os, libc } = target;
  /** @type {string[]} */
  const flags = machinePaths.map(([path, name]) => `--remap-path-prefix=${path}=${name}`);
  if (libc === 'musl') flags.push('-Ctarget-feature=-crt-static');
  if (os === 'wasi') flags.push('-Ctarget-feature=+simd128');
  // Libraries of macOS have a name in them, which is the path that they are linked to where none is given.
  if (os === 'darwin') flags.push(`-Clink-arg=-Wl,-install_name,@rpath/ferrograd.${id}.node`);
  /** @type {NodeJS.ProcessEnv} */
  const env = { ...process.env, MACOSX_DEPLOYMENT_TARGET: floor.macos };
  const crate = os === 'wasi' ? 'ferrograd-wasm' : 'ferrograd-node';
  const args = ['--release', '--package', crate, '--locked'];
  const rust = builtTriple(target);
  if (native(target)) {
    const own = os === 'wasi' ? rust : triple;
    if (!(await hasStandardLibrary(own))) {
      throw new Unavailable(`this Rust has no library for it: \`rustup target add ${own}\``);
    }
    env.CARGO_ENCODED_RUSTFLAGS = flags.join('\x1f');
    return built(target, own, await run('cargo', ['build', '--target', own, ...args], { env }));
  }
  if (process.platform !== 'linux') {
    throw new Unavailable(`it is built on its own system or on Linux, not on ${process.platform}`);
  }
  const python = await pypi('zig', ['ziglang', 'cargo-zigbuild']);
  env.PYTHONPATH = python;
  env.PATH = `${python}/bin${delimiter}${process.env.PATH}`;
  if (!(await hasStandardLibrary(rust))) {
    const debians = await debianRust();
    Object.assign(env, debians.env);
    args.push(...debians.args);
  }
  if (os === 'win32') {
    env.LIBNODE_PATH = await importLibrary(`${python}/ziglang/zig`, target);
    args.push('--features', 'napi/dyn-symbols');
  }
  // rustc would have to call Apple's strip; the linker can do it as well: without debugging symbols, and local ones.
  if (os === 'darwin') {
    env.CARGO_PROFILE_RELEASE_STRIP = 'none';
    flags.push('-Clink-arg=-Wl,-s,-x');
  }
  env.CARGO_ENCODED_RUSTFLAGS = flags.join('\x1f');
  const named = libc === 'gnu' ? `${rust}.${floor.glibc}` : rust;
  const program = `${python}/bin/cargo-zigbuild`;
  return built(target, rust, await run(program, ['zigbuild', '--target', named, ...args], { env }));
}

/** @param {Target} target @param {string} folder of its triple @param {{ ok: boolean }} result */
function built({ os, triple }, folder, { ok }) {
  if (!ok) throw new Failure(`${triple} does not compile: see above`);
  const file = {
    linux: 'libferrograd_node.so',
    darwin: 'libferrograd_node.dylib',
    win32: 'ferrograd_node.dll',
    wasi: 'ferrograd_wasm.wasm',
  };
  return `${targetFolder}/${folder}/release/${file[os]}`;
}
