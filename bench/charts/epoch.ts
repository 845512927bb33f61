/** How long an epoch of the tutorial's net takes, from zero on: ferrograd in its ways, and its peers. */
import { Failure } from '../../scripts/command.js';
import { isOwn } from '../peers.js';
import { type Report, summarize } from '../report.js';
import { formatSeconds } from '../table.js';
import { bar, labelOf, line, picture, text, WIDTH } from './svg.js';

/** Names end here, and the bars are to the right of it. */
const NAMES = 116;
const LEFT = NAMES + 10;
const RIGHT = WIDTH - 70;
const BAR = 18;
const TOP = 60;

/** A step of the axis, in seconds: 1, 2 or 5 times a power of ten, and at most six of them. */
function stepUpTo(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most / 6));
  return power * ([1, 2, 5, 10].find((factor) => factor * power * 6 >= most) as number);
}

export function drawEpochs(reports: readonly Report[]): string {
  const groups = reports.flatMap((report) =>
    report.cases
      .filter(({ suite }) => suite === 'seed')
      .map((measured) => {
        const { threads } = measured.program;
        const { isa, capPeers } = report;
        const title = `${threads} ${threads === 1 ? 'thread' : 'threads'}, ${isa}${capPeers ? ', peers too' : ''}`;
        const what = `${measured.name}: an ${measured.unit.name} images`;
        return { title, what, bars: summarize(measured) };
      }),
  );
  const [first, ...others] = reports;
  const [group] = groups;
  if (!first || !group) throw new Failure('these reports have no suite seed');
  const most = Math.max(...groups.flatMap(({ bars }) => bars.map(({ median }) => median)));
  const x = (seconds: number) => LEFT + (seconds / most) * (RIGHT - LEFT);
  const step = stepUpTo(most);
  const ticks = Array.from({ length: Math.floor(most / step) + 1 }, (_, i) => i * step);

  const marks: string[] = [];
  let y = TOP;
  for (const { title, bars } of groups) {
    y += 18;
    marks.push(text(8, y, title, 'class="group"'));
    y += 8;
    for (const tick of ticks) marks.push(line('grid', x(tick), y - 2, x(tick), y + bars.length * BAR));
    for (const { name, median } of bars) {
      marks.push(
        text(NAMES, y + BAR - 6, labelOf(name), 'text-anchor="end"'),
        bar(isOwn(name) ? 'own0' : 'peer0', LEFT, y, x(median) - LEFT, BAR - 4),
        text(x(median) + 5, y + BAR - 6, formatSeconds(median), 'class="value"'),
      );
      y += BAR;
    }
    y += 6;
  }
  const axis = ticks.map((tick) =>
    text(x(tick), y + 10, tick === 0 ? '0' : `${Number(tick.toPrecision(2))} s`, 'text-anchor="middle"'),
  );
  return picture(group.what, [first, ...others], 'shorter is better', y + 22, [...marks, ...axis]);
}
