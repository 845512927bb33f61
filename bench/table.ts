/** A report for people. */
import type { Measured } from './measure.js';
import { isOwn } from './peers.js';
import { isDisturbed, isVague, type Report, type Summary, seriesOf, summarize } from './report.js';
import { median } from './statistics.js';

/** Three digits, in the unit that fits. */
export function formatSeconds(seconds: number): string {
  const [factor, unit] =
    seconds >= 1 ? [1, 's'] : seconds >= 1e-3 ? [1e3, 'ms'] : seconds >= 1e-6 ? [1e6, 'µs'] : [1e9, 'ns'];
  return `${formatNumber(seconds * (factor as number))} ${unit}`;
}

export function formatNumber(x: number): string {
  return x >= 99.95 ? x.toFixed(0) : x >= 9.995 ? x.toFixed(1) : x.toFixed(2);
}

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;

function threadsOf({ program }: Measured): string {
  if (program.threads === 0) return 'threads as each likes';
  return program.threads === 1 ? '1 thread' : `${program.threads} threads`;
}

/** `12.6 × (12.1 to 12.9)` where there is one of ferrograd's, else `12.6 × train (12.1 to 12.9), 6.31 × loop (…)`. */
function compared({ name, ratios }: Summary, measured: Measured): string {
  const own = measured.lanes.filter((lane) => isOwn(lane.name));
  const told = ratios.map((one) => {
    const { to, ratio, low, high } = one;
    const which = own.length > 1 && !isOwn(name) ? ` ${to.replace('ferrograd ', '')}` : '';
    return `${`${formatNumber(ratio)} ×`.padStart(8)}${which} (${formatNumber(low)} to ${formatNumber(high)}${isVague(one) ? ', vague' : ''})`;
  });
  return told.join(',');
}

function lineOf(summary: Summary, measured: Measured, width: number): string {
  const { name, median, min, max, share } = summary;
  const time = formatSeconds(median).padStart(9);
  const spread = `(${formatSeconds(min)} to ${formatSeconds(max)})`.padEnd(24);
  const of = measured.flops === undefined ? 'of bandwidth' : 'of peak';
  const used = (share === undefined ? '' : `${percent(share)} ${of}`).padStart(10 + of.length - 4);
  return `    ${name.padEnd(width)} ${time} ${spread} ${used} ${compared(summary, measured)}`.trimEnd();
}

export function formatCase(measured: Measured): string {
  const doubts = [
    isDisturbed(measured) && `others took ${percent(measured.others ?? 0)} of the machine`,
  ].filter(Boolean);
  const title = `  ${measured.name}, ${threadsOf(measured)}, each ${measured.unit.name}`;
  const width = Math.max(10, ...[...measured.lanes, ...measured.skipped].map(({ name }) => name.length));
  return [
    title + (doubts.length > 0 ? `   [${doubts.join(', ')}]` : ''),
    ...summarize(measured).map((summary) => lineOf(summary, measured, width)),
    ...measured.skipped.map(({ name, why }) => `    ${name.padEnd(width)} skipped: ${why}`),
  ].join('\n');
}

/** ferrograd's lanes, and the native function by itself. */
const isMeasuredAgainst = (name: string): boolean => isOwn(name) || name === 'kernel';

/** Cases of a group: how often, and by how much at worst, ferrograd and the bare kernel are behind each peer. */
export function formatGroups(cases: readonly Measured[]): string[] {
  const groups = new Map<string, Measured[]>();
  for (const one of cases) {
    if (one.group === undefined) continue;
    const title = `${one.group}, ${threadsOf(one)}`;
    groups.set(title, [...(groups.get(title) ?? []), one]);
  }
  return [...groups].flatMap(([title, members]) => {
    const lines = [`  ${members.length} ${title}`];
    const names = [...new Set(members.flatMap((one) => one.lanes.map((lane) => lane.name)))];
    for (const own of names.filter(isMeasuredAgainst)) {
      for (const peer of names.filter((name) => !isMeasuredAgainst(name))) {
        const ratios = members.flatMap((one) => {
          const [mine, theirs] = [own, peer].map((name) => one.lanes.find((lane) => lane.name === name));
          if (!mine || !theirs) return [];
          return [{ name: one.name, ratio: median(theirs.seconds) / median(mine.seconds) }];
        });
        if (ratios.length === 0) continue;
        const worst = ratios.reduce((a, b) => (b.ratio < a.ratio ? b : a));
        const behind = ratios.filter(({ ratio }) => ratio < 1).length;
        lines.push(
          `    ${own} against ${peer}: slower on ${behind} of ${ratios.length}, ` +
            `median ratio ${formatNumber(median(ratios.map(({ ratio }) => ratio)))}, ` +
            `worst ${formatNumber(worst.ratio)} (${worst.name})`,
        );
      }
    }
    return lines;
  });
}

/** What more threads gain where one is measured too, and what the peak of the machine gains. */
export function formatScaling(cases: readonly Measured[]): string[] {
  return cases.flatMap((many) => {
    const same = (one: Measured) => one.suite === many.suite && one.name === many.name;
    const one = cases.find((other) => same(other) && other.program.threads === 1);
    if (!one || many.program.threads === 1 || many.group !== undefined || many.flops === undefined) return [];
    const peak = median(many.limit) / median(one.limit);
    const names = many.lanes.map(({ name }) => name).filter(isMeasuredAgainst);
    return names.flatMap((name) => {
      const [few, more] = [one, many].map(({ lanes }) => lanes.find((lane) => lane.name === name));
      if (!few || !more || Number.isNaN(peak)) return [];
      const gain = median(few.seconds) / median(more.seconds);
      return [
        `    ${many.suite}, ${many.name}, ${name}: ${formatNumber(gain)} × with ${threadsOf(many)}, ` +
          `${percent(gain / peak)} of what the peak gains (${formatNumber(peak)} ×)`,
      ];
    });
  });
}

/** How long each suite took to measure. */
export function formatTook(cases: readonly Measured[]): string {
  const suites = [...new Set(cases.map(({ suite }) => suite))];
  const seconds = (suite: string) =>
    cases.reduce((sum, one) => sum + (one.suite === suite ? one.took : 0), 0);
  const total = cases.reduce((sum, { took }) => sum + took, 0);
  return `${suites.map((suite) => `${suite} ${seconds(suite)} s`).join(', ')}; ${total} s`;
}

/** How time grows along each series: from its smallest case to its largest. */
export function formatSeries(cases: readonly Measured[]): string[] {
  return seriesOf(cases).flatMap(({ name, curves }) =>
    curves.flatMap(({ lane, points }) => {
      const [from, to] = [points[0], points.at(-1)];
      if (!from || !to || from === to) return [];
      return [
        `    ${name}, ${lane}: ${formatNumber(to.size / from.size)} × as many take ` +
          `${formatNumber(to.seconds / from.seconds)} × as long`,
      ];
    }),
  );
}

export function formatHead({
  machine,
  isa,
  capPeers,
  commit,
  peers,
  load,
}: Omit<Report, 'cases' | 'notQuotable'>) {
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}, Node.js ${machine.node}`,
    `ferrograd at ${commit} on ${isa}; peers use ${capPeers ? 'no more than that' : 'the best they have'}; load ${load.start?.toFixed(2) ?? 'unknown'}`,
    ...Object.entries(peers).map(([name, about]) => `  ${name}: ${JSON.stringify(about)}`),
  ].join('\n');
}
