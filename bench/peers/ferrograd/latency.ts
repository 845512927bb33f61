/** How long what happens during training waits for the event loop. */
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { type Run, setNumThreads, train } from 'ferrograd';
import type { Latency } from '../../case.js';
import { quantile } from '../../statistics.js';
import type { Opened, Turn } from '../serve.js';
import { task } from './training.js';

/** Node.js' own monitor asks for a timer so often, ms, and counts that interval in. */
const RESOLUTION = 1;
/** What is waited for where nothing goes on, ms. */
const IDLE = 100;

/** Seconds from when a worker sends a message, once a millisecond, to when it is handled here. */
class Messages {
  private readonly ticker = new Worker(new URL('ticker.js', import.meta.url));
  private delays: number[] = [];

  constructor() {
    this.ticker.on('message', (sent: bigint) => {
      this.delays.push(Number(process.hrtime.bigint() - sent) / 1e9);
    });
  }

  /** Waits for the first one. */
  async start(): Promise<void> {
    await once(this.ticker, 'message');
    this.delays = [];
  }

  /** Those since the last call. */
  take(): number[] {
    const { delays } = this;
    this.delays = [];
    return delays;
  }

  async end(): Promise<void> {
    await this.ticker.terminate();
  }
}

/**
 * Two measurements beside each other: the messages, and `monitor`, Node.js' `monitorEventLoopDelay`, whose timers are
 * exact to a millisecond.
 *
 * @param prepare what belongs to the beginning: told apart from the work that follows, by the longest delay of a message
 */
async function delays(prepare: () => Promise<unknown>, work: () => Promise<unknown>): Promise<Turn> {
  const messages = new Messages();
  await messages.start();
  await prepare();
  await setImmediate(); // what waited meanwhile is handled
  const atFirst = messages.take();
  const monitor = monitorEventLoopDelay({ resolution: RESOLUTION });
  const start = performance.now();
  monitor.enable();
  await work();
  const seconds = (performance.now() - start) / 1000;
  monitor.disable();
  await setImmediate();
  const then = messages.take();
  await messages.end();
  const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - RESOLUTION / 1000);
  return {
    seconds,
    parts: {
      'monitor p99': late(monitor.percentile(99)),
      'monitor max': late(monitor.max),
      'message p99': quantile(then, 0.99),
      'message max': Math.max(...then),
      'message max at first': Math.max(...atFirst, 0),
    },
  };
}

/** A run is an epoch; the beginning is what `train` does until the first one, which is not a run, has ended. */
export function latency({ train: program, threads }: Latency): Opened {
  setNumThreads(threads);
  if (!program) {
    const wait = (times: number) => () => delay(times * IDLE);
    return { check: 0, measure: (times) => delays(wait(1), wait(times)) };
  }
  const { model, options, loader } = task(program);
  const measure = (times: number): Promise<Turn> => {
    let run: Run;
    return delays(
      async () => {
        run = train(model, loader, { ...options, epochs: times + 1 });
        await run[Symbol.asyncIterator]().next();
      },
      async () => await run,
    );
  };
  return { check: 0, measure };
}
