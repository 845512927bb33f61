/** One case: all who can, in turns, so that whatever slows the machine down slows all of them down. */
import type { Case, Program } from './case.js';
import type { Participant } from './participant.js';
import { othersShare, sample } from './quiet.js';

/** Seconds of a run, one number for each turn; or what was measured in it, if that is not how long it takes. */
export interface Lane {
  name: string;
  seconds: number[];
}

export interface Measured extends Case {
  lanes: Lane[];
  /** What the yardstick did in each turn: FLOP/s where the case has flops, bytes/s where it has bytes. */
  limit: number[];
  skipped: { name: string; why: string }[];
  /** Of the machine, by others, meanwhile. */
  others: number | undefined;
  /** How long the case took to measure, s. */
  took: number;
}

export interface Effort {
  /** Turns of each. */
  turns: number;
  /** A turn takes at least so long, s. */
  seconds: number;
  /** Before the first turn everybody works for so long, s: V8 compiles what a loop calls during its first 2000 steps. */
  warmUp: number;
}

/** After so long, s, a case has no further turns if it had as many as it needs. */
const LONG = 45;
const ENOUGH_TURNS = 9;

/** Results of the same work agree to this: sums in another order, and over more or less precise exponentials. */
const TOLERANCE = 1e-4;

interface Opened {
  participant: Participant;
  amount: number;
  times: number;
  /** By the name of the lane. */
  lanes: Map<string, number[]>;
}

export async function measure(
  subject: Case,
  participants: readonly Participant[],
  yardstick: Participant | undefined,
  effort: Effort,
): Promise<Measured> {
  const before = sample();
  const begin = performance.now();
  const skipped: Measured['skipped'] = [];
  const prepare = async (participant: Participant, program: Program): Promise<Opened | undefined> => {
    try {
      const { ready, cannot } = await participant.open(program);
      if (ready === undefined) throw new Error(cannot ?? 'no reply');
      return { participant, amount: ready, times: await calibrate(participant, effort), lanes: new Map() };
    } catch (error) {
      skipped.push({ name: participant.name, why: (error as Error).message });
      return undefined;
    }
  };

  const opened: Opened[] = [];
  for (const participant of participants) {
    const one = await prepare(participant, subject.program);
    if (one) opened.push(one);
  }
  compare(subject, opened);
  const ruler = yardstickOf(subject);
  const limit = yardstick && ruler ? await prepare(yardstick, ruler) : undefined;
  const order = limit ? [...opened, limit] : opened;
  const backwards = [...order].reverse();
  const start = performance.now();
  for (let turn = 0; turn < effort.turns; turn++) {
    if (turn >= ENOUGH_TURNS && performance.now() - start > LONG * 1000) break;
    // Back and forth, so that nobody always comes after the same one.
    for (const one of turn % 2 === 0 ? order : backwards) await takeTurn(one);
  }
  return {
    ...subject,
    lanes: opened.flatMap(({ lanes }) => [...lanes].map(([name, seconds]) => ({ name, seconds }))),
    limit: [...(limit?.lanes.values() ?? [])].flat().map((seconds) => limit!.amount / seconds),
    skipped,
    others: othersShare(before, sample()),
    took: Math.round((performance.now() - begin) / 1000),
  };
}

async function takeTurn({ participant, times, lanes }: Opened): Promise<void> {
  const { seconds, runs, parts } = await participant.run(times);
  for (const [name, value] of Object.entries(parts ?? { [participant.name]: seconds / runs })) {
    lanes.set(name, [...(lanes.get(name) ?? []), Number(value.toPrecision(5))]);
  }
}

function yardstickOf({ program, flops, bytes, resident }: Case): Program | undefined {
  if (flops !== undefined) return { program: 'peak', threads: program.threads };
  if (bytes !== undefined) return { program: 'triad', bytes: resident ?? bytes, threads: program.threads };
  return undefined;
}

/** How many runs fill a turn; it is warm after that. */
async function calibrate(participant: Participant, effort: Effort): Promise<number> {
  let times = 1;
  let worked = 0;
  for (;;) {
    const { seconds, runs } = await participant.run(times);
    worked += seconds;
    if (seconds >= effort.seconds) {
      if (worked >= effort.warmUp) return runs;
      continue;
    }
    const few = seconds < effort.seconds / 10;
    times = few ? runs * 10 : Math.ceil(runs * Math.min(10, (1.1 * effort.seconds) / seconds));
  }
}

/** Peers that compute something else make a comparison worthless: that is a bug in the benchmark. */
function compare(subject: Case, opened: readonly Opened[]): void {
  const [first, ...others] = opened;
  for (const { participant, amount } of others) {
    if (!(Math.abs(amount - first!.amount) <= TOLERANCE * Math.abs(first!.amount))) {
      const results = opened.map((one) => `${one.participant.name} ${one.amount}`).join(', ');
      throw new Error(
        `${subject.suite}, ${subject.name}: ${participant.name} computes something else: ${results}`,
      );
    }
  }
}
