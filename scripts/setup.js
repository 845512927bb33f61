/** What must be there before anything is built: a Node.js that is new enough, the packages of the lock file, Rust. */
import { existsSync, readFileSync } from 'node:fs';
import { Failure, root, run, runNpm, say } from './command.js';

/** @param {string} file */
const readJson = (file) => JSON.parse(readFileSync(`${root}${file}`, 'utf8'));

/**
 * @param {string} version
 * @param {string} minimum
 */
function atLeast(version, minimum) {
  const [wanted, found] = [minimum, version].map((v) =>
    v.split('.').map((part) => Number.parseInt(part, 10)),
  );
  for (const [i, want] of (wanted ?? []).entries()) {
    const have = found?.[i] ?? 0;
    if (have !== want) return have > want;
  }
  return true;
}

function checkNode() {
  const minimum = readJson('package.json').engines.node.replace('>=', '');
  if (!atLeast(process.versions.node, minimum)) {
    throw new Failure(
      `needs Node.js ${minimum} or newer, this is ${process.versions.node}: https://nodejs.org`,
    );
  }
}

/**
 * Whether node_modules holds what the lock file asks for. Told by versions, not by times, which a checkout of another
 * branch changes. Optional packages are those of other platforms.
 */
function packagesInstalled() {
  const installed = 'node_modules/.package-lock.json';
  if (!existsSync(`${root}${installed}`)) return false;
  const wanted = readJson('package-lock.json').packages;
  const found = readJson(installed).packages;
  return Object.entries(wanted).every(
    ([path, { version, optional }]) =>
      path === '' || (optional && !found[path]) || found[path]?.version === version,
  );
}

async function installPackages() {
  if (packagesInstalled()) return;
  say('installing the packages of package-lock.json (npm ci) …');
  // No script of a package is run: none of ours needs one.
  const args = ['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { ok } = await runNpm(args);
  if (!ok) throw new Failure('npm ci failed: see above');
}

/**
 * What `rustc -vV` says of the compiler.
 *
 * @returns {Promise<string | undefined>} undefined where there is no Rust
 * @throws {Failure} where it is too old
 */
export async function rustCompiler() {
  const [compiler, cargo] = await Promise.all([
    run('rustc', ['-vV'], { output: 'capture' }),
    run('cargo', ['--version'], { output: 'capture' }),
  ]);
  if (!compiler.ok || !cargo.ok) return undefined;
  const version = /^release: (.+)$/m.exec(compiler.output)?.[1] ?? '0';
  const minimum = /^rust-version = "(.+)"$/m.exec(readFileSync(`${root}Cargo.toml`, 'utf8'))?.[1] ?? '0';
  if (!atLeast(version, minimum)) {
    throw new Failure(`needs Rust ${minimum} or newer, this is ${version}: run \`rustup update\``);
  }
  return compiler.output;
}

/** How to get Rust, for whoever finds that it is missing. */
export const rustMissing =
  'there is no Rust on the PATH to compile the core with: install it from https://rustup.rs, then open a new terminal';

/** Checks Node.js and installs the packages where they are missing or others than the lock file's. */
export async function setup() {
  checkNode();
  await installPackages();
}
