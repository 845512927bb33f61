/** How long what happens during training waits for the event loop. */
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { setNumThreads, train } from 'ferrograd';
import type { Latency } from '../../case.js';
import { quantile } from '../../statistics.js';
import type { Opened, Turn } from '../serve.js';
import { task } from './training.js';

/** Node.js' own monitor asks for a timer so often, ms, and counts that interval in. */
const RESOLUTION = 1;
/** What is waited for where nothing goes on, ms. */
const IDLE = 100;

/**
 * Two measurements beside each other, in seconds: `monitor`, Node.js' `monitorEventLoopDelay`, whose timers are exact to
 * a millisecond; and `message`, from when a worker sends a message, once a millisecond, to when it is handled here.
 */
async function delays(work: () => Promise<unknown>): Promise<Turn> {
  const monitor = monitorEventLoopDelay({ resolution: RESOLUTION });
  const ticker = new Worker(new URL('ticker.js', import.meta.url));
  await once(ticker, 'message');
  const messages: number[] = [];
  ticker.on('message', (sent: bigint) => messages.push(Number(process.hrtime.bigint() - sent) / 1e9));
  const start = performance.now();
  monitor.enable();
  await work();
  monitor.disable();
  const seconds = (performance.now() - start) / 1000;
  await ticker.terminate();
  const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - RESOLUTION / 1000);
  return {
    seconds,
    parts: {
      'monitor p99': late(monitor.percentile(99)),
      'monitor max': late(monitor.max),
      'message p99': quantile(messages, 0.99),
      'message max': Math.max(...messages),
    },
  };
}

/** A run is an epoch, and what `train` does before the first and after the last counts too. */
export function latency({ train: program, threads }: Latency): Opened {
  setNumThreads(threads);
  if (!program) return { check: 0, measure: (times) => delays(() => delay(times * IDLE)) };
  const { model, options, loader } = task(program);
  const measure = (times: number): Promise<Turn> =>
    delays(async () => await train(model, loader, { ...options, epochs: times }));
  return { check: 0, measure };
}
