/**
 * Finds and loads the binary: the one place that knows where it may be. In browsers src/browser/native.ts takes its
 * place.
 *
 * In this order: the file that `FERROGRAD_BINARY` names (then nothing else is tried); the checkout's own build in
 * dist/; the prebuilt package of this platform, which npm installs as an optional dependency; WebAssembly, which is
 * slower, of the checkout or of its package. With `FERROGRAD_FORCE_WASM=1` that alone is tried.
 */
import './bundle.js'; // first: it says why where not even what is part of Node.js can be loaded
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import type { Native } from './binding.js';
import { bundleAdvice } from './bundle.js';
import { isCutOff } from './elf.js';
import { NativeLoadError } from './errors.js';
import { packagesFrom } from './packages.js';
import { platform, published, wasm } from './platform.js';
import { packageManager } from './remedy.js';
import { warn } from './warning.js';
import { instantiate } from './wasm/binding.js';

export type { Native } from './binding.js';

const { version } = require('../package.json') as { version: string };

/** This file. A bundle of ES modules knows its own by other means: it is mostly what was started. */
const here = typeof __filename === 'string' ? __filename : resolve(process.argv[1] ?? 'bundle');
const folder = dirname(here);
/** Whether a bundler has moved this code into another file. */
const isBundled = !existsSync(join(folder, 'remedy.js'));

/** Node's own, which bundlers and single executables leave alone: they would make it find nothing but their contents. */
const requireFile = createRequire(here);
const packages = packagesFrom(here);

/** A place that was looked at in vain; `state` says what was there. */
interface Miss {
  place: string;
  state: 'absent' | 'refused' | 'disabled' | 'foreign';
  reason: string;
  cause?: unknown;
}

type Outcome = { native: Native; binary: string } | Miss;

function open(place: string, file: string, load: () => unknown = () => requireFile(file)): Outcome {
  let binding: Partial<Native>;
  try {
    if (isCutOff(file)) throw new Error('its end is missing');
    binding = file.endsWith('.wasm')
      ? instantiate(new WebAssembly.Module(readFileSync(file)))
      : (load() as Partial<Native>);
  } catch (cause) {
    // Node repeats the path and appends the stack of requires: the first line says what the system said.
    const { message = String(cause), code } = cause as Partial<NodeJS.ErrnoException>;
    const state = code === 'ERR_DLOPEN_DISABLED' ? 'disabled' : 'refused';
    return { place, state, reason: `cannot be loaded: ${message.split('\n')[0]}`, cause };
  }
  const state = 'foreign';
  if (typeof binding.version !== 'function') return { place, state, reason: 'is not a binary of ferrograd' };
  const found = binding.version();
  if (found !== version) return { place, state, reason: `is version ${found}, this is ferrograd ${version}` };
  return { native: binding as Native, binary: file };
}

/** In dist/ or in its package: the binary of a platform. */
const attempts = (id: string, extension: 'node' | 'wasm') => {
  const own = join(folder, `ferrograd.${id}.${extension}`);
  return [() => openFile(own, own), () => openPackage(id)];
};

function openFile(place: string, file: string): Outcome {
  return existsSync(file) ? open(place, file) : { place, state: 'absent', reason: 'no such file' };
}

function openPackage(id: string): Outcome {
  const place = `package ferrograd-${id}`;
  let file: string;
  try {
    file = requireFile.resolve(`ferrograd-${id}`);
  } catch (cause) {
    return { place, state: 'absent', reason: 'not installed', cause };
  }
  return open(place, file, packages[id]);
}

function failure(
  description: string,
  misses: Miss[],
  remedy: string,
  what = 'native binary',
): NativeLoadError {
  const looked = misses.map(({ place, reason }) => `  - ${place}: ${reason}`).join('\n');
  const causes = misses.flatMap(({ cause }) => (cause === undefined ? [] : [cause]));
  return new NativeLoadError(
    `no ${what} of ferrograd ${version} loads here (${description}). Looked for:\n${looked}\n${remedy}`,
    causes.length > 0 ? { cause: new AggregateError(causes) } : undefined,
  );
}

/** For each state of a platform's package: what usually leaves it so, and the command that mends it. */
function remedy(state: Miss['state'], spec: string): [why: string, command: string] {
  const { installOptional, reinstall } = packageManager(folder);
  switch (state) {
    case 'absent':
      return [
        'Package managers leave the package of a platform out when the lock file was made on another platform ' +
          '(npm issue 4828) or optional dependencies are omitted. Install it with',
        `${installOptional} ${spec}`,
      ];
    case 'foreign':
      return [
        'The package of the platform must have the version of ferrograd itself. Install it with',
        `${installOptional} ${spec}`,
      ];
    case 'disabled':
      return [
        'Node.js was started with --no-addons, or with --permission but without leave for native code. Start it with',
        `node --permission --allow-addons --allow-fs-read=* ${basename(process.argv[1] ?? 'program.js')}`,
      ];
    case 'refused':
      return [
        'Either this system is older than the binary needs (glibc 2.17, macOS 11, Windows 10), or its file is damaged: ' +
          'then install all packages anew with',
        reinstall,
      ];
  }
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
  const native = process.env.FERROGRAD_FORCE_WASM === '1' ? [] : attempts(id, 'node');
  for (const attempt of native) {
    const outcome = attempt();
    if ('native' in outcome) return outcome;
    misses.push(outcome);
  }
  const missed = misses.at(-1);
  for (const attempt of attempts(wasm, 'wasm')) {
    const outcome = attempt();
    if ('native' in outcome) {
      if (missed) notice(description, missed);
      return outcome;
    }
    if (!missed || outcome.state !== 'absent') misses.push(outcome); // few install it
  }
  const installWasm = `${packageManager(folder).install} ferrograd-${wasm}@${version}`;

  if (isBundled) throw failure(description, misses, bundleAdvice);
  if (existsSync(join(folder, '..', 'Cargo.toml'))) {
    const command = missed ? 'npm run build' : 'npm run build:wasm';
    throw failure(description, misses, `This is a checkout: build the binary with\n\n    ${command}\n`);
  }
  if (!missed) {
    throw failure(
      description,
      misses,
      'FERROGRAD_FORCE_WASM=1 in the environment asks for WebAssembly alone: unset it, or install that with\n\n' +
        `    ${installWasm}\n`,
      'WebAssembly binary',
    );
  }
  if (!published.includes(id)) {
    throw failure(
      description,
      misses,
      `No binary is published for ${id}, only for ${published.join(', ')}. ` +
        `WebAssembly runs everywhere, but is slower. Install it with\n\n    ${installWasm}\n\n` +
        'or build ferrograd from a checkout of its source with\n\n    npm run build\n',
    );
  }
  const [why, command] = remedy(missed.state, `ferrograd-${id}@${version}`);
  throw failure(description, misses, `${why}\n\n    ${command}\n`);
}

/** Says in a line that computing takes longer than it might. */
function notice(description: string, { place, reason }: Miss): void {
  warn(
    `computing with WebAssembly, several times slower: no native binary loads here (${description}; ` +
      `${place}: ${reason})`,
    'ferrograd',
    'FERROGRAD_WASM',
  );
}

/** The native binding, and the file that it was loaded from. */
export const { native, binary } = load();
