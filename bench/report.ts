/** What a run leaves: the file of `--json`, from which tables and the chart are made. */
import type { Machine } from './machine.js';
import type { Measured } from './measure.js';
import type { About } from './participant.js';
import { isOwn } from './peers.js';
import { type Interval, median, medianInterval } from './statistics.js';

export interface Report {
  /** Of this layout. */
  version: 1;
  date: string;
  commit: string;
  machine: Machine;
  /** Of ferrograd in this run. */
  isa: string;
  /** Whether the peers were kept to the same instruction set. */
  capPeers: boolean;
  /** What each of them says of itself. */
  peers: Record<string, About>;
  load: { start: number | undefined; end: number | undefined };
  /** Why nobody should quote it; empty for a run that counts. */
  notQuotable: string[];
  cases: Measured[];
}

/** A load average from which on somebody else is at work, for each core. */
const BUSY_LOAD = 0.25;
/** The share of the machine that others may take during a case. */
const BUSY_SHARE = 0.03;
/** What a ratio may be off by, as a share of it, with a probability of 95 %. */
const VAGUE = 0.1;
/** Who takes so many times as long is so far behind that it does not matter how many times it is. */
const FAR_BEHIND = 5;
/** The share of cases that may be disturbed: 300 random shapes are not all lucky. */
const UNLUCKY = 0.05;

/** Whether a ratio is not known well enough to be quoted: its interval may be, then. */
export function isVague({ ratio, low, high }: Ratio): boolean {
  return low < FAR_BEHIND && (high > ratio * (1 + VAGUE) || low < ratio * (1 - VAGUE));
}

export function isDisturbed({ others }: Measured): boolean {
  return others !== undefined && others > BUSY_SHARE;
}

export function reasonsNotToQuote(
  run: Pick<Report, 'cases' | 'load' | 'machine'> & { quick: boolean; clean: boolean },
): string[] {
  const { cases, load, machine, quick, clean } = run;
  const reasons: string[] = [];
  if (quick) reasons.push('it is a quick run');
  if (!clean) reasons.push('the code is not that of the commit');
  if (load.start !== undefined && load.start > BUSY_LOAD * machine.cores) {
    reasons.push(`the machine was busy before (load average ${load.start.toFixed(2)})`);
  }
  const disturbed = cases.filter(isDisturbed).length;
  if (disturbed > UNLUCKY * cases.length) {
    const share = `others took more than ${BUSY_SHARE * 100} % of the machine`;
    reasons.push(`${share} in ${disturbed} of ${cases.length} cases`);
  }
  const ratios = cases.flatMap((one) =>
    summarize(one).flatMap(({ name, ratios }) => (isOwn(name) ? [] : ratios)),
  );
  const vague = ratios.filter(isVague).length;
  if (2 * vague > ratios.length) {
    reasons.push(`${vague} of ${ratios.length} ratios may be off by more than ${VAGUE * 100} %`);
  }
  return reasons;
}

/** The median of the ratios of turns, which slow phases of the machine have in common, and where it lies. */
export interface Ratio extends Interval {
  to: string;
  ratio: number;
}

function ratioOf(theirs: readonly number[], to: string, ours: readonly number[]): Ratio {
  const turns = theirs.slice(0, ours.length).map((seconds, i) => seconds / (ours[i] as number));
  return { to, ratio: median(turns), ...medianInterval(turns) };
}

/** A lane in numbers, times in seconds for the unit of its case. */
export interface Summary {
  name: string;
  median: number;
  min: number;
  max: number;
  /** How many times as long it takes as each of ferrograd's lanes, the first one first: above 1 it is slower. */
  ratios: Ratio[];
  /** Of what the machine can do: of the FMA peak, or of the bandwidth at the size of the case. */
  share: number | undefined;
}

export function summarize(measured: Measured): Summary[] {
  const { lanes, limit, unit } = measured;
  const own = lanes.filter(({ name }) => isOwn(name));
  const amount = measured.flops ?? measured.bytes;
  return lanes.map(({ name, seconds }) => {
    const typical = median(seconds);
    // ferrograd's own are compared with the first of them only.
    const others = isOwn(name) ? own.slice(0, 1) : own;
    return {
      name,
      median: typical * unit.runs,
      min: Math.min(...seconds) * unit.runs,
      max: Math.max(...seconds) * unit.runs,
      ratios: others.filter((one) => one.name !== name).map((one) => ratioOf(seconds, one.name, one.seconds)),
      share: amount !== undefined && limit.length > 0 ? amount / typical / median(limit) : undefined,
    };
  });
}

/** One lane's medians along a series, from small to large. */
export interface Curve {
  lane: string;
  points: { size: number; seconds: number }[];
}

export function seriesOf(cases: readonly Measured[]): { name: string; curves: Curve[] }[] {
  const names = new Set(cases.flatMap(({ series }) => series?.name ?? []));
  return [...names].map((name) => {
    const curves = new Map<string, Curve['points']>();
    for (const one of cases) {
      if (one.series?.name !== name) continue;
      for (const { name: lane, median } of summarize(one)) {
        curves.set(lane, [...(curves.get(lane) ?? []), { size: one.series.size, seconds: median }]);
      }
    }
    return {
      name,
      curves: [...curves].map(([lane, points]) => ({
        lane,
        points: points.sort((a, b) => a.size - b.size),
      })),
    };
  });
}

/** The file of `--json`: a line for each case, so that it can be read, and compared with another. */
export function formatReport({ cases, ...head }: Report): string {
  const lines = cases.map((one) => `    ${JSON.stringify(one)}`).join(',\n');
  return `${JSON.stringify(head, null, 2).slice(0, -2)},\n  "cases": [\n${lines}\n  ]\n}\n`;
}
