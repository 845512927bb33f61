/**
 * Loads ferrograd in worker threads alone, many at once and one round after the other, so that the native code could be
 * unloaded in between; each multiplies matrices on all threads. Arguments: rounds, workers a round.
 */
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';

const [rounds, workers] = process.argv.slice(2).map(Number);

const work = `
  const { parentPort } = require('node:worker_threads');
  const { backend, ones, setNumThreads } = require(${JSON.stringify(createRequire(import.meta.url).resolve('ferrograd'))});
  setNumThreads(4);
  const x = ones([512, 512]);
  parentPort.postMessage(x.matmul(x).data.every((sum) => sum === 512) && backend().isa);
  setInterval(() => {}, 1000); // until it is terminated`;

async function round(): Promise<number> {
  const running = Array.from({ length: workers ?? 0 }, () => new Worker(work, { eval: true }));
  const right = await Promise.all(
    running.map(async (worker) => {
      const [isa] = await once(worker, 'message');
      await worker.terminate();
      return typeof isa === 'string';
    }),
  );
  return right.filter(Boolean).length;
}

let right = 0;
for (let i = 0; i < (rounds ?? 0); i++) right += await round();
console.log(right);
