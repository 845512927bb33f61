/**
 * Finds and loads the native binary: the one place that knows where it may be.
 *
 * In this order: the file that `FERROGRAD_BINARY` names (then nothing else is tried); the checkout's own build in
 * dist/; the prebuilt package of this platform, which npm installs as an optional dependency.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Native } from './binding.js';
import { NativeLoadError } from './errors.js';

export type { Native } from './binding.js';

const { version } = require('../package.json') as { version: string };

/** Platforms that a package is published for, as npm names them. */
const published = [
  'linux-x64-gnu',
  'linux-x64-musl',
  'linux-arm64-gnu',
  'linux-arm64-musl',
  'win32-x64-msvc',
  'win32-arm64-msvc',
  'darwin-x64',
  'darwin-arm64',
];

/** The C library that this very process runs on; a file of the system could be another's (containers, emulators). */
function libc(): { abi: 'gnu' | 'musl'; name: string } {
  const { report } = process as { report?: NodeJS.ProcessReport & { excludeNetwork?: boolean } };
  if (!report) return { abi: 'gnu', name: 'unknown libc' };
  const { excludeNetwork } = report;
  report.excludeNetwork = true; // looking up host names would take seconds
  const { header } = report.getReport() as { header: { glibcVersionRuntime?: string } };
  report.excludeNetwork = excludeNetwork;
  const glibc = header.glibcVersionRuntime;
  return glibc ? { abi: 'gnu', name: `glibc ${glibc}` } : { abi: 'musl', name: 'musl' };
}

/** This platform: the suffix of its binary and package, and a description for people. */
function platform(): { id: string; description: string } {
  const id = `${process.platform}-${process.arch}`;
  const node = `Node.js ${process.versions.node}`;
  if (process.platform === 'linux') {
    const { abi, name } = libc();
    return { id: `${id}-${abi}`, description: `linux ${process.arch}, ${name}, ${node}` };
  }
  const suffix = process.platform === 'win32' ? '-msvc' : '';
  return { id: id + suffix, description: `${process.platform} ${process.arch}, ${node}` };
}

/** A place that was looked at in vain. */
interface Miss {
  place: string;
  reason: string;
  cause?: unknown;
}

type Outcome = { native: Native; binary: string } | Miss;

function open(place: string, file: string): Outcome {
  let binding: Partial<Native>;
  try {
    binding = require(file);
  } catch (cause) {
    // Node repeats the path and appends the stack of requires: the first line says what the system said.
    const [first = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
    return { place, reason: `cannot be loaded: ${first}`, cause };
  }
  if (typeof binding.version !== 'function') return { place, reason: 'is not a binary of ferrograd' };
  const found = binding.version();
  if (found !== version) return { place, reason: `is version ${found}, this is ferrograd ${version}` };
  return { native: binding as Native, binary: file };
}

function openFile(place: string, file: string): Outcome {
  return existsSync(file) ? open(place, file) : { place, reason: 'no such file' };
}

function openPackage(name: string): Outcome {
  const place = `package ${name}`;
  let file: string;
  try {
    file = require.resolve(name);
  } catch (cause) {
    return { place, reason: 'not installed', cause };
  }
  return open(place, file);
}

function failure(description: string, misses: Miss[], remedy: string): NativeLoadError {
  const looked = misses.map(({ place, reason }) => `  - ${place}: ${reason}`).join('\n');
  const causes = misses.flatMap(({ cause }) => (cause === undefined ? [] : [cause]));
  return new NativeLoadError(
    `no native binary of ferrograd ${version} loads here (${description}). Looked for:\n${looked}\n${remedy}`,
    causes.length > 0 ? { cause: new AggregateError(causes) } : undefined,
  );
}

function load(): { native: Native; binary: string } {
  const { id, description } = platform();

  const named = process.env.FERROGRAD_BINARY;
  if (named) {
    const outcome = openFile(`${named} (from FERROGRAD_BINARY)`, resolve(named));
    if ('native' in outcome) return outcome;
    throw failure(description, [outcome], 'Unset FERROGRAD_BINARY, or let it name a binary of this version.');
  }

  const misses: Miss[] = [];
  const own = join(__dirname, `ferrograd.${id}.node`);
  const packageName = `ferrograd-${id}`;
  for (const attempt of [() => openFile(own, own), () => openPackage(packageName)]) {
    const outcome = attempt();
    if ('native' in outcome) return outcome;
    misses.push(outcome);
  }

  if (existsSync(join(__dirname, '..', 'Cargo.toml'))) {
    throw failure(description, misses, 'This is a checkout: build the binary with\n\n    npm run build\n');
  }
  if (!published.includes(id)) {
    throw failure(
      description,
      misses,
      `No binary is published for ${id}, only for ${published.join(', ')}. ` +
        'Build ferrograd from a checkout of its source with\n\n    npm run build\n',
    );
  }
  const install = `npm install --force --save-optional ${packageName}@${version}`;
  throw failure(
    description,
    misses,
    'npm leaves the package of a platform out when package-lock.json was made on another platform ' +
      `(npm issue 4828) or optional dependencies are omitted. Install it with\n\n    ${install}\n`,
  );
}

/** The native binding, and the file that it was loaded from. */
export const { native, binary } = load();
