/** Bundlers: with ferrograd outside of the bundle, and with it inside, where the program runs or is told what to do. */
import { readdirSync } from 'node:fs';
import { npm } from '../../binaries/tools.js';
import { root } from '../../command.js';
import { expectLosses } from '../project.js';
import { expect } from '../scenario.js';

/** @typedef {import('../scenario.js').Scenario} Scenario */
/** @typedef {import('../project.js').Project} Project */

const WEBPACK = ['webpack@^5.112.0', 'webpack-cli@^6.0.0'];
const ROLLUP = ['rollup@^4.68.0'];

/** Where a bundle with ferrograd inside may end: a program that trains, or an error that says what to do. */
const ADVICE = /NativeLoadError[\s\S]*ferrograd is part of a bundle[\s\S]*external/;

/** @param {Project} project @param {string} bundle @param {NodeJS.ProcessEnv} [env] */
async function runsOrAdvises(project, bundle, env) {
  const { ok, stdout, stderr } = await project.try([process.execPath, bundle], { env });
  if (!ok) {
    expect('to train, or NativeLoadError with advice', ADVICE.test(stderr), stderr);
    return 'refused with advice';
  }
  expectLosses(stdout);
  return 'runs';
}

/** Inside: in the project, where the platform's package can be found, and moved to where there is none. */
async function inside(/** @type {Project} */ project, /** @type {string} */ bundle) {
  const here = await runsOrAdvises(project, bundle);
  project.remove('node_modules');
  const moved = await runsOrAdvises(project, bundle);
  return `${here}; without node_modules: ${moved}`;
}

/** @param {'esm' | 'cjs'} format @param {boolean} external @returns {Scenario} */
const esbuild = (format, external) => async (workshop) => {
  const project = await workshop.installed();
  const out = `out/bundle.${format === 'esm' ? 'mjs' : 'cjs'}`;
  // CommonJS has no top-level await.
  if (format === 'cjs') project.write('train.mjs', `(async () => { ${awaited(project)} })();`);
  const { build } = await import('esbuild');
  await build({
    absWorkingDir: project.folder,
    entryPoints: ['train.mjs'],
    outfile: out,
    bundle: true,
    platform: 'node',
    format,
    external: external ? ['ferrograd'] : [],
    logLevel: 'silent',
  });
  if (!external) return inside(project, out);
  await project.trains(undefined, { program: out });
  return undefined;
};

/** The program as an expression of a function: its imports awaited. @param {Project} project */
function awaited(project) {
  return project
    .read('train.mjs')
    .replace(/^import (\{[^}]*\}) from ('[^']*');/gm, 'const $1 = await import($2);');
}

/** @param {boolean} external @returns {Scenario} */
const vite = (external) => async (workshop) => {
  const project = await workshop.installed();
  const { build } = await import('vite');
  await build({
    root: project.folder,
    configFile: false,
    logLevel: 'silent',
    ssr: external ? {} : { noExternal: ['ferrograd'] },
    build: { ssr: 'train.mjs', outDir: 'out' },
  });
  const [out] = readdirSync(project.path('out'));
  if (!external) return inside(project, `out/${out}`);
  await project.trains(undefined, { program: `out/${out}` });
  return undefined;
};

/** @type {Scenario} */
async function viteServer(workshop) {
  const project = await workshop.installed();
  project.write(
    'serve.mjs',
    `import { createServer } from ${JSON.stringify(`file://${root}node_modules/vite/dist/node/index.js`)};
    const server = await createServer({ root: '.', configFile: false, logLevel: 'error', server: { middlewareMode: true, ws: false } });
    await server.ssrLoadModule('/train.mjs');
    await server.close();`,
  );
  await project.trains(undefined, { program: 'serve.mjs' });
}

/** @param {boolean} external @param {boolean} [module] @returns {Scenario} */
const webpack =
  (external, module = false) =>
  async (workshop) => {
    const modules = await npm('webpack', WEBPACK);
    const project = await workshop.installed();
    const { default: pack } = await import(`${modules}/webpack/lib/index.js`);
    const filename = module ? 'bundle.mjs' : 'bundle.cjs';
    const stats = await new Promise((resolve, reject) =>
      pack(
        {
          mode: 'production',
          target: 'node20',
          context: project.folder,
          entry: './train.mjs',
          experiments: { outputModule: module },
          output: {
            path: project.path('out'),
            filename,
            module,
            chunkFormat: module ? 'module' : 'commonjs',
          },
          externals: external ? { ferrograd: `${module ? 'module' : 'commonjs'} ferrograd` } : {},
        },
        (/** @type {Error | null} */ error, /** @type {unknown} */ stats) =>
          error ? reject(error) : resolve(stats),
      ),
    );
    expect('webpack to bundle it', !stats.hasErrors(), stats.toString());
    const warnings = stats.toJson().warnings.length;
    if (!external) return `${await inside(project, `out/${filename}`)}, ${warnings} warnings`;
    await project.trains(undefined, { program: `out/${filename}` });
    return undefined;
  };

/** @type {Scenario} */
async function rollup(workshop) {
  const modules = await npm('rollup', ROLLUP);
  const project = await workshop.installed();
  const bin = `${modules}/rollup/dist/bin/rollup`;
  const args = [
    'train.mjs',
    '--format',
    'es',
    '--file',
    'out/bundle.mjs',
    '--external',
    'ferrograd,node:crypto',
  ];
  await project.run([process.execPath, bin, ...args]);
  await project.trains(undefined, { program: 'out/bundle.mjs' });
}

/** @type {Record<string, Scenario>} */
export const bundlers = {
  'esbuild ES modules, external': esbuild('esm', true),
  'esbuild CommonJS, external': esbuild('cjs', true),
  'esbuild ES modules, inside': esbuild('esm', false),
  'esbuild CommonJS, inside': esbuild('cjs', false),
  'Vite SSR build': vite(true),
  'Vite SSR build, inside': vite(false),
  'Vite SSR server': viteServer,
  'webpack CommonJS, external': webpack(true),
  'webpack ES modules, external': webpack(true, true),
  'webpack CommonJS, inside': webpack(false),
  'webpack ES modules, inside': webpack(false, true),
  'rollup, external': rollup,
};
