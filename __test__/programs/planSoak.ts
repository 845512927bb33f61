/**
 * Trains a small net by plans for many steps, and writes how memory went as JSON.
 *
 *   tsx planSoak.ts <memory or stream> <steps>
 */
import { argv, memoryUsage, stdout } from 'node:process';
import {
  DataLoader,
  Dataset,
  manualSeed,
  nn,
  optim,
  randint,
  randn,
  type Tensor,
  TensorDataset,
  train,
} from 'ferrograd';

const [, , from = '', count = ''] = argv;
const steps = Number(count);
const STEPS_OF_EPOCH = 1000;
manualSeed(1);

const data = new TensorDataset(randn([4 * STEPS_OF_EPOCH, 4]), randint(0, 2, [4 * STEPS_OF_EPOCH]));

/** The same, where a loader cannot see that it is in memory. */
class Stream extends Dataset<[Tensor, Tensor]> {
  readonly length = data.length;
  get(index: number): [Tensor, Tensor] {
    return data.get(index) as [Tensor, Tensor];
  }
}

const dataset = (from === 'memory' ? data : new Stream()) as Dataset<[Tensor, Tensor]>;
const loader = new DataLoader(dataset, { batchSize: 4, shuffle: true });
const model = new nn.Sequential(
  new nn.Linear(4, 16),
  new nn.ReLU(),
  new nn.Dropout(0.1),
  new nn.Linear(16, 2),
);
const run = train(model as never, loader, {
  loss: new nn.CrossEntropyLoss(),
  optimizer: new optim.Adam(model.parameters()),
  epochs: Math.ceil(steps / STEPS_OF_EPOCH),
  fallback: false,
});

/** Resident memory in bytes, at each epoch's end. */
const resident: number[] = [];
let done = 0;
for await (const { batchLosses } of run) {
  done += batchLosses.length;
  resident.push(memoryUsage().rss);
}
const tenth = Math.ceil(resident.length / 10);
stdout.write(
  JSON.stringify({
    steps: done,
    firstTenth: Math.max(...resident.slice(0, tenth)),
    lastTenth: Math.max(...resident.slice(-tenth)),
    finite: model.parameters().every(({ data }) => data.every(Number.isFinite)),
  }),
);
