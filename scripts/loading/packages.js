/**
 * The tarballs that the places are tried with: those of `npm run binaries`, else what the checkout was built into. The
 * packages of other platforms are placeholders where there are none: installers choose by their manifests alone.
 */
import { cpSync, existsSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packPlatform, packRoot } from '../binaries/pack.js';
import { manifest, nativeTargets } from '../binaries/targets.js';
import { build } from '../build.js';
import { Failure, root } from '../command.js';

/**
 * @param {string | undefined} from a folder of tarballs
 * @returns {Promise<string>} a new folder, with those of all platforms
 */
export async function gather(from) {
  const folder = mkdtempSync(join(tmpdir(), 'ferrograd-tarballs-'));
  if (from) {
    for (const name of readdirSync(from).filter((name) => name.endsWith('.tgz'))) {
      cpSync(join(from, name), join(folder, name));
    }
    if (!existsSync(tarball(folder)))
      throw new Failure(`${from} has no tarball of ${manifest.name} ${manifest.version}`);
  } else {
    await build();
    await packRoot(folder);
    for (const name of readdirSync(`${root}dist`)) {
      const id = /^ferrograd\.(.+)\.node$/.exec(name)?.[1];
      if (id) await packPlatform(id, `${root}dist/${name}`, folder);
    }
  }
  const placeholder = join(folder, 'placeholder');
  writeFileSync(
    placeholder,
    'not a binary: there was none for this platform when the packages were packed\n',
  );
  for (const { id } of nativeTargets) {
    if (!existsSync(tarball(folder, id))) await packPlatform(id, placeholder, folder);
  }
  return folder;
}

/** @param {string} folder @param {string} [id] of a platform; the root package without */
function tarball(folder, id) {
  return join(folder, `${[manifest.name, id].filter(Boolean).join('-')}-${manifest.version}.tgz`);
}
