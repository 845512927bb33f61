/** Trains with a progress bar, on what it takes for a terminal: standard error. */
import { setTimeout } from 'node:timers/promises';
import { DataLoader, Dataset, nn, optim, randn, type Tensor, train } from 'ferrograd';

Object.defineProperty(process.stderr, 'isTTY', { value: true });
process.env.TERM = 'xterm';

class Slow extends Dataset<[Tensor, Tensor]> {
  readonly length = 12;
  get(): Promise<[Tensor, Tensor]> {
    return setTimeout(40, [randn([3]), randn([2])]);
  }
}

const model = new nn.Linear(3, 2);
const run = train(model, new DataLoader(new Slow(), { batchSize: 2 }), {
  loss: new nn.MSELoss(),
  optimizer: new optim.SGD(model.parameters()),
  epochs: 2,
  progress: process.argv[2] === 'true',
});
for await (const { epoch } of run) console.log(epoch);
