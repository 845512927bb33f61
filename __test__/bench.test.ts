import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Train } from '../bench/case.js';
import { drawEpochs } from '../bench/charts/epoch.js';
import { drawRatios } from '../bench/charts/ratios.js';
import { drawSeries } from '../bench/charts/series.js';
import type { Measured } from '../bench/measure.js';
import { readOptions } from '../bench/options.js';
import { othersShare, sample } from '../bench/quiet.js';
import { formatReport, type Report, reasonsNotToQuote, summarize } from '../bench/report.js';
import { medianInterval, quantile } from '../bench/statistics.js';
import { isQuoted, quotedSuites } from '../bench/suites/quote.js';
import { predict } from '../bench/suites/small.js';
import { latency, mlp, scaling, seed } from '../bench/suites/training.js';
import {
  formatCase,
  formatGroups,
  formatScaling,
  formatSeconds,
  formatSeries,
  formatTook,
} from '../bench/table.js';
import { root } from '../scripts/command.js';

const machine = { cpu: 'one', cores: 2, isaFlags: [], memoryGiB: 1, system: 'any', node: 'v20' };

const head = {
  version: 1 as const,
  date: '2000-01-01',
  commit: 'abc',
  machine,
  isa: 'avx2',
  capPeers: false,
  peers: {},
  load: { start: 0, end: 0 },
  notQuotable: [],
};

function product(overrides: Partial<Measured> = {}, threads = 1): Measured {
  const square = { m: 1024, k: 1024, n: 1024, transposeA: false, transposeB: false };
  return {
    suite: 'gemm',
    name: '1024³',
    program: { program: 'matmul', ...square, threads },
    unit: { name: 'product', runs: 1 },
    flops: 2e9,
    peers: ['ferrograd', 'numpy'],
    lanes: [
      { name: 'ferrograd', seconds: [0.02, 0.02, 0.021] },
      { name: 'numpy', seconds: [0.03, 0.029, 0.03] },
    ],
    limit: [125e9, 125e9, 125e9],
    skipped: [],
    others: 0.001,
    took: 2,
    ...overrides,
  };
}

const data = { images: '', labels: '', count: 60_000 };
const digits = { train: data, inverted: { ...data, images: 'inverted' }, test: data };

/** An epoch of the suite `seed` by both of ferrograd's ways and a peer. */
function epoch(overrides: Partial<Measured> = {}): Measured {
  return {
    ...seed([1], digits)[0]!,
    lanes: [
      { name: 'ferrograd train', seconds: [1e-4] },
      { name: 'ferrograd loop', seconds: [2e-4] },
      { name: 'torch', seconds: [12e-4] },
    ],
    limit: [],
    skipped: [],
    others: 0,
    took: 40,
    ...overrides,
  };
}

describe('a run of the benchmark', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ferrograd-bench-test-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('measures, writes a report and does not let a quick run be quoted', async () => {
    const file = join(folder, 'report.json');
    const options = ['--case', 'add', '--quick', '--peers', 'none', '--json', file];
    const args = ['--import', 'tsx', 'bench/main.ts', 'tiny', ...options];
    const { code, output } = await new Promise<{ code: unknown; output: string }>((resolve) => {
      execFile(process.execPath, args, { cwd: root }, (error, stdout, stderr) =>
        resolve({ code: error?.code, output: stdout + stderr }),
      );
    });
    expect(output).toContain('add on 4×4');
    expect(output).toContain('NOT QUOTABLE: it is a quick run');
    expect(code).toBe(3);
    const report: Report = JSON.parse(await readFile(file, 'utf8'));
    expect(report.notQuotable).toContain('it is a quick run');
    expect(report.cases.map((one) => one.name)).toEqual(['add on 4×4']);
    const [lane] = report.cases[0]!.lanes;
    expect(lane?.name).toBe('ferrograd');
    expect(lane?.seconds).toHaveLength(3);
    expect(Math.min(...lane!.seconds)).toBeGreaterThan(0);
  });

  test('needs suites, peers and threads that there are', () => {
    expect(() => readOptions(['fast'])).toThrow('no suite fast: there are seed, mlp');
    expect(() => readOptions(['--peers', 'torch,brain'])).toThrow('no peer brain');
    expect(() => readOptions(['--threads', '0'])).toThrow('--threads: expected whole numbers from 1 on');
    expect(() => readOptions(['--speed', '9'])).toThrow('--speed');
    expect(() => readOptions(['--cap-peers'])).toThrow('needs --isa');
    expect(() => readOptions(['seed', '--quote'])).toThrow('name no suites');
    expect(readOptions(['seed', '--threads', '4,1', '--peers', 'none'])).toMatchObject({
      suites: ['seed'],
      threads: [4, 1],
      peers: [],
    });
  });
});

describe('cases', () => {
  test('an epoch is all its steps, and the arithmetic of its samples', () => {
    const [one] = seed([2], digits);
    const program = one!.program as Train;
    expect(one!.unit).toEqual({ name: 'epoch of 60000', runs: 938 });
    const perSample = 4 * 784 * 128 + 6 * 128 * 10;
    expect(one!.flops! * 938).toBeCloseTo(60_000 * perSample, -3);
    expect(program).toMatchObject({ layers: [784, 128, 10], batch: 64, threads: 2 });
    expect(seed([1], digits)[0]!.peers).toContain('ferrograd wasm');
  });

  test('beside images that are mostly zeros there are some without', () => {
    const images = seed([2, 1], digits).map(({ program }) => (program as Train).data?.images);
    expect(images).toEqual(['', '', 'inverted']);
  });

  test('those that claims rest on are of every suite that has a claim, without repetition', () => {
    const cases = [...seed([2, 1], digits), ...mlp([2, 1], data), ...predict(digits), ...latency(data, 2)];
    const quoted = cases
      .filter((one) => isQuoted(one, 2))
      .map(({ suite, program }) => [suite, program.threads]);
    expect(quoted).toEqual([
      ['seed', 2],
      ['seed', 1],
      ['seed', 2],
      ['mlp', 2],
      ['mlp', 2],
      ['predict', 1],
      ['predict', 1],
      ['predict', 1],
      ['latency', 2],
    ]);
    expect(quotedSuites).not.toContain('scaling');
  });

  test('scaling has a series for samples, for parameters and for threads', () => {
    const sizes = (name: string) =>
      scaling([2], data, 3).flatMap(({ series }) => (series?.name === name ? [series.size] : []));
    expect(sizes('samples')).toEqual([7_500, 15_000, 30_000, 60_000]);
    expect(sizes('parameters')[0]).toBe(784 * 32 + 32 + 32 * 10 + 10);
    expect(sizes('threads')).toEqual([1, 2, 3]);
  });
});

describe('what may be quoted', () => {
  const quiet = { load: { start: 0.1, end: 1.5 }, machine, quick: false, clean: true };

  test('a run on a quiet machine', () => {
    expect(reasonsNotToQuote({ ...quiet, cases: [product()] })).toEqual([]);
  });

  test('no run beside others', () => {
    const [before] = reasonsNotToQuote({ ...quiet, cases: [product()], load: { start: 2, end: 2 } });
    expect(before).toContain('busy before (load average 2.00)');
    const [during] = reasonsNotToQuote({ ...quiet, cases: [product({ others: 0.2 })] });
    expect(during).toContain('others took more than 3 % of the machine in 1 of 1');
  });

  test('what others took is what this process and those under it did not', () => {
    const cores = availableParallelism();
    const before = { at: 0, busy: 100, own: 10 };
    expect(othersShare(before, { at: 10, busy: 105, own: 15 })).toBe(0);
    expect(othersShare(before, { at: 10, busy: 107, own: 15 })).toBeCloseTo(2 / (10 * cores), 2);
    expect(othersShare(undefined, undefined)).toBeUndefined();
  });

  test.skipIf(process.platform !== 'linux')('work of this process and its children is its own', () => {
    const before = sample()!;
    const spin = 'const end = Date.now() + 200; while (Date.now() < end);';
    execFileSync(process.execPath, ['-e', spin]);
    const after = sample()!;
    expect(after.own - before.own).toBeGreaterThan(0.02);
    expect(after.busy - before.busy).toBeGreaterThan(0.02);
    expect(after.at - before.at).toBeGreaterThan(0.19);
  });

  test('no run whose ratios are vague for the most part', () => {
    const beside = (seconds: number[]) =>
      product({ lanes: [product().lanes[0]!, { name: 'numpy', seconds }] });
    const vague = beside([0.02, 0.03, 0.04]);
    expect(formatCase(vague)).toMatch(/1\.50 × \(1\.00 to 1\.90, vague\)/);
    expect(reasonsNotToQuote({ ...quiet, cases: [vague] })).toEqual([
      '1 of 1 ratios may be off by more than 10 %',
    ]);
    expect(reasonsNotToQuote({ ...quiet, cases: [vague, product()] })).toEqual([]);
    expect(reasonsNotToQuote({ ...quiet, cases: [beside([1, 2, 3])] })).toEqual([]); // far behind in any case
  });

  test('no code but that of the commit', () => {
    expect(reasonsNotToQuote({ ...quiet, cases: [product()], clean: false })).toEqual([
      'the code is not that of the commit',
    ]);
  });
});

describe('tables', () => {
  test('quantiles lie between neighbours', () => {
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
  });

  test('a median lies where so many elements are on both sides by chance', () => {
    const upTo = (n: number) => medianInterval(Array.from({ length: n }, (_, i) => n - i));
    expect(upTo(5)).toEqual({ low: 1, high: 5 }); // too few to leave any out
    expect(upTo(9)).toEqual({ low: 2, high: 8 }); // 2 · (1 + 9) / 2⁹ < 5 %
    expect(upTo(25)).toEqual({ low: 8, high: 18 }); // as in tables of the sign test
  });

  test('times have three digits and a unit', () => {
    expect([12.345, 0.0123, 1.5e-6, 99e-9].map(formatSeconds)).toEqual([
      '12.3 s',
      '12.3 ms',
      '1.50 µs',
      '99.0 ns',
    ]);
  });

  test('a case gives medians, spread, ratio and the share of the peak', () => {
    expect(summarize(product())).toEqual([
      { name: 'ferrograd', median: 0.02, min: 0.02, max: 0.021, ratios: [], share: 0.8 },
      {
        name: 'numpy',
        median: 0.03,
        min: 0.029,
        max: 0.03,
        ratios: [{ to: 'ferrograd', ratio: 1.45, low: expect.closeTo(1.4286, 4), high: expect.closeTo(1.5) }],
        share: expect.closeTo(0.533, 3),
      },
    ]);
    const lines = formatCase(product({ skipped: [{ name: 'gemm', why: 'not there' }] }));
    expect(lines).toMatch(/ferrograd +20\.0 ms \(20\.0 ms to 21\.0 ms\) +80 % of peak/);
    expect(lines).toMatch(/numpy +30\.0 ms .+ 53 % of peak +1\.45 × \(1\.43 to 1\.50\)/);
    expect(lines).toMatch(/gemm +skipped: not there/);
  });

  test('a peer is compared with each of ferrograd’s ways, and these with the first', () => {
    const lines = formatCase(epoch({ limit: [] }));
    expect(lines).toMatch(/ferrograd train +93\.8 ms/);
    expect(lines).toMatch(/ferrograd loop +188 ms .+ 2\.00 × \(2\.00 to 2\.00\)$/m);
    expect(lines).toMatch(
      /torch +1\.13 s .+ 12\.0 × train \(12\.0 to 12\.0\), +6\.00 × loop \(6\.00 to 6\.00\)$/m,
    );
  });

  test('the longest delays scatter, and are no less true for that', () => {
    const [one] = latency(data, 2);
    const lanes = [{ name: 'message max', seconds: [0.001, 0.002, 0.009] }];
    const delays: Measured = { ...one!, lanes, limit: [], skipped: [], others: 0, took: 9 };
    expect(
      reasonsNotToQuote({ load: head.load, machine, quick: false, clean: true, cases: [delays] }),
    ).toEqual([]);
    expect(formatCase(delays)).toMatch(/message max +2\.00 ms \(1\.00 ms to 9\.00 ms\)$/m);
  });

  test('a series says how time grows from its smallest case to its largest', () => {
    const at = (size: number, seconds: number) =>
      epoch({
        suite: 'scaling',
        series: { name: 'samples', size },
        unit: { name: 'epoch', runs: 1 },
        lanes: [{ name: 'ferrograd train', seconds: [seconds] }],
      });
    const cases = [at(400, 0.36), at(100, 0.1), at(200, 0.19)];
    expect(formatSeries(cases)).toEqual(['    samples, ferrograd train: 4.00 × as many take 3.60 × as long']);
    const drawn = drawSeries([{ ...head, cases }]);
    expect(drawn.match(/<circle class="own0" cx="[\d.]+" cy="[\d.]+" r="3.5"/g)).toHaveLength(3);
    expect(drawn).toContain('against samples');
    expect(() => drawSeries([{ ...head, cases: [product()] }])).toThrow('no suite scaling');
  });

  test('a group counts where ferrograd is behind', () => {
    const slower = product({
      name: 'odd',
      lanes: [
        { name: 'ferrograd', seconds: [2] },
        { name: 'numpy', seconds: [1] },
      ],
    });
    const lines = formatGroups([product(), slower].map((one) => ({ ...one, group: 'random shapes' })));
    expect(lines.join('\n')).toContain(
      'ferrograd against numpy: slower on 1 of 2, median ratio 1.00, worst 0.50 (odd)',
    );
  });

  test('threads are measured by what the peak gains', () => {
    const twice = product({ lanes: [{ name: 'ferrograd', seconds: [0.0125] }], limit: [250e9] }, 2);
    expect(formatScaling([twice, product()])[0]).toContain(
      '1.60 × with 2 threads, 80 % of what the peak gains',
    );
  });

  test('the chart of epochs draws a bar for each, as long as it takes', () => {
    const drawn = drawEpochs([{ ...head, cases: [epoch(), product()] }]);
    const width = (kind: string) =>
      [...drawn.matchAll(new RegExp(`class="${kind}" .*? width="([\\d.]+)"`, 'g'))].map(([, w]) => Number(w));
    const [train, loop] = width('own0');
    expect(loop! / train!).toBeCloseTo(2, 1);
    expect(width('peer0')[0]! / train!).toBeCloseTo(12, 0);
    expect(drawn).toContain('1.13 s');
    expect(() => drawEpochs([{ ...head, cases: [product()] }])).toThrow('no suite seed');
  });

  test('the chart draws ratios, also where a peer is faster', () => {
    const faster = product();
    faster.lanes[1]!.seconds = [0.01];
    const draw = (one: Measured) => drawRatios([{ ...head, cases: [one] }]);
    expect(draw(product())).toContain('1.45 ×');
    expect(draw(product())).not.toContain('class="slower0"');
    expect(draw(faster)).toContain('class="slower0"');
    expect(() => draw(product({ suite: 'other' }))).toThrow('nothing that the chart shows');
  });

  test('what measuring took is told by suite', () => {
    expect(formatTook([epoch(), product(), epoch()])).toBe('seed 80 s, gemm 2 s; 82 s');
  });

  test('a report is JSON with a line for each case', () => {
    const text = formatReport({ ...head, cases: [product(), product()] });
    expect(JSON.parse(text)).toEqual({ ...head, cases: [product(), product()] });
    expect(text.split('\n').filter((line) => line.includes('1024³'))).toHaveLength(2);
  });
});
