/**
 * `npm run build:wasm`: makes dist/ferrograd.wasm32-wasi.wasm, which the checkout computes with where
 * `FERROGRAD_FORCE_WASM=1` asks for it or no native binary loads.
 */
import { copyFileSync, existsSync, mkdirSync, renameSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile } from './binaries/compile.js';
import { manifest, wasmTarget } from './binaries/targets.js';
import { Unavailable } from './binaries/tools.js';
import { rustSources } from './build.js';
import { root, say, script } from './command.js';
import { fingerprint, unlessMade } from './fingerprint.js';
import { rustCompiler, rustMissing } from './setup.js';

const file = `dist/${manifest.name}.${wasmTarget.id}.wasm`;

/**
 * @returns {Promise<string>} the module's path
 * @throws {Unavailable} where this machine cannot compile it
 * @throws {import('./command.js').Failure} where it does not compile
 */
export async function buildWasm() {
  const compiler = await rustCompiler();
  if (!compiler) throw new Unavailable(rustMissing);
  const sources = [...rustSources, 'scripts/binaries/compile.js'];
  const made = existsSync(root + file);
  await unlessMade('dist/.build/wasm', fingerprint(sources, [compiler]), made, async () => {
    say('compiling the core to WebAssembly …');
    mkdirSync(`${root}dist`, { recursive: true });
    const beside = `${root}dist/.build/${process.pid}.wasm`;
    mkdirSync(`${root}dist/.build`, { recursive: true });
    copyFileSync(await compile(wasmTarget), beside);
    renameSync(beside, root + file);
  });
  return root + file;
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await script(async () => {
    say(`made ${await buildWasm()}`);
  });
}
