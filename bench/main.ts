/** `npm run bench`: measures the suites, prints the tables, writes the report. `--help` says how. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { argv } from 'node:process';
import { Failure, say, script } from '../scripts/command.js';
import type { Case } from './case.js';
import { coldStarts } from './coldStart.js';
import { writeDigits } from './digits.js';
import { describeCommit, describeMachine } from './machine.js';
import { type Effort, type Measured, measure } from './measure.js';
import { help, type Options, readOptions } from './options.js';
import { type About, ChildParticipant, type Command, type Participant } from './participant.js';
import { buildNative, isInstalled, isOwn, peers } from './peers.js';
import { load } from './quiet.js';
import { formatReport, type Report, reasonsNotToQuote } from './report.js';
import { gemm } from './suites/gemm.js';
import { ops } from './suites/ops.js';
import { isQuoted, quotedSuites } from './suites/quote.js';
import { evaluate, predict, start, tiny } from './suites/small.js';
import { latency, mlp, scaling, seed } from './suites/training.js';
import { formatCase, formatGroups, formatHead, formatScaling, formatSeries, formatTook } from './table.js';

const efforts: Record<'full' | 'quick', Effort> = {
  full: { turns: 25, seconds: 0.05, warmUp: 1 },
  quick: { turns: 3, seconds: 0.01, warmUp: 0 },
};

function effortOf(one: Case, quick: boolean): Effort {
  if (quick) return efforts.quick;
  // The random shapes are many, so each is short.
  if (one.group === 'random shapes') return { turns: 7, seconds: 0.015, warmUp: 0 };
  // A percentile takes many delays.
  if (one.program.program === 'latency') return { turns: 5, seconds: 1, warmUp: 0 };
  if (one.suite === 'start') return { ...efforts.full, warmUp: 0 };
  return efforts.full;
}

/** Exit code of a run that must not be quoted. */
const NOT_QUOTABLE = 3;

/** Suites that work on images. */
const onDigits = ['seed', 'mlp', 'evaluate', 'predict', 'latency', 'scaling'];

async function casesOf(options: Options, folder: string): Promise<Case[]> {
  const { threads, quick, quote, filter } = options;
  const suites = quote ? quotedSuites : options.suites;
  const digits = suites.some((suite) => onDigits.includes(suite)) ? await writeDigits(folder) : undefined;
  const cores = availableParallelism();
  const all: Record<Options['suites'][number], () => Case[]> = {
    seed: () => seed(threads, digits!),
    mlp: () => mlp(threads, digits!.train),
    evaluate: () => evaluate(threads, digits!.test),
    predict: () => predict(digits!),
    start,
    latency: () => latency(digits!.train, cores),
    tiny,
    ops: () => ops(threads),
    gemm: () => gemm(threads, quick ? 12 : 300),
    scaling: () => scaling(threads, digits!.train, cores),
  };
  return suites
    .flatMap((suite) => all[suite]())
    .filter((one) => one.name.includes(filter) && (!quote || isQuoted(one, Math.max(...threads))));
}

/** Starts whoever has a case to do, and says who is missing. */
async function startAll(options: Options, cases: readonly Case[]) {
  const settings = { isa: options.isa, capPeers: options.capPeers };
  const running = new Map<string, ChildParticipant>();
  const starting = new Map<string, Participant>();
  const wanted = new Set(cases.flatMap((one) => one.peers));
  const missing: string[] = [];
  const begin = async (command: Command) => {
    try {
      running.set(command.name, await ChildParticipant.start(command));
    } catch (error) {
      // Of a whole stack trace, the line that says what is wrong.
      const { message } = error as Error;
      missing.push(`${command.name}: ${message.match(/^\s*\w*Error.*$/m)?.[0].trim() ?? message}`);
    }
  };

  for (const [name, peer] of Object.entries(peers(settings))) {
    if (!wanted.has(name) || (!isOwn(name) && !options.peers.includes(name))) continue;
    if (!isInstalled(peer)) {
      missing.push(`${name}: not installed, npm run bench:peers does it`);
      continue;
    }
    await begin(peer.command);
    const participant = running.get(name);
    if (participant && peer.isa !== undefined && participant.about.isa !== peer.isa) {
      missing.push(`${name}: runs on ${participant.about.isa}, there is no build for ${peer.isa} here`);
      running.delete(name);
      await participant.end();
    }
    if (peer.firstStep) starting.set(name, coldStarts(peer.firstStep));
  }
  if (cases.some(({ flops, bytes }) => flops !== undefined || bytes !== undefined)) {
    const native = await buildNative(settings);
    if (native) {
      if (wanted.has('kernel')) await begin(native);
      await begin({ ...native, name: 'yardstick' });
    } else {
      missing.push('kernel and yardstick: crates/core does not compile here: no shares of the peak');
    }
  }
  return { running, starting, missing };
}

async function bench(options: Options): Promise<void> {
  const loadBefore = load();
  const { commit, clean } = describeCommit();
  const folder = mkdtempSync(join(tmpdir(), 'ferrograd-bench-'));
  try {
    const cases = await casesOf(options, folder);
    if (cases.length === 0)
      throw new Failure(`no case of ${options.suites.join(', ')} has ${options.filter}`);
    const { running, starting, missing } = await startAll(options, cases);
    const own = [...running.values()].find(({ name }) => isOwn(name));
    if (!own) throw new Failure(missing.join('\n'));

    const about = new Map<string, About>([...running].map(([name, one]) => [name, one.about]));
    const head = {
      version: 1 as const,
      date: new Date().toISOString(),
      commit,
      machine: describeMachine(),
      isa: String(own.about.isa),
      capPeers: options.capPeers,
      peers: Object.fromEntries(about),
      load: { start: loadBefore, end: undefined as number | undefined },
    };
    console.log(formatHead(head));
    for (const line of missing) console.log(`  skipped: ${line}`);

    const measured: Measured[] = [];
    for (const one of cases) {
      if (measured.at(-1)?.suite !== one.suite) console.log(`\n${one.suite}`);
      const available: ReadonlyMap<string, Participant> = one.suite === 'start' ? starting : running;
      const participants = one.peers.flatMap((name) => available.get(name) ?? []);
      const effort = effortOf(one, options.quick);
      const result = await measure(one, participants, running.get('yardstick'), effort);
      measured.push(result);
      if (one.group !== 'random shapes') console.log(formatCase(result));
    }
    for (const participant of running.values()) await participant.end();

    head.load.end = load();
    const run = { ...head, cases: measured };
    const notQuotable = reasonsNotToQuote({ ...run, quick: options.quick, clean });
    const report: Report = { ...run, notQuotable };
    finish(report, options.json);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function finish(report: Report, file: string | undefined): void {
  const groups = formatGroups(report.cases);
  const threads = formatScaling(report.cases);
  const series = formatSeries(report.cases);
  if (groups.length > 0) console.log(`\ngroups\n${groups.join('\n')}`);
  if (threads.length > 0) console.log(`\nthreads\n${threads.join('\n')}`);
  if (series.length > 0) console.log(`\nseries\n${series.join('\n')}`);
  console.log(`\nmeasuring took: ${formatTook(report.cases)}`);
  if (file) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, formatReport(report));
  }
  if (report.notQuotable.length > 0) {
    console.log(`\nNOT QUOTABLE: ${report.notQuotable.join('; ')}`);
    process.exitCode = NOT_QUOTABLE;
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

await script(async () => {
  const options = readOptions(argv.slice(2));
  if (options === 'help') {
    console.log(help);
    return;
  }
  say('measuring; leave the machine alone meanwhile …');
  await bench(options);
});
