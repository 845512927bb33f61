/**
 * `npm run binaries:test`: serves the tarballs of `npm run binaries` from a registry on this machine, installs them into
 * empty folders with scripts disabled, as the packages of each target would be, and trains with each: in the explicit loop,
 * and by a compiled plan.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Failure, run, runNpm, script } from '../command.js';
import { serve } from './registry.js';
import { runtimes } from './runtimes.js';
import { chooseTargets, manifest, wasmTarget } from './targets.js';
import { Unavailable } from './tools.js';

/** @typedef {import('./targets.js').Target} Target */

const help = `Installs the tarballs that \`npm run binaries\` made, and trains with each.

  npm run binaries:test -- [options]

  --from DIR   where the tarballs are (default target/packages)
  --target T   a target as Rust or as npm names it, or host; several allowed (default: all whose tarball is there)
  --steps N    of training, in the explicit loop and again by a plan (default 300)
  --help       this text
`;

/** The target that the others' losses are compared with. */
const REFERENCE = 'x86_64-unknown-linux-gnu';

/**
 * How much a loss may differ from x64's, relatively: instruction sets add up in different orders, and float32 rounds
 * by 6e-8 each time.
 */
const TOLERANCE = 1e-5;

/**
 * @param {Target} target
 * @param {() => Promise<import('./runtimes.js').Runtime>} runtime
 * @param {string} registry
 * @param {string} steps
 * @returns {Promise<{ isa: string, losses: number[], planned: number[], name: string }>}
 */
async function train({ os, cpu, libc, id }, runtime, registry, steps) {
  const { name, command, env, path = (file) => file } = await runtime();
  const folder = mkdtempSync(join(tmpdir(), 'ferrograd-install-'));
  try {
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
    for (const file of ['train.mjs', 'program.js']) {
      cpSync(fileURLToPath(new URL(file, import.meta.url)), join(folder, file));
    }
    const platform = [
      `--os=${os}`,
      `--cpu=${cpu}`,
      ...(libc ? [`--libc=${libc === 'gnu' ? 'glibc' : libc}`] : []),
    ];
    const options = ['--ignore-scripts', '--no-audit', '--no-fund', `--registry=${registry}`, ...platform];
    // The package of WebAssembly comes only to those who ask for it.
    const wanted = id === wasmTarget.id ? [manifest.name, `${manifest.name}-${id}`] : [manifest.name];
    const installed = await runNpm(['install', ...options, ...wanted], {
      cwd: folder,
      output: 'capture',
    });
    if (!installed.ok) throw new Failure(`npm install failed:\n${installed.output}`);
    const packages = readdirSync(join(folder, 'node_modules')).filter((entry) => !entry.startsWith('.'));
    const expected = [manifest.name, `${manifest.name}-${id}`];
    if (packages.join() !== expected.join()) throw new Failure(`npm installed ${packages}, not ${expected}`);
    const [program = '', ...args] = [...command, path(join(folder, 'train.mjs')), steps];
    const trained = await run(program, [...args, 'losses.json'], {
      cwd: folder,
      env: { ...process.env, FERROGRAD_BINARY: '', ...env },
      output: 'capture',
    });
    if (!trained.ok) throw new Failure(`training failed:\n${trained.output}`);
    return { name, ...JSON.parse(readFileSync(join(folder, 'losses.json'), 'utf8')) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * @param {number[]} losses
 * @param {number[]} reference
 * @returns {number} the largest relative difference
 */
function difference(losses, reference) {
  const differences = losses.map((loss, i) => Math.abs(loss / (reference[i] ?? Number.NaN) - 1));
  return losses.length === reference.length ? Math.max(...differences) : Number.NaN;
}

/**
 * What x64 lost: as trained here, or as it was written when these tarballs were tested on x64.
 *
 * @param {string} file
 * @returns {number[] | undefined}
 */
function readReference(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

await script(async () => {
  const { values } = parseArgs({
    options: {
      from: { type: 'string', default: 'target/packages' },
      target: { type: 'string', multiple: true, default: [] },
      steps: { type: 'string', default: '300' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    console.log(help);
    return;
  }
  const { from, steps } = values;
  const wanted = await chooseTargets(values.target);
  const registry = await serve(resolve(from));
  const lossesFile = join(from, 'losses.json');
  let [passed, failed, skipped] = [0, 0, 0];
  try {
    const order = [...wanted].sort((a, b) => Number(b.triple === REFERENCE) - Number(a.triple === REFERENCE));
    for (const target of order) {
      const { triple, id } = target;
      for (const [i, runtime] of runtimes(target).entries()) {
        try {
          if (!registry.published.includes(`${manifest.name}-${id}-${manifest.version}.tgz`)) {
            throw new Unavailable(`its tarball is not in ${from}`);
          }
          const { isa, losses, planned, name } = await train(target, runtime, registry.url, steps);
          if (triple === REFERENCE && i === 0) writeFileSync(lossesFile, JSON.stringify(losses));
          const reference = readReference(lossesFile);
          if (!reference)
            throw new Failure(`trained, but there are no losses of ${REFERENCE} to compare with`);
          const differs = Math.max(difference(losses, reference), difference(planned, reference));
          if (!(differs <= TOLERANCE)) throw new Failure(`losses differ from x64's by up to ${differs}`);
          const how = `${name}, ${isa}, within ${differs.toExponential(1)}`;
          console.log(`${triple} trained ${losses.length} steps, losses equal (${how})`);
          passed++;
        } catch (error) {
          if (!(error instanceof Failure)) throw error;
          const isSkipped = error instanceof Unavailable;
          if (isSkipped) skipped++;
          else failed++;
          console.log(`${triple} ${isSkipped ? 'skipped' : 'FAILED'}: ${error.message}`);
        }
      }
    }
  } finally {
    await registry.stop();
  }
  console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
  process.exitCode = failed > 0 ? 1 : 0;
});
