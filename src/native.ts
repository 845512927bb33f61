/**
 * Finds and loads the binary: the one place that knows where it may be. In browsers src/browser/native.ts takes its
 * place.
 *
 * In this order: the file that `FERROGRAD_BINARY` names (then nothing else is tried); the checkout's own build in
 * dist/; the prebuilt package of this platform, which npm installs as an optional dependency; WebAssembly, which is
 * slower, of the checkout or of its package. With `FERROGRAD_FORCE_WASM=1` that alone is tried.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Native } from './binding.js';
import { isCutOff } from './elf.js';
import { NativeLoadError } from './errors.js';
import { platform, published, wasm } from './platform.js';
import { warn } from './warning.js';
import { instantiate } from './wasm/binding.js';

export type { Native } from './binding.js';

const { version } = require('../package.json') as { version: string };

/** A place that was looked at in vain; `state` says what was there. */
interface Miss {
  place: string;
  state: 'absent' | 'refused' | 'foreign';
  reason: string;
  cause?: unknown;
}

type Outcome = { native: Native; binary: string } | Miss;

function open(place: string, file: string): Outcome {
  let binding: Partial<Native>;
  try {
    if (isCutOff(file)) throw new Error('its end is missing');
    binding = file.endsWith('.wasm')
      ? instantiate(new WebAssembly.Module(readFileSync(file)))
      : require(file);
  } catch (cause) {
    // Node repeats the path and appends the stack of requires: the first line says what the system said.
    const [first = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
    return { place, state: 'refused', reason: `cannot be loaded: ${first}`, cause };
  }
  const state = 'foreign';
  if (typeof binding.version !== 'function') return { place, state, reason: 'is not a binary of ferrograd' };
  const found = binding.version();
  if (found !== version) return { place, state, reason: `is version ${found}, this is ferrograd ${version}` };
  return { native: binding as Native, binary: file };
}

/** In dist/ or in its package: the binary of a platform. */
const attempts = (id: string, extension: 'node' | 'wasm') => {
  const own = join(__dirname, `ferrograd.${id}.${extension}`);
  return [() => openFile(own, own), () => openPackage(`ferrograd-${id}`)];
};

function openFile(place: string, file: string): Outcome {
  return existsSync(file) ? open(place, file) : { place, state: 'absent', reason: 'no such file' };
}

function openPackage(name: string): Outcome {
  const place = `package ${name}`;
  let file: string;
  try {
    file = require.resolve(name);
  } catch (cause) {
    return { place, state: 'absent', reason: 'not installed', cause };
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

/** For each state of a platform's package: what usually leaves it so, and the command that mends it. */
const remedies = {
  absent: [
    'npm leaves the package of a platform out when package-lock.json was made on another platform ' +
      '(npm issue 4828) or optional dependencies are omitted. Install it with',
    (name: string) => `npm install --include=optional --save-optional ${name}@${version}`,
  ],
  foreign: [
    'The package of the platform must have the version of ferrograd itself. Install it with',
    (name: string) => `npm install --include=optional --save-optional ${name}@${version}`,
  ],
  refused: [
    'Either this system is older than the binary needs (glibc 2.17, macOS 11, Windows 10), or its file is damaged: ' +
      'then install all packages anew with',
    () => 'npm ci',
  ],
} as const;

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
  const installWasm = `npm install ferrograd-${wasm}@${version}`;

  if (existsSync(join(__dirname, '..', 'Cargo.toml'))) {
    const command = missed ? 'npm run build' : 'npm run build:wasm';
    throw failure(description, misses, `This is a checkout: build the binary with\n\n    ${command}\n`);
  }
  if (!missed) {
    throw failure(
      description,
      misses,
      `FERROGRAD_FORCE_WASM asks for WebAssembly. Install it with\n\n    ${installWasm}\n`,
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
  const [why, command] = remedies[missed.state];
  throw failure(description, misses, `${why}\n\n    ${command(`ferrograd-${id}`)}\n`);
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
