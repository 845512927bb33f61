/** Bundlers: with ferrograd outside of the bundle, and with it inside, where the program runs or is told what to do. */
import { cpSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { npm, Unavailable } from '../../binaries/tools.js';
import { root } from '../../command.js';
import { expectLosses } from '../project.js';
import { expect } from '../scenario.js';

/** @typedef {import('../scenario.js').Scenario} Scenario */
/** @typedef {import('../project.js').Project} Project */

const WEBPACK = ['webpack@^5.112.0', 'webpack-cli@^6.0.0'];
const ROLLUP = ['rollup@^4.68.0'];
const NFT = ['@vercel/nft@^1.0.0'];
const POSTJECT = ['postject@1.0.0-alpha.6'];

/** Where a bundle with ferrograd inside may end: a program that trains, or an error that says what to do. */
const ADVICE = /NativeLoadError[\s\S]*ferrograd is part of a bundle[\s\S]*external/;

/** @param {Project} project @param {string[]} command */
async function advises(project, command) {
  const { ok, stderr } = await project.try(command);
  expect('NativeLoadError with advice', !ok && ADVICE.test(stderr), stderr);
}

/**
 * A bundle with ferrograd inside: beside node_modules, where the platform's package can be found, and where there is none.
 *
 * @param {Project} project
 * @param {string[]} command that runs it
 * @param {{ hasRequire?: boolean }} [options] without `require` it can load nothing at all
 */
async function inside(project, command, { hasRequire = true } = {}) {
  if (hasRequire) expectLosses(await project.run(command));
  else await advises(project, command);
  project.remove('node_modules');
  await advises(project, command);
  return hasRequire ? 'runs beside node_modules, else says what to do' : 'says what to do';
}

/**
 * @param {Project} project
 * @param {'esm' | 'cjs'} format
 * @param {string[]} external
 * @returns {Promise<string>} the bundle
 */
async function bundleWithEsbuild(project, format, external) {
  const outfile = `out/bundle.${format === 'esm' ? 'mjs' : 'cjs'}`;
  if (format === 'cjs') {
    // There is no top-level await.
    const program = project
      .read('train.mjs')
      .replace(/^import (\{[^}]*\}) from ('node:[^']*');/gm, 'const $1 = require($2);')
      .replace(/^import (\{[^}]*\}) from ('[^']*');/gm, 'const $1 = await import($2);');
    project.write('train.mjs', `(async () => { ${program} })();`);
  }
  const { build } = await import('esbuild');
  await build({
    absWorkingDir: project.folder,
    entryPoints: ['train.mjs'],
    outfile,
    bundle: true,
    platform: 'node',
    format,
    external,
    logLevel: 'silent',
  });
  return outfile;
}

/** @param {'esm' | 'cjs'} format @param {boolean} external @returns {Scenario} */
const esbuild = (format, external) => async (workshop) => {
  const project = await workshop.installed();
  const program = await bundleWithEsbuild(project, format, external ? ['ferrograd'] : []);
  if (!external) return inside(project, [process.execPath, program], { hasRequire: format === 'cjs' });
  await project.trains(undefined, { program });
  return undefined;
};

/** The files that @vercel/nft finds a program to need, as Next.js and others copy them. @type {Scenario} */
async function traced(workshop) {
  const modules = await npm('nft', NFT);
  const { nodeFileTrace } = createRequire(`${modules}/`)('@vercel/nft');
  const project = await workshop.installed();
  const { fileList } = await nodeFileTrace([project.path('train.mjs')], {
    base: project.folder,
    processCwd: project.folder,
  });
  const copy = workshop.empty();
  copy.remove('.');
  for (const file of fileList) cpSync(project.path(file), copy.path(file));
  await copy.trains();
  return `${fileList.size} files`;
}

/** A copy of Node.js that holds the bundle, beside node_modules with the binary. @type {Scenario} */
async function singleExecutable(workshop) {
  if (process.platform !== 'linux') throw new Unavailable('tried on Linux only');
  const modules = await npm('postject', POSTJECT);
  const node24 = `node-linux-${process.arch}`;
  const node = `${await npm('node-24', [`${node24}@24`])}/${node24}/bin/node`;
  const project = await workshop.installed();
  const main = await bundleWithEsbuild(project, 'cjs', []);
  project.write('sea.json', { main, output: 'sea.blob', disableExperimentalSEAWarning: true });
  await project.run([node, '--experimental-sea-config', 'sea.json']);
  await project.run(['cp', node, 'app']);
  const fuse = ['--sentinel-fuse', 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'];
  const postject = `${modules}/postject/dist/cli.js`;
  await project.run([process.execPath, postject, 'app', 'NODE_SEA_BLOB', 'sea.blob', ...fuse]);
  return inside(project, [project.path('app')]);
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
  if (!external) return inside(project, [process.execPath, `out/${out}`]);
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
    if (!external)
      return `${await inside(project, [process.execPath, `out/${filename}`])}; ${warnings} warnings`;
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
  'traced by @vercel/nft': traced,
  'single executable application': singleExecutable,
};
