/** Running other programs. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/** Something that the user has to mend; the message says what or how. */
export class Failure extends Error {}

/**
 * Runs a program, in the checkout unless told, without a shell (which every platform would parse differently).
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ output?: 'show' | 'capture' | 'both', env?: NodeJS.ProcessEnv, cwd?: string }} [options] `show` (the
 *   default) lets the program have the terminal, `capture` keeps what it prints, `both` also prints it as it comes
 * @returns {Promise<{ ok: boolean, output: string }>} `output`: what was captured; of a program that cannot be
 *   started, why
 */
export function run(command, args, { output = 'show', env = process.env, cwd = root } = {}) {
  return new Promise((resolve) => {
    const piped = output === 'show' ? 'inherit' : 'pipe';
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', piped, piped] });
    let captured = '';
    for (const name of /** @type {const} */ (['stdout', 'stderr'])) {
      child[name]?.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
        captured += text;
        if (output === 'both') process[name].write(text);
      });
    }
    child.on('error', (error) => resolve({ ok: false, output: `${error.message}\n` }));
    child.on('close', (code) => resolve({ ok: code === 0, output: captured }));
  });
}

/**
 * Runs a tool of node_modules by its JavaScript entry: the links in node_modules/.bin are not programs on Windows.
 *
 * @param {string} packageName
 * @param {string} name of the tool
 * @param {readonly string[]} args
 * @param {Parameters<typeof run>[2]} [options]
 */
export function runTool(packageName, name, args, options) {
  const folder = `${root}node_modules/${packageName}/`;
  const { bin } = JSON.parse(readFileSync(`${folder}package.json`, 'utf8'));
  return run(process.execPath, [`${folder}${bin[name]}`, ...args], options);
}

/**
 * Runs npm: the one that runs this script, else the one on the PATH.
 *
 * @param {readonly string[]} args
 * @param {Parameters<typeof run>[2]} [options]
 */
export function runNpm(args, options) {
  const npm = process.env.npm_execpath;
  if (npm && basename(npm) === 'npm-cli.js') return run(process.execPath, [npm, ...args], options);
  if (process.platform === 'win32') return run('cmd', ['/d', '/s', '/c', 'npm', ...args], options);
  return run('npm', args, options);
}

/**
 * Says in a line what takes long or went wrong, and apart from what the program itself prints.
 *
 * @param {string} line
 */
export function say(line) {
  process.stderr.write(`ferrograd: ${line}\n`);
}

/**
 * Does what a script is for: a {@link Failure} is a line and exit code 1, any other error a stack trace.
 *
 * @param {() => Promise<void>} main
 */
export async function script(main) {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}
