/** Projects of users: folders in which ferrograd is installed, and programs that run there. */
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { manifest } from '../binaries/targets.js';
import { Failure, runNpm } from '../command.js';

const programs = fileURLToPath(new URL('programs', import.meta.url));

/** What npm is always told: no scripts, and nothing but what was asked for. */
const QUIET = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];

/** @typedef {{ ok: boolean, code: number | null, signal: string | null, stdout: string, stderr: string }} Ended */

/** The end of what a program printed. @param {string} text */
const tail = (text) => text.trim().split('\n').slice(-12).join('\n    ');

/** A user's folder. Relative paths are in it. */
export class Project {
  /**
   * @param {string} folder
   * @param {string} registry
   */
  constructor(folder, registry) {
    this.folder = folder;
    this.registry = registry;
    /** What every program finds in its environment. @type {NodeJS.ProcessEnv} */
    this.env = { ...userEnvironment(), npm_config_registry: registry, FERROGRAD_BINARY: '' };
  }

  /** @param {string} path */
  path(path) {
    return join(this.folder, path);
  }

  /** @param {string} path @param {string | object} content an object is written as JSON */
  write(path, content) {
    mkdirSync(dirname(this.path(path)), { recursive: true });
    const text = typeof content === 'string' ? content : `${JSON.stringify(content, null, 2)}\n`;
    writeFileSync(this.path(path), text);
  }

  /** @param {string} path */
  read(path) {
    return readFileSync(this.path(path), 'utf8');
  }

  /** @param {string} path */
  remove(path) {
    rmSync(this.path(path), { recursive: true, force: true });
  }

  /**
   * Runs a program here; how it ends is the caller's to judge.
   *
   * @param {readonly string[]} command
   * @param {{ env?: NodeJS.ProcessEnv, cwd?: string, seconds?: number }} [options]
   * @returns {Promise<Ended>}
   */
  async try([program = '', ...args], { env = {}, cwd = '.', seconds = 300 } = {}) {
    const child = spawn(program, args, {
      cwd: this.path(cwd),
      env: { ...this.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: seconds * 1000,
      killSignal: 'SIGKILL',
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    return new Promise((resolve) => {
      child.on('error', ({ message }) =>
        resolve({ ok: false, code: null, signal: null, stdout, stderr: stderr + message }),
      );
      child.on('close', (code, signal) => resolve({ ok: code === 0, code, signal, stdout, stderr }));
    });
  }

  /**
   * Runs a program here that must succeed.
   *
   * @param {readonly string[]} command
   * @param {Parameters<Project['try']>[1]} [options]
   * @returns {Promise<string>} what it printed
   */
  async run(command, options) {
    const { ok, code, signal, stdout, stderr } = await this.try(command, options);
    if (ok) return stdout;
    const shown = command.map((word) => word.replace(this.folder, '.')).join(' ');
    throw new Failure(`${shown}: ${signal ?? `exit code ${code}`}\n    ${tail(stdout + stderr)}`);
  }

  /**
   * @param {readonly string[]} args of npm
   * @param {{ cwd?: string }} [options]
   */
  async npm(args, { cwd = '.' } = {}) {
    const { ok, output } = await this.tryNpm(args, { cwd });
    if (!ok) throw new Failure(`npm ${args.join(' ')}:\n    ${tail(output)}`);
  }

  /**
   * @param {readonly string[]} args
   * @param {{ cwd?: string }} [options]
   */
  tryNpm(args, { cwd = '.' } = {}) {
    // Before the rest: what follows `--` is not npm's.
    const all = [...QUIET, `--registry=${this.registry}`, ...args];
    return runNpm(all, { cwd: this.path(cwd), env: this.env, output: 'capture' });
  }

  /**
   * Runs train.mjs, whose losses must be those of every other place.
   *
   * @param {string[]} [node] the command before the program
   * @param {{ program?: string, env?: NodeJS.ProcessEnv, cwd?: string }} [options]
   */
  async trains(node = [process.execPath], { program = 'train.mjs', ...options } = {}) {
    expectLosses(await this.run([...node, program], options));
  }
}

/** The environment without what npm tells the scripts that it runs: it would rule the installs of the projects. */
function userEnvironment() {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_OPTIONS|NO_COLOR|FORCE_COLOR)/i.test(name)),
  );
}

/** The line that train.mjs prints; the first that was seen is what the others are compared with. */
let expected = '';

/**
 * @param {string} printed by one or several runs of train.mjs
 * @param {number} [runs]
 */
export function expectLosses(printed, runs = 1) {
  const lines = printed.split('\n').filter((line) => line.includes('trained '));
  const line = (text = '') => /trained .*falling: true/.exec(text)?.[0];
  expected ||= line(lines[0]) ?? '';
  if (lines.length !== runs || lines.some((text) => line(text) !== expected)) {
    throw new Failure(`expected ${runs} of "${expected}", got\n    ${tail(printed)}`);
  }
}

/** Makes projects, and removes them all at the end. */
export class Workshop {
  /** @type {string[]} */
  #folders = [];
  /** A project in which npm installed ferrograd, once made. @type {Project | undefined} */
  #installed;

  /** @param {string} registry */
  constructor(registry) {
    this.registry = registry;
    this.version = manifest.version;
  }

  /**
   * A folder with the programs and nothing else.
   *
   * @param {{ inside?: string, name?: string, type?: 'module' | 'commonjs' }} [options] `inside`: a folder whose
   *   node_modules it sees too; `name`: of the folder, else anything
   */
  empty({ inside = tmpdir(), name = '', type = 'module' } = {}) {
    const parent = mkdtempSync(join(inside, 'ferrograd-place-'));
    this.#folders.push(parent);
    const project = new Project(join(parent, name), this.registry);
    mkdirSync(project.folder, { recursive: true });
    cpSync(programs, project.folder, { recursive: true });
    project.write('package.json', { name: 'place', private: true, type });
    return project;
  }

  /** The same, with ferrograd installed by npm. @param {Parameters<Workshop['empty']>[0]} [options] */
  async installed(options) {
    const project = this.empty(options);
    if (!this.#installed) {
      this.#installed = this.empty();
      await this.#installed.npm(['install', manifest.name]);
    }
    cpSync(this.#installed.path('node_modules'), project.path('node_modules'), { recursive: true });
    return project;
  }

  close() {
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true });
  }
}
