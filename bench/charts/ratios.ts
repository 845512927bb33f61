/** How many times as long as ferrograd each peer takes: many suites in one picture, on a logarithmic scale. */
import { Failure } from '../../scripts/command.js';
import type { Measured } from '../measure.js';
import { isVague, type Ratio, type Report, summarize } from '../report.js';
import { formatNumber } from '../table.js';
import { bar, isPeer, labelOf, legend, line, picture, text, WIDTH } from './svg.js';

interface Bar extends Ratio {
  isa: string;
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
  { suite: 'seed', name: 'without zeros', threads: 2, title: 'The same, images without zeros' },
  { suite: 'seed', name: '784-128-10', threads: 1, title: 'Train 784-128-10, batch 64, 1 thread' },
  { suite: 'mlp', name: 'batch 128', threads: 2, title: 'Train 784-512-512-10, batch 128, 2 threads' },
  { suite: 'tiny', name: '4-16-2', threads: 1, title: 'Train 4-16-2, batch 8, a step' },
  { suite: 'evaluate', name: 'batch 64', threads: 2, title: 'Accuracy over 10,000 images, 2 threads' },
  { suite: 'predict', name: 'one', threads: 1, title: 'Classify one image' },
  { suite: 'gemm', name: '1024³', threads: 1, title: 'Multiply 1024 × 1024 matrices, 1 thread' },
  { suite: 'ops', name: 'softmax [128, 1000]', threads: 1, title: 'Softmax of 128 × 1000, 1 thread' },
  { suite: 'start', name: '', threads: 0, title: 'Start a process and train a step' },
];

function groupsOf(reports: readonly Report[]): Group[] {
  return shown.flatMap(({ suite, name, threads, title }) => {
    const rows = new Map<string, Bar[]>();
    for (const { isa, cases } of reports) {
      const fits = (one: Measured) =>
        one.suite === suite && one.name.includes(name) && one.program.threads === threads && !one.group;
      const found = cases.find(fits);
      for (const { name, ratios } of found ? summarize(found) : []) {
        const [first] = ratios;
        if (!first || !isPeer(name)) continue;
        rows.set(name, [...(rows.get(name) ?? []), { isa, ...first }]);
      }
    }
    return rows.size > 0 ? [{ title, rows: [...rows].map(([peer, bars]) => ({ peer, bars })) }] : [];
  });
}

/** Names of the peers end here, and the bars are to the right of it. */
const NAMES = 106;
const LEFT = NAMES + 10;
const RIGHT = WIDTH - 60;
const BAR = 13;
const TOP = 70;

export function drawRatios(reports: readonly Report[]): string {
  const groups = groupsOf(reports);
  const [first, ...others] = reports;
  if (!first || groups.length === 0) throw new Failure('these reports have nothing that the chart shows');
  const ratios = groups.flatMap(({ rows }) => rows.flatMap(({ bars }) => bars.map(({ ratio }) => ratio)));
  const [low, high] = [Math.min(1, ...ratios), Math.max(2, ...ratios)].map(Math.log) as [number, number];
  const x = (ratio: number) => LEFT + ((Math.log(ratio) - low) / (high - low)) * (RIGHT - LEFT);
  const clip = (ratio: number) => Math.min(RIGHT, Math.max(LEFT, x(ratio)));
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
      marks.push(line(tick === 1 ? 'one' : 'grid', x(tick), y - 2, x(tick), y + height));
    }
    for (const { peer, bars } of rows) {
      marks.push(text(NAMES, y + (bars.length * BAR) / 2 + 3, labelOf(peer), 'text-anchor="end"'));
      for (const one of bars) {
        const { isa, ratio, low, high } = one;
        const vague = isVague(one);
        const [from, to] = [Math.min(x(ratio), x(1)), Math.max(x(ratio), x(1))];
        const report = reports.findIndex((report) => report.isa === isa);
        const kind = `${ratio < 1 ? 'slower' : 'bar'}${report}${vague ? ' vague' : ''}`;
        const value = vague ? `${formatNumber(low)} to ${formatNumber(high)}` : formatNumber(ratio);
        marks.push(
          bar(kind, from, y, to - from, BAR - 2),
          line('interval', clip(low), y + BAR / 2 - 1, clip(high), y + BAR / 2 - 1),
          text(Math.max(to, clip(high)) + 5, y + BAR - 3.5, `${value} ×`, 'class="value"'),
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
  const title = 'How many times as long as ferrograd its peers take';
  return picture(
    title,
    [first, ...others],
    'logarithmic; thin lines: 95 % confidence; pale: vague',
    bottom + 12,
    [...legend(reports, 'bar'), ...marks, ...axis],
  );
}
