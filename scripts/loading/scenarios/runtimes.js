/** Other programs than this Node.js: its versions and flags, Bun, Deno, Electron. */
import { readFileSync } from 'node:fs';
import { npm, Unavailable } from '../../binaries/tools.js';
import { expect } from '../scenario.js';

/** @typedef {import('../scenario.js').Scenario} Scenario */
/** @typedef {import('../project.js').Project} Project */

/** Explicit steps of the test of memory. */
const STEPS = '30000';

/** By how much a process may grow in two thirds of them, in MB; their arrays have 12 GB. */
const FLAT = 150;

const own = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;

/** @param {Project} project @param {string[]} node @param {string[]} [flags] */
async function everything(project, node, flags = []) {
  await project.trains([...node, ...flags]);
  const memory = JSON.parse(await project.run([...node, ...flags, 'memory.mjs', STEPS]));
  expect(`memory to stay within ${FLAT} MB`, memory.grown < FLAT, JSON.stringify(memory));
  const workers = JSON.parse(await project.run([...node, ...flags, 'workers.mjs', '4', '8']));
  expect('no worker to fail', workers.failed === 0, JSON.stringify(workers));
  return `${memory.steps} steps grew ${memory.megabytes} MB by ${memory.grown}, ${workers.workers} workers terminated`;
}

/** @param {string} major @returns {Scenario} */
const node = (major) => async (workshop) => {
  const name = `node-${own}`;
  const modules = await npm(`node-${major}`, [`${name}@${major}`]);
  const program = `${modules}/${name}/bin/node`;
  const project = await workshop.installed();
  const version = (await project.run([program, '--version'])).trim();
  return `${version}, ${await everything(project, [program])}`;
};

/** The permission model: what must be allowed, and what is said where it is not. @type {Scenario} */
async function permissions(workshop) {
  const project = await workshop.installed();
  const modules = await npm('node-24', [`node-${own}@24`]);
  const program = `${modules}/node-${own}/bin/node`;
  const flags = ['--permission', `--allow-fs-read=${project.folder}`];
  await project.trains([program, ...flags, '--allow-addons']);
  const { ok, stderr } = await project.try([program, ...flags, 'train.mjs']);
  expect(
    'NativeLoadError with --allow-addons',
    !ok && /NativeLoadError[\s\S]*--allow-addons/.test(stderr),
    stderr,
  );
  if (process.allowedNodeEnvironmentFlags.has('--experimental-permission')) {
    const older = ['--experimental-permission', '--allow-fs-read=*']; // Node.js 20 aborts over two paths
    const addons = process.allowedNodeEnvironmentFlags.has('--allow-addons') ? ['--allow-addons'] : [];
    await project.trains([process.execPath, ...older, ...addons]);
  }
  return `Node.js 24 and ${process.versions.node.split('.')[0]}`;
}

/** @param {string} name of the package @param {string} file in it @param {string[]} args @returns {Scenario} */
const other = (name, file, args) => async (workshop) => {
  const modules = await npm(name, [name]);
  const program = [`${modules}/${file}`, ...args];
  const project = await workshop.installed();
  const version = (await project.run([program[0] ?? '', '--version'])).trim().split('\n')[0];
  return `${version}, ${await everything(project, program)}`;
};

/** Electron's memory cage refuses arrays over memory that is not V8's; then again, to load at all. @type {Scenario} */
async function electron(workshop) {
  const modules = await npm('electron', ['electron']);
  const project = await workshop.installed({ inside: `${modules}/..` });
  const fetched = await project.try([process.execPath, `${modules}/electron/install.js`], { seconds: 120 });
  if (!fetched.ok) throw new Unavailable('its program is a download from GitHub, which cannot be reached');
  const { path } = JSON.parse(readFileSync(`${modules}/electron/package.json`, 'utf8'));
  const program = `${modules}/electron/dist/${path ?? 'electron'}`;
  await project.trains([program], { env: { ELECTRON_RUN_AS_NODE: '1' } });
}

/** @type {Record<string, Scenario>} */
export const runtimes = {
  'Node.js 22': node('22'),
  'Node.js 24': node('24'),
  'Node.js permissions': permissions,
  Bun: other('bun', `@oven/bun-${own}/bin/bun`, []),
  Deno: other('deno', `@deno/${own}-glibc/deno`, ['run', '--allow-all']),
  Electron: electron,
};
