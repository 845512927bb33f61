/** Whether the machine was ours alone: what other processes, or other guests of the same host, took of it. */
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';

/** Seconds of all cores together, since the machine and the processes started. */
export interface Sample {
  at: number;
  /** Not idle, whoever it was; with what the host took away. */
  busy: number;
  /** This process and all under it. */
  own: number;
}

const TICKS = 100; // a second; USER_HZ is 100 wherever Node.js runs on Linux

/** What the two counts may differ by, s: each is in ticks, and they are not read at the same time. */
const GRAIN = 4 / TICKS;

/** The share of the machine that others took between two samples, 0 to 1; undefined where /proc does not tell. */
export function othersShare(from: Sample | undefined, to: Sample | undefined): number | undefined {
  if (!from || !to) return undefined;
  const others = to.busy - from.busy - (to.own - from.own) - GRAIN;
  return Math.max(0, others / ((to.at - from.at) * availableParallelism()));
}

export function sample(): Sample | undefined {
  try {
    const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = readFileSync(
      '/proc/stat',
      'utf8',
    )
      .split('\n', 1)[0]!
      .split(/\s+/)
      .slice(1)
      .map(Number);
    const busy = (user + nice + system + irq + softirq + steal) / TICKS;
    return { at: performance.now() / 1000, busy, own: cpuSecondsUnder(process.pid) };
  } catch {
    return undefined;
  }
}

interface Process {
  parent: number;
  ticks: number;
}

function cpuSecondsUnder(root: number): number {
  const processes = new Map<number, Process>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const found = readProcess(name);
    if (found) processes.set(Number(name), found);
  }
  const under = (pid: number | undefined): boolean =>
    pid === root || (pid !== undefined && pid > 1 && under(processes.get(pid)?.parent));
  let ticks = 0;
  for (const [pid, process] of processes) if (under(pid)) ticks += process.ticks;
  return ticks / TICKS;
}

function readProcess(pid: string): Process | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, may hold anything. Then: state, parent, …, utime, stime, and those of ended children.
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    return { parent: fields[1] ?? 0, ticks: [11, 12, 13, 14].reduce((sum, i) => sum + (fields[i] ?? 0), 0) };
  } catch {
    return undefined; // it ended meanwhile
  }
}

/** The load average of the last minute; undefined on Windows, which has none. */
export function load(): number | undefined {
  return process.platform === 'win32' ? undefined : loadavg()[0];
}
