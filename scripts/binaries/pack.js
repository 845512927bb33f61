/**
 * Makes the tarballs that are published. The root package's manifest is not the checkout's: what only the checkout needs
 * is left out, and `optionalDependencies` name the packages of all platforms. The checkout's own must not, or `npm ci`
 * would ask the registry for packages of a version that is not published yet. WebAssembly's package comes only to those
 * who install it: as an optional peer it is found by every package manager, and must have the same version.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { bundle } from '../bundle.js';
import { Failure, root, runNpm } from '../command.js';
import { manifest, nativeTargets, wasmTarget } from './targets.js';

/** @typedef {import('./targets.js').Target} Target */

/** The largest root tarball, in bytes. */
const MAX_ROOT_BYTES = 300_000;

/**
 * @param {string} folder with the package
 * @param {string[]} args of `npm pack`
 * @returns {Promise<{ filename: string, size: number, unpackedSize: number, files: { path: string }[] }>}
 */
async function npmPack(folder, args) {
  const { ok, output } = await runNpm(['pack', '--ignore-scripts', '--json', ...args], {
    cwd: folder,
    output: 'capture',
  });
  // Some versions of npm list packages, some name them; warnings of npm come before it.
  const json = /^[[{][\s\S]*^[\]}]/m.exec(output)?.[0];
  if (!ok || !json) throw new Failure(`npm pack failed in ${folder}:\n${output}`);
  return /** @type {any} */ (Object.values(JSON.parse(json))[0]);
}

/**
 * Packs a folder made for it.
 *
 * @param {string} out where the tarball goes
 * @param {(folder: string) => void | Promise<void>} fill
 * @returns {Promise<{ file: string, bytes: number, unpackedBytes: number }>}
 */
async function stage(out, fill) {
  const folder = mkdtempSync(join(tmpdir(), 'ferrograd-pack-'));
  try {
    await fill(folder);
    mkdirSync(out, { recursive: true });
    const packed = await npmPack(folder, ['--pack-destination', resolve(out)]);
    return { file: join(out, packed.filename), bytes: packed.size, unpackedBytes: packed.unpackedSize };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** @param {string} file @param {object} content */
const writeJson = (file, content) => writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`);

/** Provenance is refused for a package that does not name the repository it was built in. */
function repository() {
  const { GITHUB_REPOSITORY: name, GITHUB_SERVER_URL: server } = process.env;
  return name ? { repository: { type: 'git', url: `git+${server}/${name}.git` } } : {};
}

function publishedManifest() {
  const { private: _, scripts, devDependencies, napi, ...kept } = manifest;
  const packages = nativeTargets.map(({ id }) => [`${manifest.name}-${id}`, manifest.version]);
  const wasm = `${manifest.name}-${wasmTarget.id}`;
  return {
    ...kept,
    ...repository(),
    optionalDependencies: Object.fromEntries(packages.sort()),
    peerDependencies: { [wasm]: manifest.version },
    peerDependenciesMeta: { [wasm]: { optional: true } },
  };
}

/**
 * Packs the built root package: what `files` in package.json lists.
 *
 * @param {string} out the folder that the tarball goes to
 * @throws {Failure} where it is too large
 */
export async function packRoot(out) {
  const { files } = await npmPack(root, ['--dry-run']);
  const packed = await stage(out, (folder) => {
    for (const { path } of files) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      // The source maps stay behind; a tool that is pointed to them would warn that they are missing.
      const script = /\.(js|d\.ts)$/.test(path);
      const content = readFileSync(join(root, path));
      writeFileSync(
        join(folder, path),
        script ? content.toString().replace(/^\/\/# sourceMappingURL=.*\n?/m, '') : content,
      );
    }
    writeJson(join(folder, 'package.json'), publishedManifest());
  });
  if (packed.bytes > MAX_ROOT_BYTES) {
    throw new Failure(`the root tarball has ${packed.bytes} bytes, at most ${MAX_ROOT_BYTES} are allowed`);
  }
  return packed;
}

/**
 * Packs a platform's package; that of WebAssembly also has the bundle for browsers.
 *
 * @param {string} id such as `linux-x64-gnu`
 * @param {string} binary the file
 * @param {string} out the folder that the tarball goes to
 */
export function packPlatform(id, binary, out) {
  return stage(out, async (folder) => {
    cpSync(join(root, 'npm', id), folder, { recursive: true });
    const own = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    writeJson(join(folder, 'package.json'), { ...own, ...repository() });
    cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
    cpSync(binary, join(folder, own.main));
    if (id === wasmTarget.id) await bundle(binary, join(folder, own.exports['.'].import));
  });
}
