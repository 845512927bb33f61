/**
 * Draws reports as one chart: how many times as long as ferrograd each peer takes.
 *
 *   npx tsx bench/chart.ts bench/results/*.json > bench/results/speed.svg
 *
 * Reports of several instruction sets become several bars for each peer.
 */
import { readFileSync } from 'node:fs';
import { argv, stdout } from 'node:process';
import { Failure, script } from '../scripts/command.js';
import type { Measured } from './measure.js';
import { type Report, summarize } from './report.js';
import { formatNumber } from './table.js';

interface Bar {
  isa: string;
  ratio: number;
}

interface Row {
  peer: string;
  bars: Bar[];
}

interface Group {
  title: string;
  rows: Row[];
}

/** What the chart shows, top to bottom: a case of each, with as many threads. */
const shown: { suite: string; name: string; threads: number; title: string }[] = [
  { suite: 'seed', name: '784-128-10', threads: 2, title: 'Train 784-128-10, batch 64, 2 threads' },
  { suite: 'seed', name: '784-128-10', threads: 1, title: 'Train 784-128-10, batch 64, 1 thread' },
  { suite: 'mlp', name: 'batch 128', threads: 2, title: 'Train 784-512-512-10, batch 128, 2 threads' },
  { suite: 'tiny', name: '4-16-2', threads: 1, title: 'Train 4-16-2, batch 8, a step' },
  { suite: 'predict', name: '', threads: 1, title: 'Classify one image' },
  { suite: 'gemm', name: '1024³', threads: 1, title: 'Multiply 1024 × 1024 matrices, 1 thread' },
  { suite: 'ops', name: 'softmax [128, 1000]', threads: 1, title: 'Softmax of 128 × 1000, 1 thread' },
  { suite: 'start', name: '', threads: 0, title: 'Start a process and train a step' },
];

const labels: Record<string, string> = {
  torch: 'PyTorch',
  numpy: 'NumPy',
  gemm: 'gemm (Rust)',
  'jax-js': 'jax-js',
  'tfjs-wasm': 'TensorFlow.js',
};

function groupsOf(reports: readonly Report[]): Group[] {
  return shown.flatMap(({ suite, name, threads, title }) => {
    const rows = new Map<string, Bar[]>();
    for (const { isa, cases } of reports) {
      const fits = (one: Measured) =>
        one.suite === suite && one.name.includes(name) && one.program.threads === threads && !one.group;
      const found = cases.find(fits);
      for (const { name, ratio } of found ? summarize(found) : []) {
        if (ratio === undefined || !(name in labels)) continue;
        rows.set(name, [...(rows.get(name) ?? []), { isa, ratio }]);
      }
    }
    return rows.size > 0 ? [{ title, rows: [...rows].map(([peer, bars]) => ({ peer, bars })) }] : [];
  });
}

const WIDTH = 760;
/** Names of the peers end here, and the bars are to the right of it. */
const NAMES = 106;
const LEFT = NAMES + 10;
const RIGHT = WIDTH - 60;
const BAR = 13;
const TOP = 70;

// Drawn on whatever is behind it, so it follows the viewer's light or dark theme.
const style = `
  text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #59636e }
  .title { font-size: 16px; font-weight: 600; fill: #1f2328 }
  .group { font-weight: 600; fill: #1f2328 }
  .value { font-size: 11px }
  .grid { stroke: #d1d9e0; stroke-opacity: 0.7 }
  .one { stroke: #59636e }
  .bar0 { fill: #0969da }
  .bar1 { fill: #80b3ee }
  .slower0 { fill: #bc4c00 }
  .slower1 { fill: #f0a070 }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1 }
    .title, .group { fill: #f0f6fc }
    .grid { stroke: #3d444d }
    .one { stroke: #9198a1 }
    .bar0 { fill: #4493f8 }
    .bar1 { fill: #1f4f8f }
    .slower0 { fill: #db6d28 }
    .slower1 { fill: #7d3a10 }
  }`;

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escaped(content)}</text>`;
}

export function drawChart(reports: readonly Report[]): string {
  const groups = groupsOf(reports);
  const [first] = reports;
  if (!first || groups.length === 0) throw new Failure('these reports have nothing that the chart shows');
  const ratios = groups.flatMap(({ rows }) => rows.flatMap(({ bars }) => bars.map(({ ratio }) => ratio)));
  const [low, high] = [Math.min(1, ...ratios), Math.max(2, ...ratios)].map(Math.log) as [number, number];
  const x = (ratio: number) => LEFT + ((Math.log(ratio) - low) / (high - low)) * (RIGHT - LEFT);
  const ticks = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].filter(
    (tick) => Math.log(tick) >= low && Math.log(tick) <= high,
  );

  const marks: string[] = [];
  let y = TOP;
  for (const { title, rows } of groups) {
    y += 26;
    marks.push(text(8, y, title, 'class="group"'));
    y += 8;
    const height = rows.reduce((sum, { bars }) => sum + bars.length * BAR + 5, 0) - 5;
    for (const tick of ticks) {
      const at = x(tick).toFixed(1);
      const kind = tick === 1 ? 'one' : 'grid';
      marks.push(`<line class="${kind}" x1="${at}" x2="${at}" y1="${y - 2}" y2="${y + height}"/>`);
    }
    for (const { peer, bars } of rows) {
      marks.push(text(NAMES, y + (bars.length * BAR) / 2 + 3, labels[peer] ?? peer, 'text-anchor="end"'));
      for (const { isa, ratio } of bars) {
        const [from, to] = [Math.min(x(ratio), x(1)), Math.max(x(ratio), x(1))];
        const report = reports.findIndex((report) => report.isa === isa);
        const kind = `${ratio < 1 ? 'slower' : 'bar'}${report}`;
        const box = `x="${from.toFixed(1)}" y="${y}" width="${Math.max(1, to - from).toFixed(1)}" height="${BAR - 2}"`;
        marks.push(
          `<rect class="${kind}" ${box} rx="1"/>`,
          text(to + 5, y + BAR - 3.5, `${formatNumber(ratio)} ×`, 'class="value"'),
        );
        y += BAR;
      }
      y += 5;
    }
  }
  const bottom = y + 14;
  const axis = ticks.map((tick) =>
    text(x(tick), bottom, tick === 1 ? 'ferrograd' : `${tick} ×`, 'text-anchor="middle"'),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${bottom + 12}" width="${WIDTH}" role="img"`,
    ` aria-label="How many times as long as ferrograd its peers take">`,
    `<style>${style}\n</style>`,
    text(8, 24, 'How many times as long as ferrograd its peers take', 'class="title"'),
    text(
      8,
      44,
      `${first.machine.cpu}, ${first.machine.cores} cores, ${first.date.slice(0, 10)}; logarithmic`,
    ),
    ...legend(reports),
    ...marks,
    ...axis,
    '</svg>\n',
  ].join('\n');
}

/** Which bar is which instruction set. */
function legend(reports: readonly Report[]): string[] {
  return reports.flatMap(({ isa, capPeers }, i) => {
    const at = 8 + i * 230;
    const name = `ferrograd on ${isa}${capPeers ? ', peers too' : ''}`;
    return [
      `<rect class="bar${i}" x="${at}" y="54" width="10" height="10" rx="1"/>`,
      text(at + 16, 63, name),
    ];
  });
}

if (argv[1]?.endsWith('chart.ts')) {
  await script(async () => {
    const reports: Report[] = argv.slice(2).map((file) => JSON.parse(readFileSync(file, 'utf8')));
    const doubtful = reports.find(({ notQuotable }) => notQuotable.length > 0);
    if (doubtful) throw new Failure(`not quotable: ${doubtful.notQuotable.join('; ')}`);
    stdout.write(drawChart(reports));
  });
}
