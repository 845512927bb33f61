/**
 * `npm test`: everything that CI demands, on a fresh clone too. Each part runs even if an earlier one failed; at the
 * end stand a table, and the line `N passed, N failed, N skipped` that sums it up.
 *
 *   node scripts/test.js                  all parts
 *   node scripts/test.js js tensor        one part (lint, types, rust or js); what follows goes to its test runner
 */
import { readFileSync, rmSync } from 'node:fs';
import { relative } from 'node:path';
import { Unavailable } from './binaries/tools.js';
import { build } from './build.js';
import { Failure, root, run, runTool, say, script } from './command.js';
import { compareManifests } from './manifests.js';
import { rustCompiler, rustMissing, setup } from './setup.js';
import { buildWasm } from './wasm.js';

/**
 * @typedef {{ passed: number, failed: number, skipped: string[] }} Counts `skipped`: by name
 * @typedef {{ name: string, run: (args: readonly string[]) => Promise<Counts> }} Runner
 */

// In CI the lock file must be up to date; elsewhere cargo may add what a change of Cargo.toml asks for.
const locked = process.env.CI ? ['--locked'] : [];

/**
 * A program that checks one thing.
 *
 * @param {{ ok: boolean, output: string }} result
 * @returns {Counts}
 */
function check({ ok, output }) {
  if (output) say(output.trim());
  return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: [] };
}

/**
 * Counts tests; a runner that failed although no test did (a file that does not compile, a crash) is one failure.
 *
 * @param {boolean} ok
 * @param {Counts} counts
 * @returns {Counts}
 */
const counted = (ok, counts) => (ok || counts.failed > 0 ? counts : { ...counts, failed: 1 });

/** @param {readonly string[]} args */
async function cargoTest(args) {
  // The binding is left out: it links into Node.js only, where the JavaScript tests run it.
  const packages = ['--workspace', '--exclude', 'ferrograd-node'];
  const { ok, output } = await run('cargo', ['test', '--no-fail-fast', ...packages, ...locked, ...args], {
    output: 'both',
  });
  /** @type {Counts} */
  const counts = { passed: 0, failed: 0, skipped: [] };
  for (const [, passed, failed] of output.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed;/gm)) {
    counts.passed += Number(passed);
    counts.failed += Number(failed);
  }
  for (const [, name = ''] of output.matchAll(/^test (.+) \.\.\. ignored/gm)) counts.skipped.push(name);
  return counted(ok, counts);
}

/**
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 */
async function vitest(args, env = {}) {
  const report = 'dist/.build/vitest.json';
  rmSync(`${root}${report}`, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const all = ['run', ...reporters, ...args];
  const { ok } = await runTool('vitest', 'vitest', all, { env: { ...process.env, ...env } });
  /** @type {Counts} */
  const counts = { passed: 0, failed: 0, skipped: [] };
  for (const file of readReport(report)) {
    // A file that fails before its first test has none to count.
    if (file.status === 'failed' && file.assertionResults.length === 0) counts.failed++;
    for (const test of file.assertionResults) {
      if (test.status === 'passed') counts.passed++;
      else if (test.status === 'failed') counts.failed++;
      else counts.skipped.push(`${relative(root, file.name)} > ${test.fullName}`);
    }
  }
  return counted(ok, counts);
}

/** Tests of the API that say nothing of the binary: on WebAssembly they must pass as well. */
const portable = [
  ...['tensor', 'autograd', 'operations', 'badInput'],
  ...['nn/', 'optim/', 'data/', 'io/', 'transforms/', 'train/'],
];

/** Why there is no WebAssembly module, if there is none. */
let wasmMissing = '';

/**
 * The tests of the API once more; where some were named, they were meant to run once.
 *
 * @param {readonly string[]} args
 * @returns {Promise<Counts>}
 */
async function vitestOnWasm(args) {
  if (args.length > 0) return { passed: 0, failed: 0, skipped: [] };
  if (wasmMissing) return { passed: 0, failed: 0, skipped: [`all: ${wasmMissing}`] };
  const files = portable.map((name) => `__test__/${name}`);
  return vitest([...files, '--typecheck.enabled=false'], { FERROGRAD_FORCE_WASM: '1' });
}

/**
 * @param {string} file
 * @returns {{ name: string, status: string, assertionResults: { status: string, fullName: string }[] }[]} empty
 *   where vitest ended before it could write it
 */
function readReport(file) {
  try {
    return JSON.parse(readFileSync(`${root}${file}`, 'utf8')).testResults;
  } catch {
    return [];
  }
}

/** @type {Record<string, Runner[]>} */
const parts = {
  lint: [
    {
      name: 'biome (format, lint)',
      run: async () => check(await runTool('@biomejs/biome', 'biome', ['check', '--error-on-warnings', '.'])),
    },
    { name: 'rustfmt', run: async () => check(await run('cargo', ['fmt', '--all', '--check'])) },
    {
      name: 'clippy',
      run: async () => {
        const args = ['--workspace', '--all-targets', ...locked, '--', '--deny', 'warnings'];
        return check(await run('cargo', ['clippy', ...args]));
      },
    },
    { name: 'npm/ manifests', run: async () => check(await compareManifests()) },
  ],
  types: [
    {
      name: 'tsc (the API)',
      run: async () =>
        check(await runTool('typescript', 'tsc', ['--noEmit', '--project', 'src/tsconfig.json'])),
    },
    { name: 'tsc (all others)', run: async () => check(await runTool('typescript', 'tsc', [])) },
  ],
  rust: [{ name: 'cargo test', run: cargoTest }],
  js: [
    { name: 'vitest', run: (args) => vitest(args) },
    { name: 'vitest on WebAssembly', run: vitestOnWasm },
  ],
};

/** Parts that use the built package. */
const usesBuild = new Set(['types', 'js']);

/** Parts that run cargo themselves. */
const usesRust = new Set(['lint', 'rust']);

/** @returns {Promise<Counts>} */
async function buildAsTest() {
  await script(build);
  await script(async () => {
    try {
      await buildWasm();
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      wasmMissing = error.message;
    }
  });
  const ok = !process.exitCode;
  return check({ ok, output: '' });
}

await script(async () => {
  const [part, ...args] = process.argv.slice(2);
  const names = part ? [part] : Object.keys(parts);
  const runners = names.flatMap((name) => parts[name] ?? []);
  if (runners.length === 0) throw new Failure(`no part ${part}: there are ${Object.keys(parts).join(', ')}`);

  try {
    await setup();
    if (names.some((name) => usesRust.has(name)) && !(await rustCompiler())) say(rustMissing);
  } catch (error) {
    console.log('set-up failed, nothing was run\n\n0 passed, 1 failed');
    throw error;
  }
  if (names.some((name) => usesBuild.has(name))) runners.unshift({ name: 'build', run: buildAsTest });

  /** @type {(Counts & { name: string, seconds: number })[]} */
  const rows = [];
  for (const { name, run: start } of runners) {
    console.log(`\n── ${name}`);
    const from = performance.now();
    const counts = await start(args);
    rows.push({ name, ...counts, seconds: (performance.now() - from) / 1000 });
  }

  console.log('\nrunner                  passed  failed  skipped  seconds');
  for (const { name, passed, failed, skipped, seconds } of rows) {
    const cells = [
      [passed, 8],
      [failed, 8],
      [skipped.length, 9],
      [seconds.toFixed(1), 9],
    ];
    console.log(
      name.padEnd(22) + cells.map(([cell, width]) => String(cell).padStart(Number(width))).join(''),
    );
  }
  const skipped = rows.flatMap((row) => row.skipped.map((name) => `  ${row.name}: ${name}`));
  if (skipped.length > 0) console.log(`\nskipped:\n${skipped.join('\n')}`);

  /** @param {(row: (typeof rows)[number]) => number} of */
  const sum = (of) => rows.reduce((total, row) => total + of(row), 0);
  const failed = sum((row) => row.failed);
  console.log(`\n${sum((row) => row.passed)} passed, ${failed} failed, ${skipped.length} skipped`);
  process.exitCode = failed > 0 ? 1 : 0;
});
