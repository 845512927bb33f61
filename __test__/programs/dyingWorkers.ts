/**
 * Workers that train, each terminated at another moment; then trains here. Argument: how many.
 */
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { DataLoader, nn, optim, randn, TensorDataset, train } from 'ferrograd';

const work = `
  const { parentPort } = require('node:worker_threads');
  const { DataLoader, nn, optim, randn, TensorDataset, train } = require(${JSON.stringify(createRequire(import.meta.url).resolve('ferrograd'))});
  const model = new nn.Sequential(new nn.Linear(64, 256), new nn.Tanh(), new nn.Dropout(0.1), new nn.Linear(256, 8));
  const loader = new DataLoader(new TensorDataset(randn([2000, 64]), randn([2000, 8])), { batchSize: 32, shuffle: true });
  const optimizer = new optim.Adam(model.parameters());
  const run = train(model, loader, { loss: new nn.MSELoss(), optimizer, epochs: 1_000_000 });
  (async () => { for await (const { epoch } of run) if (epoch === 1) parentPort.postMessage('training'); })();`;

const workers = Number(process.argv[2]);
for (let i = 0; i < workers; i++) {
  const worker = new Worker(work, { eval: true });
  await once(worker, 'message');
  await setTimeout((i * 7) % 23);
  await worker.terminate();
}

const model = new nn.Linear(4, 2);
const loader = new DataLoader(new TensorDataset(randn([8, 4]), randn([8, 2])), { batchSize: 4 });
const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
const { completed } = await train(model, loader, { loss: new nn.MSELoss(), optimizer, epochs: 3 });
console.log(`${workers} workers, ${completed}`);
