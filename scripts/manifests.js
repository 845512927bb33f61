/**
 * npm/ holds the manifest of each platform's package, generated from package.json: its version, description and
 * `napi.targets`. `npm run manifests` writes them anew; `npm test` fails where they are out of date.
 */
import { readFileSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root, runTool } from './command.js';
import { filesUnder } from './fingerprint.js';

/**
 * @param {string} folder
 * @param {'show' | 'capture'} output
 */
function generate(folder, output) {
  rmSync(`${root}${folder}`, { recursive: true, force: true });
  return runTool('@napi-rs/cli', 'napi', ['create-npm-dirs', '--npm-dir', folder], { output });
}

/**
 * Whether npm/ is what would be generated now.
 *
 * @returns {Promise<{ ok: boolean, output: string }>} `output`: what differs, and what to do
 */
export async function compareManifests() {
  const fresh = 'dist/.build/npm';
  const generated = await generate(fresh, 'capture');
  if (!generated.ok) return generated;
  const names = [...filesUnder(fresh).map((file) => `npm${file.slice(fresh.length)}`), ...filesUnder('npm')];
  /** @param {string} file */
  const contents = (file) => filesUnder(file).map((path) => readFileSync(`${root}${path}`, 'utf8'))[0];
  const differing = [...new Set(names)].filter((name) => contents(name) !== contents(fresh + name.slice(3)));
  rmSync(`${root}${fresh}`, { recursive: true });
  if (differing.length === 0) return { ok: true, output: '' };
  return { ok: false, output: `out of date: ${differing.join(', ')}. Run \`npm run manifests\`.` };
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = (await generate('npm', 'show')).ok ? 0 : 1;
}
