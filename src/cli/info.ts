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
  // What was asked for in the environment explains what is unlike elsewhere.
  const settings = Object.entries(process.env).filter(([name, value]) => /^FERROGRAD_/.test(name) && value);
  const environment = settings.map((setting) => setting.join('=')).join(' ');
  for (const [name, value] of Object.entries(environment ? { ...rows, environment } : rows))
    console.log(`${name.padEnd(17)}${value}`);
}
