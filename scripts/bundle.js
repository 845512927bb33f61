/**
 * The package as one ES module for browsers, with the WebAssembly module in it: nothing is fetched, so that it works in
 * a page, in a worker and through every bundler alike.
 *
 * A file of src/browser/ takes the place of the file of the same name in src/.
 */
import { existsSync, readFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { build } from 'esbuild';
import { Failure, root } from './command.js';

const src = `${root}src`;

/**
 * @param {string} wasm the module's file
 * @returns {import('esbuild').Plugin}
 */
const substitute = (wasm) => ({
  name: 'browser',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
      if (path.endsWith('.wasm')) return { path: wasm, namespace: 'deflated' };
      const source = resolve(resolveDir, path.replace(/\.js$/, '.ts'));
      const ours = `${src}/browser/${relative(src, source)}`;
      return existsSync(ours) ? { path: ours } : undefined;
    });
    onLoad({ filter: /./, namespace: 'deflated' }, ({ path }) => ({
      contents: deflateRawSync(readFileSync(path), { level: 9 }),
      loader: 'binary',
    }));
  },
});

/**
 * @param {string} wasm the module's file
 * @param {string} out where the bundle goes
 * @throws {Failure} where something needs Node.js
 */
export async function bundle(wasm, out) {
  try {
    await build({
      entryPoints: [`${src}/index.ts`],
      outfile: out,
      bundle: true,
      format: 'esm',
      platform: 'browser',
      target: ['es2022'],
      minifySyntax: true,
      minifyWhitespace: true,
      legalComments: 'inline',
      banner: { js: '/* ferrograd, MIT; contains fflate, © Arjun Barrett, MIT */' },
      logLevel: 'silent',
      absWorkingDir: root,
      plugins: [substitute(wasm)],
    });
  } catch (error) {
    throw new Failure(`ferrograd cannot be bundled for browsers: ${/** @type {Error} */ (error).message}`);
  }
}
