/**
 * Publishes the tarballs of all targets, the root package last, so that nobody installs it before its binaries are
 * there. What is published already is passed over: a release that broke off halfway is simply run again.
 *
 *   node scripts/binaries/publish.js --from DIR (--tag vX.Y.Z | --dry-run)
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Failure, runNpm, say, script } from '../command.js';
import { manifest, targets } from './targets.js';

const { name: rootName, version } = manifest;

/** @param {string} name */
async function isPublished(name) {
  const { ok, output } = await runNpm(['view', `${name}@${version}`, 'version'], { output: 'capture' });
  return ok && output.trim() === version;
}

await script(async () => {
  const { values } = parseArgs({
    options: {
      from: { type: 'string', default: 'target/packages' },
      tag: { type: 'string' },
      'dry-run': { type: 'boolean', default: false },
    },
  });
  const dryRun = values['dry-run'];
  if (!dryRun && values.tag !== `v${version}`) {
    throw new Failure(`the tag is ${values.tag}, but package.json has version ${version}`);
  }
  const names = [...targets.map(({ id }) => `${rootName}-${id}`), rootName];
  const packages = names.map((name) => ({
    name,
    file: resolve(join(values.from, `${name}-${version}.tgz`)),
  }));
  const missing = packages.filter(({ file }) => !existsSync(file)).map(({ file }) => file);
  if (missing.length > 0) throw new Failure(`nothing is published, since there is no ${missing.join(', ')}`);

  for (const { name, file } of packages) {
    if (!dryRun && (await isPublished(name))) {
      say(`${name}@${version} is published already`);
      continue;
    }
    const how = dryRun ? ['--dry-run'] : ['--provenance'];
    // Of a dry run npm refuses a version that is there already, which on a pull request is the usual case.
    if (dryRun && (await isPublished(name))) how.push('--force');
    const { ok } = await runNpm(['publish', file, '--ignore-scripts', '--access', 'public', ...how]);
    if (!ok) throw new Failure(`${name} cannot be published: see above`);
  }
  say(`${packages.length} packages ${dryRun ? 'would be published' : 'are published'}`);
});
