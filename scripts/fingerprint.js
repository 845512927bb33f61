/** Whether something must be made again: by a hash of all that it is made from. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from './command.js';

/**
 * All files under a path of the checkout, in one order on every platform.
 *
 * @param {string} path a file or a folder; one that is not there counts as empty
 * @returns {string[]}
 */
export function filesUnder(path) {
  const full = join(root, path);
  if (!existsSync(full)) return [];
  if (statSync(full).isFile()) return [path];
  return readdirSync(full)
    .sort()
    .flatMap((name) => filesUnder(`${path}/${name}`));
}

/**
 * @param {readonly string[]} paths files and folders, whose contents count
 * @param {readonly string[]} facts whatever else it depends on, such as a compiler's version
 */
export function fingerprint(paths, facts) {
  const hash = createHash('sha256').update(JSON.stringify(facts));
  for (const file of paths.flatMap(filesUnder))
    hash.update(`\0${file}\0`).update(readFileSync(join(root, file)));
  return hash.digest('hex');
}

/**
 * Makes something unless its stamp says that it was made from the same before. The stamp is removed first and written
 * last, so that a failure or an interruption in between is not taken for success.
 *
 * @param {string} stamp path of the stamp file
 * @param {string} print the {@link fingerprint}
 * @param {boolean} intact whether what was made is still there
 * @param {() => Promise<void>} make
 * @returns {Promise<boolean>} whether it was made
 */
export async function unlessMade(stamp, print, intact, make) {
  const file = join(root, stamp);
  if (intact && existsSync(file) && readFileSync(file, 'utf8') === print) return false;
  rmSync(file, { force: true });
  await make();
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, print);
  return true;
}
