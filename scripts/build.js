/**
 * `npm run build`: makes in dist/ all that `import 'ferrograd'` and `require('ferrograd')` need, and nothing that is
 * there already.
 *
 *   dist/ferrograd.<platform>.node   the native binary, from crates/
 *   dist/*.js, *.d.ts, *.map         CommonJS, from src/
 *   dist/index.mjs, index.d.mts      the same exports for `import`
 *   dist/browser.mjs                 those of the WebAssembly package, for `import` in browsers
 *   dist/.build/                     stamps, by which the next build knows what is up to date
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Failure, root, run, runTool, say, script } from './command.js';
import { filesUnder, fingerprint, unlessMade } from './fingerprint.js';
import { rustCompiler, rustMissing, setup } from './setup.js';

/** It compiled, but Node.js cannot load it. */
class LoadError extends Failure {}

/** All that the compiled core depends on. */
export const rustSources = ['Cargo.toml', 'Cargo.lock', 'rust-toolchain.toml', '.cargo', 'crates'];

/** @param {string} packageName */
const versionOf = (packageName) =>
  JSON.parse(readFileSync(`${root}node_modules/${packageName}/package.json`, 'utf8')).version;

/**
 * The binary, optimised as it is published.
 *
 * @param {string} compiler what `rustc -vV` says
 */
async function buildNative(compiler) {
  const flags = Object.entries(process.env).filter(
    ([name]) => name === 'RUSTFLAGS' || /^CARGO_(BUILD|PROFILE|ENCODED|TARGET_.+)_/.test(name),
  );
  const facts = [compiler, versionOf('@napi-rs/cli'), JSON.stringify(flags.sort())];
  const binaries = readdirSync(`${root}dist`).filter((name) => name.endsWith('.node'));
  await unlessMade('dist/.build/native', fingerprint(rustSources, facts), binaries.length > 0, async () => {
    say('compiling the Rust core (a minute or two the first time) …');
    const out = `dist/.build/binary-${process.pid}`;
    const args = ['build', '--release', '--platform', '--no-js', '--output-dir', out];
    const cargo = process.env.CI ? ['--', '--locked'] : [];
    const { ok } = await runTool('@napi-rs/cli', 'napi', [
      ...args,
      '--manifest-path',
      'crates/node/Cargo.toml',
      ...cargo,
    ]);
    if (!ok) throw new Failure('the Rust core does not compile: see above');
    // Renaming, so that a process that has the old binary loaded keeps the old file.
    const made = readdirSync(`${root}${out}`).filter((name) => name.endsWith('.node'));
    for (const name of made) renameSync(`${root}${out}/${name}`, `${root}dist/${name}`);
    rmSync(`${root}${out}`, { recursive: true });
  });
}

/** CommonJS and declarations, and the entry for `import`. */
async function buildTypeScript() {
  const sources = ['package.json', 'tsconfig.json', 'scripts/build.js', 'src'];
  const intact = filesUnder('dist/index.js').length > 0;
  await unlessMade(
    'dist/.build/typescript',
    fingerprint(sources, [versionOf('typescript')]),
    intact,
    async () => {
      say('compiling the TypeScript API …');
      const { ok } = await runTool('typescript', 'tsc', ['--project', 'src/tsconfig.json']);
      if (!ok) throw new Failure('the TypeScript API does not compile: see above');
      removeOrphans();
      writeFileSync(`${root}dist/package.json`, '{ "type": "commonjs" }\n');
      await writeModuleEntry();
    },
  );
}

/** What was compiled from sources that are gone since; it would still be found by `require`. */
function removeOrphans() {
  const sources = new Set(filesUnder('src').map((file) => file.replace(/^src\/(.*)\.ts$/, 'dist/$1')));
  for (const file of filesUnder('dist')) {
    const compiledFrom = /^(.*?)(\.d\.ts|\.js)(\.map)?$/.exec(file)?.[1];
    if (compiledFrom && !sources.has(compiledFrom)) rmSync(`${root}${file}`);
  }
}

/**
 * The entry for `import`. It re-exports the CommonJS one, so that both ways lead to the same classes, the same seed
 * and one binary. Each export is named, which every bundler and Node's own scan of CommonJS exports understand.
 */
async function writeModuleEntry() {
  const names = JSON.parse(
    await evaluate('process.stdout.write(JSON.stringify(Object.keys(require("./dist/index.js")).sort()))'),
  );
  const list = names.map((/** @type {string} */ name) => `  ${name},\n`).join('');
  writeFileSync(`${root}dist/index.mjs`, `export {\n${list}} from './index.js';\n`);
  writeFileSync(`${root}dist/index.d.mts`, "export * from './index.js';\n");
  writeFileSync(`${root}dist/browser.mjs`, "export * from 'ferrograd-wasm32-wasi';\n");
  await evaluate('import("./dist/index.mjs")');
}

/**
 * Evaluates in a process of its own: a loaded binary could not be replaced by the next build on Windows.
 *
 * @param {string} code
 * @returns {Promise<string>} what it printed
 */
async function evaluate(code) {
  // Of computing with WebAssembly, for one: a warning is no output.
  const { ok, output } = await run(process.execPath, ['--no-warnings', '--eval', code], {
    output: 'capture',
  });
  if (!ok) throw new LoadError(`what was built cannot be loaded:\n${output}`);
  return output;
}

/** What does without a compiler. */
const orInstalled =
  'Or install the published binary of this version and platform (docs/platforms.md lists all), as in ' +
  '`npm install --no-save ferrograd-linux-x64-gnu`';

/**
 * Builds what is missing or out of date; quiet where nothing is.
 *
 * @throws {Failure}
 */
export async function build() {
  await setup();
  mkdirSync(`${root}dist`, { recursive: true });
  const compiler = await rustCompiler();
  if (compiler) {
    await buildNative(compiler);
    await buildTypeScript();
    return;
  }
  // Without Rust, a binary that was built before or installed as a package will do.
  try {
    await buildTypeScript();
    await evaluate('require("./dist/index.js")');
  } catch (error) {
    const binaryMissing = error instanceof LoadError && error.message.includes('NativeLoadError');
    throw binaryMissing ? new Failure(`${rustMissing}. ${orInstalled}`, { cause: error }) : error;
  }
  say(`${rustMissing}. Going on with the binary that is here already`);
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) await script(build);
