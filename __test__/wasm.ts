/** The WebAssembly module of the checkout, and its package as a user has it installed. */
import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from '../scripts/bundle.js';
import { type Project, root } from './packed.js';

const name = 'ferrograd-wasm32-wasi';

/** `npm test` makes it where this machine can. */
export const wasmFile = join(root, 'dist', 'ferrograd.wasm32-wasi.wasm');

/** Tests of it are skipped without. */
export const isWasmBuilt = existsSync(wasmFile);

/** Installs it in the project. */
export async function addWasmPackage(project: Project): Promise<void> {
  const folder = `node_modules/${name}`;
  cpSync(join(root, 'npm', 'wasm32-wasi'), project.path(folder), { recursive: true });
  cpSync(wasmFile, project.path(`${folder}/ferrograd.wasm32-wasi.wasm`));
  await bundle(wasmFile, project.path(`${folder}/ferrograd.mjs`));
}
