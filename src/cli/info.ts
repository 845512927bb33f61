/** `ferrograd info`: what computes here. */
import { availableParallelism } from 'node:os';
import { backend } from '../backend.js';
import { platform } from '../platform.js';

/** Prints what a bug report needs. */
export function info(): void {
  const { isa, threads, version, binary } = backend();
  const rows = {
    ferrograd: version,
    backend: binary.endsWith('.wasm') ? 'WebAssembly' : 'native',
    binary,
    'instruction set': isa,
    threads: `${threads} (${availableParallelism()} available)`,
    platform: platform().description,
  };
  for (const [name, value] of Object.entries(rows)) console.log(`${name.padEnd(17)}${value}`);
}
