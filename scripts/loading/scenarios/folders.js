/** Folders that careless programs stumble over. */
import { chmodSync, symlinkSync } from 'node:fs';
import { onPath, Unavailable } from '../../binaries/tools.js';
import { expect } from '../scenario.js';

/** @typedef {import('../scenario.js').Scenario} Scenario */

/** @type {Scenario} */
async function oddPath(workshop) {
  const project = await workshop.installed({ name: 'mit Leerzeichen, ünïcode 数字 & (#100%)' });
  await project.trains();
}

/** @type {Scenario} */
async function symlink(workshop) {
  const project = await workshop.installed({ name: 'real' });
  symlinkSync(project.folder, `${project.folder}-link`);
  await project.trains(undefined, { cwd: '../real-link' });
  await project.trains([process.execPath, '--preserve-symlinks'], { cwd: '../real-link' });
}

/** @type {Scenario} */
async function linkedPackage(workshop) {
  const project = await workshop.installed({ name: 'here' });
  // As npm link does: the package lies elsewhere, and its platform's package beside it.
  await project.run(['mkdir', '../elsewhere']);
  await project.run(['mv', 'node_modules', '../elsewhere/']);
  project.write('node_modules/.keep', '');
  symlinkSync('../../elsewhere/node_modules/ferrograd', project.path('node_modules/ferrograd'));
  await project.trains();
}

/** Whom the program runs as: root may write everywhere, so somebody else where this is root. */
function somebody() {
  if (process.platform === 'win32') throw new Unavailable('Windows has no such rights');
  if (process.getuid?.() !== 0) return [];
  if (!onPath('setpriv')) throw new Unavailable('root may write everywhere, and there is no setpriv');
  return ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
}

/** @type {Scenario} */
async function readOnly(workshop) {
  const user = somebody();
  const project = await workshop.installed({ name: 'project' });
  await project.run(['chmod', '-R', 'a-w,a+rX', '.']);
  chmodSync(project.path('..'), 0o755);
  const refused = await project.try([...user, 'touch', 'node_modules/ferrograd/dist/x']);
  expect('the folder to be read-only', !refused.ok);
  await project.trains([...user, process.execPath], { env: { HOME: '/nonexistent' } });
  return user.length > 0 ? 'as the user nobody' : '';
}

/** @type {Scenario} */
async function readOnlyMount(workshop) {
  const project = await workshop.installed();
  const mount = 'mount --bind node_modules node_modules && mount -o remount,bind,ro node_modules';
  const inside = ['unshare', '--mount', '--map-root-user', 'sh', '-c'];
  const possible = await project.try([...inside, mount]);
  if (!possible.ok) throw new Unavailable(`no mount can be made: ${possible.stderr.trim()}`);
  const command = `${mount} && ! touch node_modules/x 2>/dev/null && exec "$@"`;
  await project.trains([...inside, command, 'sh', process.execPath]);
}

/** @type {Record<string, Scenario>} */
export const folders = {
  'spaces and non-ASCII letters in the path': oddPath,
  'symlinked project': symlink,
  'symlinked package': linkedPackage,
  'read-only node_modules': readOnly,
  'node_modules on a read-only mount': readOnlyMount,
};
