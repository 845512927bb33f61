/** Package managers, and what they do with optional packages. */
import { npm } from '../../binaries/tools.js';
import { Failure } from '../../command.js';
import { expectLosses } from '../project.js';
import { expect } from '../scenario.js';

/** @typedef {import('../scenario.js').Scenario} Scenario */
/** @typedef {import('../project.js').Project} Project */

const PNPM = ['pnpm@^10.0.0'];
const YARN = ['@yarnpkg/cli-dist@^4.18.0'];
const YARN_CLASSIC = ['yarn@^1.22.22'];

/** @type {Scenario} */
async function npmInstall(workshop) {
  const project = workshop.empty();
  await project.npm(['install', 'ferrograd']);
  await project.trains();
}

/** @type {Scenario} */
async function workspaces(workshop) {
  const project = workshop.empty();
  project.write('package.json', { private: true, workspaces: ['packages/*'] });
  for (const name of ['a', 'b']) {
    const dependencies = { ferrograd: workshop.version };
    project.write(`packages/${name}/package.json`, { name, version: '1.0.0', type: 'module', dependencies });
    project.write(`packages/${name}/train.mjs`, project.read('train.mjs'));
  }
  await project.npm(['install']);
  await project.trains(undefined, { cwd: 'packages/a' });
  await project.trains(undefined, { cwd: 'packages/b' });
  return 'two packages';
}

/** What a program that loads ferrograd is told, and the command in it. @param {Project} project */
async function remedyFrom(project) {
  const { ok, stderr } = await project.try([process.execPath, 'train.mjs']);
  const command = /\n\n {4}(\S.*)\n/.exec(stderr)?.[1];
  expect('NativeLoadError with a command', !ok && stderr.includes('NativeLoadError') && command, stderr);
  return /** @type {string} */ (command);
}

/** Does what the error says, and trains. @param {Project} project @param {string[]} [program] that `npm` stands for */
async function mend(project, program) {
  const command = await remedyFrom(project);
  const [name, ...args] = command.split(' ');
  if (name === 'npm') await project.npm(args);
  else await project.run([...(program ?? []), ...args]);
  await project.trains();
  return command;
}

/** @type {Scenario} */
async function omitOptional(workshop) {
  const project = workshop.empty();
  await project.npm(['install', '--omit=optional', 'ferrograd']);
  const command = await mend(project);
  return `mended by ${command}`;
}

/** @type {Scenario} */
async function omitOptionalAlways(workshop) {
  const project = workshop.empty();
  project.write('.npmrc', 'omit=optional\n');
  await project.npm(['install', 'ferrograd']);
  const command = await mend(project);
  return `mended by ${command}`;
}

/** @type {Scenario} */
async function foreignLock(workshop) {
  const project = workshop.empty();
  await project.npm(['install', '--os=darwin', '--cpu=arm64', 'ferrograd']);
  project.remove('node_modules');
  await project.npm(['ci']);
  await project.trains();
  return 'a lock file made with --os=darwin --cpu=arm64, npm ci here';
}

/** What npm's issue 4828 leaves: a lock file that knows the other platform's package alone. @type {Scenario} */
async function lockWithoutUs(workshop) {
  const project = workshop.empty();
  await project.npm(['install', '--os=darwin', '--cpu=arm64', 'ferrograd']);
  const lock = JSON.parse(project.read('package-lock.json'));
  for (const path of Object.keys(lock.packages)) {
    if (/ferrograd-(?!darwin-arm64)/.test(path)) delete lock.packages[path];
  }
  project.write('package-lock.json', lock);
  project.remove('node_modules');
  await project.npm(['install']); // npm ci of today refuses such a file
  const { ok } = await project.try([process.execPath, 'train.mjs']);
  return ok ? 'npm install adds it' : `mended by ${await mend(project)}`;
}

/** node_modules that was copied from another platform. @type {Scenario} */
async function foreignModules(workshop) {
  const project = workshop.empty();
  await project.npm(['install', '--os=darwin', '--cpu=arm64', 'ferrograd']);
  return `mended by ${await mend(project)}`;
}

/** A file that was cut off, as by a full disk. @type {Scenario} */
async function damaged(workshop) {
  const project = await workshop.installed();
  project.write('package.json', {
    private: true,
    type: 'module',
    dependencies: { ferrograd: workshop.version },
  });
  await project.npm(['install', '--package-lock-only']);
  const { packages } = JSON.parse(project.read('node_modules/.package-lock.json'));
  const own = Object.keys(packages).find((path) => path.includes('ferrograd-'));
  const { main } = JSON.parse(project.read(`${own}/package.json`));
  project.write(`${own}/${main}`, '\x7fELF cut off');
  return `mended by ${await mend(project)}`;
}

/** @param {string[]} options @returns {Scenario} */
const pnpm = (options) => async (workshop) => {
  const program = [process.execPath, `${await npm('pnpm', PNPM)}/pnpm/bin/pnpm.cjs`];
  const project = workshop.empty();
  // The registry has been given the packages this very minute.
  const config = [
    `--registry=${workshop.registry}`,
    '--config.minimumReleaseAge=0',
    `--store-dir=${project.path('store')}`,
  ];
  await project.run([...program, 'add', 'ferrograd', '--ignore-scripts', ...config, ...options]);
  if (!options.includes('--no-optional')) {
    await project.trains();
    return;
  }
  const command = await remedyFrom(project);
  expect('a command of pnpm', command.startsWith('pnpm '), command);
  await project.run([...program, ...command.split(' ').slice(1), '--ignore-scripts', ...config]);
  await project.trains();
  return `mended by ${command}`;
};

/** @param {'pnp' | 'node-modules' | 'pnpm'} linker @returns {Scenario} */
const yarn = (linker) => async (workshop) => {
  const yarn = `${await npm('yarn', YARN)}/@yarnpkg/cli-dist/bin/yarn.js`;
  const project = workshop.empty();
  project.write('yarn.lock', ''); // else it looks for a project further up
  project.write('.yarnrc.yml', {
    nodeLinker: linker,
    npmRegistryServer: workshop.registry,
    npmMinimalAgeGate: 0,
    unsafeHttpWhitelist: ['127.0.0.1'],
    enableScripts: false,
    enableTelemetry: false,
    enableGlobalCache: false,
    globalFolder: project.path('.yarn-global'),
  });
  await project.run([process.execPath, yarn, 'add', 'ferrograd']);
  await project.trains([process.execPath, yarn, 'node']);
};

/** @type {Scenario} */
async function yarnClassic(workshop) {
  const yarn = `${await npm('yarn-classic', YARN_CLASSIC)}/yarn/bin/yarn.js`;
  const project = workshop.empty();
  const args = ['add', 'ferrograd', '--ignore-scripts', '--no-progress', `--registry=${workshop.registry}`];
  await project.run([process.execPath, yarn, ...args, `--cache-folder=${project.path('cache')}`]);
  await project.trains();
}

/** @type {Scenario} */
async function npx(workshop) {
  const project = await workshop.installed();
  const info = await project.tryNpm(['exec', '--no', '--', 'ferrograd', 'info']);
  if (!info.ok || !/^backend +native$/m.test(info.output)) throw new Failure(info.output);
  const unknown = await project.tryNpm(['exec', '--no', '--', 'ferrograd', 'nonsense']);
  expect(
    'nonsense to be refused',
    !unknown.ok && unknown.output.includes('no command nonsense'),
    unknown.output,
  );
}

/** From a CommonJS program too: it is one instance. @type {Scenario} */
async function commonJs(workshop) {
  const project = await workshop.installed();
  project.write(
    'both.cjs',
    `const required = require('ferrograd');
    import('ferrograd').then((imported) => {
      if (imported.Tensor !== required.Tensor) throw new Error('two instances');
      return import('./train.mjs');
    });`,
  );
  expectLosses(await project.run([process.execPath, 'both.cjs']));
}

/** @type {Record<string, Scenario>} */
export const installers = {
  'npm install': npmInstall,
  'npm workspaces': workspaces,
  'npx ferrograd': npx,
  'require and import': commonJs,
  'npm install --omit=optional': omitOptional,
  'omit=optional in .npmrc': omitOptionalAlways,
  "another platform's lock file": foreignLock,
  'a lock file without this platform': lockWithoutUs,
  "another platform's node_modules": foreignModules,
  'a damaged binary': damaged,
  'pnpm isolated': pnpm([]),
  'pnpm hoisted': pnpm(['--config.node-linker=hoisted']),
  'pnpm --no-optional': pnpm(['--no-optional']),
  'Yarn PnP': yarn('pnp'),
  'Yarn node_modules': yarn('node-modules'),
  'Yarn pnpm linker': yarn('pnpm'),
  'Yarn 1': yarnClassic,
};
