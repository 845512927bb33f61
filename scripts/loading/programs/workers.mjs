/**
 * Workers that train, so many at once, each terminated at a random moment: while it starts, loads ferrograd or trains.
 * Prints how many there were and how memory went. Arguments: rounds, workers at once.
 */
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

const [rounds = 1, atOnce = 1] = process.argv.slice(2).map(Number);
const megabytes = () => process.memoryUsage.rss() / 1e6;

let training = 0;
let failed = 0;
/** @param {number} i */
async function oneWorker(i) {
  const workerData = i % 2 ? 'train' : 'explicit';
  const worker = new Worker(new URL('endless.mjs', import.meta.url), { workerData });
  worker.on('error', (error) => {
    failed++;
    console.error(error);
  });
  // A fifth is terminated wherever it is, the others a moment after they have begun to train.
  if (i % 5 === 0) await setTimeout(Math.random() * 150);
  else {
    await Promise.race([once(worker, 'message'), once(worker, 'exit')]);
    training++;
    await setTimeout(Math.random() * 10);
  }
  await worker.terminate();
}

/** @type {number[]} */
const memory = [];
for (let round = 0; round < rounds; round++) {
  await Promise.all(Array.from({ length: atOnce }, (_, i) => oneWorker(round + i)));
  memory.push(megabytes());
}
/** @param {number[]} values */
const mean = (values) => Math.round(values.reduce((sum, value) => sum + value, 0) / values.length);
const quarter = Math.max(1, Math.floor(rounds / 4));
const [early, late] = [mean(memory.slice(quarter, 2 * quarter)), mean(memory.slice(-quarter))];
console.log(JSON.stringify({ workers: rounds * atOnce, training, failed, early, late }));
