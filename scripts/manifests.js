/**
 * npm/ holds the manifest of each platform's package, generated from package.json: its version, description and
 * `napi.targets`; and that of WebAssembly. `npm run manifests` writes them anew; `npm test` fails where they are out of date.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { manifest, wasmTarget } from './binaries/targets.js';
import { root, runTool } from './command.js';
import { filesUnder } from './fingerprint.js';

/** The package of WebAssembly, of which the napi CLI knows only its own, with threads and a loader. */
function wasmManifest() {
  const { name, version, description, keywords, author, license, engines } = manifest;
  const [binary, bundle] = [`${name}.${wasmTarget.id}.wasm`, `${name}.mjs`];
  return {
    name: `${name}-${wasmTarget.id}`,
    version,
    main: binary,
    exports: { '.': { import: `./${bundle}`, default: `./${binary}` } },
    files: [binary, bundle],
    sideEffects: false,
    description,
    keywords,
    author,
    license,
    engines,
  };
}

const wasmReadme = `# \`${manifest.name}-${wasmTarget.id}\`

This is the **WebAssembly** binary for \`${manifest.name}\`: for browsers, and for platforms without a native one.
`;

/**
 * @param {string} folder
 * @param {'show' | 'capture'} output
 */
async function generate(folder, output) {
  rmSync(`${root}${folder}`, { recursive: true, force: true });
  const generated = await runTool('@napi-rs/cli', 'napi', ['create-npm-dirs', '--npm-dir', folder], {
    output,
  });
  const own = `${root}${folder}/${wasmTarget.id}`;
  mkdirSync(own, { recursive: true });
  writeFileSync(`${own}/package.json`, `${JSON.stringify(wasmManifest(), null, 2)}\n`);
  writeFileSync(`${own}/README.md`, wasmReadme);
  return generated;
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
