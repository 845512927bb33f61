/** A program that runs cases when it is told to: a child process and the line protocol (README.md). */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { Program } from './case.js';

/** How a peer is started. A variable that is undefined is taken out of the environment. */
export interface Command {
  name: string;
  command: string;
  args: readonly string[];
  env?: Record<string, string | undefined>;
}

/** What it says of itself: versions, instruction set, kernels. */
export type About = Record<string, unknown>;

/** What came of a turn. */
export interface Turn {
  seconds: number;
  /** How many runs it took them for: more than asked for, where they come by the epoch. */
  runs: number;
  /** Where it is not the time that counts: what was measured meanwhile, by name, in seconds. */
  parts?: Record<string, number>;
}

type Reply = { about?: About; ready?: number; cannot?: string } & Partial<Turn>;

/** A peer does no case as slowly as this. */
const PATIENCE = 300_000;

// Libraries let their threads spin for a while after a call, which would slow down whoever has the next turn. So a peer
// is stopped while it is not its turn; where processes cannot be stopped, everybody waits until they sleep.
const stops = process.platform !== 'win32';
const SETTLE = 60;

export function spawnCommand({ command, args, env = {} }: Command): ChildProcess {
  return spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
}

/** Who can take part in a case. */
export interface Participant {
  name: string;
  /** Makes it ready to run a program, and gives what its result is checked by; or why it cannot. */
  open(program: Program): Promise<{ ready?: number; cannot?: string }>;
  /** Runs what was opened so many times, or a few more. */
  run(times: number): Promise<Turn>;
}

/** To be ended with this process: one that is stopped would not notice that we are gone. */
const children: ChildProcess[] = [];
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

export class ChildParticipant implements Participant {
  readonly name: string;
  about: About = {};
  private readonly child: ChildProcess;
  private waiting: { resolve: (reply: Reply) => void; reject: (error: Error) => void } | undefined;
  private failure: Error | undefined;

  private constructor(command: Command) {
    this.name = command.name;
    this.child = spawnCommand(command);
    children.push(this.child);
    let complaint = '';
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-2000);
    });
    createInterface({ input: this.child.stdout! }).on('line', (line) => {
      if (line.startsWith('{')) this.waiting?.resolve(JSON.parse(line));
    });
    this.child.stdin?.on('error', () => {}); // 'close' says it better
    this.child.on('error', (error) => this.fail(error));
    this.child.on('close', () =>
      this.fail(new Error(`${this.name} ended: ${complaint.trim() || 'no word why'}`)),
    );
  }

  static async start(command: Command): Promise<ChildParticipant> {
    const participant = new ChildParticipant(command);
    participant.about = (await participant.reply()).about ?? {};
    participant.stop();
    return participant;
  }

  open(program: Program): Promise<{ ready?: number; cannot?: string }> {
    return this.ask({ open: program });
  }

  async run(times: number): Promise<Turn> {
    const { seconds, runs = times, parts } = await this.ask({ run: times });
    if (seconds === undefined) throw new Error(`${this.name}: expected seconds`);
    return { seconds, runs, ...(parts && { parts }) };
  }

  async end(): Promise<void> {
    if (this.failure) return;
    const closed = new Promise((resolve) => this.child.once('close', resolve));
    this.child.kill('SIGKILL');
    await closed;
  }

  private async ask(request: object): Promise<Reply> {
    if (stops) this.child.kill('SIGCONT');
    const reply = this.reply();
    this.child.stdin?.write(`${JSON.stringify(request)}\n`);
    try {
      return await reply;
    } finally {
      if (!stops) await delay(SETTLE);
      this.stop();
    }
  }

  private reply(): Promise<Reply> {
    return new Promise<Reply>((resolve, reject) => {
      if (this.failure) return reject(this.failure);
      const timer = setTimeout(() => {
        this.fail(new Error(`${this.name} did not answer in ${PATIENCE / 1000} s`));
        this.child.kill('SIGKILL');
      }, PATIENCE);
      const done = () => {
        clearTimeout(timer);
        this.waiting = undefined;
      };
      this.waiting = {
        resolve: (reply) => {
          done();
          resolve(reply);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      };
    });
  }

  private stop(): void {
    if (stops && !this.failure) this.child.kill('SIGSTOP');
  }

  private fail(error: Error): void {
    this.failure ??= error;
    this.waiting?.reject(this.failure);
  }
}
