/** One case: all who can, in turns, so that whatever slows the machine down slows all of them down. */
import type { Case, Program } from './case.js';
import type { Participant } from './participant.js';
import { othersShare, sample } from './quiet.js';

/** Seconds of a run, one number for each turn. */
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
}

export interface Effort {
  /** Turns of each. */
  turns: number;
  /** A turn takes at least so long, s. */
  seconds: number;
}

/** Results of the same work agree to this: sums in another order, and over more or less precise exponentials. */
const TOLERANCE = 1e-4;

interface Opened {
  participant: Participant;
  amount: number;
  times: number;
  seconds: number[];
}

export async function measure(
  subject: Case,
  participants: readonly Participant[],
  yardstick: Participant | undefined,
  effort: Effort,
): Promise<Measured> {
  const before = sample();
  const skipped: Measured['skipped'] = [];
  const prepare = async (participant: Participant, program: Program): Promise<Opened | undefined> => {
    try {
      const { ready, cannot } = await participant.open(program);
      if (ready === undefined) throw new Error(cannot ?? 'no reply');
      return { participant, amount: ready, times: await calibrate(participant, effort), seconds: [] };
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
  for (let turn = 0; turn < effort.turns; turn++) {
    // Back and forth, so that nobody always comes after the same one.
    for (const { participant, times, seconds } of turn % 2 === 0 ? order : backwards) {
      seconds.push(Number(((await participant.run(times)) / times).toPrecision(5)));
    }
  }
  return {
    ...subject,
    lanes: opened.map(({ participant, seconds }) => ({ name: participant.name, seconds })),
    limit: limit?.seconds.map((seconds) => limit.amount / seconds) ?? [],
    skipped,
    others: othersShare(before, sample()),
  };
}

function yardstickOf({ program, flops, bytes }: Case): Program | undefined {
  if (flops !== undefined) return { program: 'peak', threads: program.threads };
  if (bytes !== undefined) return { program: 'triad', bytes, threads: program.threads };
  return undefined;
}

/** How many runs fill a turn; it is warm after that. */
async function calibrate(participant: Participant, { seconds }: Effort): Promise<number> {
  let times = 1;
  for (;;) {
    const took = await participant.run(times);
    if (took >= seconds) return times;
    times = took < seconds / 10 ? times * 10 : Math.ceil(times * Math.min(10, (1.1 * seconds) / took));
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
