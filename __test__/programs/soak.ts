/**
 * Trains for many steps in one synchronous loop, as a program does that never yields to the event loop, and writes how
 * its memory went as JSON.
 *
 *   tsx soak.ts <small or seed> <steps>
 */
import { argv, memoryUsage, stdout } from 'node:process';
import {
  DataLoader,
  datasets,
  manualSeed,
  nn,
  optim,
  randint,
  randn,
  type Tensor,
  TensorDataset,
  transforms,
} from 'ferrograd';

const [, , net = '', count = ''] = argv;
const steps = Number(count);
manualSeed(1);

function small() {
  const model = new nn.Sequential(new nn.Linear(4, 16), new nn.ReLU(), new nn.Linear(16, 2));
  const data = new TensorDataset(randn([1024, 4]), randint(0, 2, [1024]));
  return {
    forward: (x: Tensor) => model.forward(x),
    model,
    loader: new DataLoader(data, { batchSize: 8, shuffle: true }),
  };
}

function seed() {
  const model = new nn.Sequential(new nn.Linear(784, 128), new nn.Linear(128, 10));
  const data = datasets.syntheticDigits({ length: 6400, transform: transforms.toTensor() });
  const forward = (x: Tensor) => model.forward(x.view(-1, 784));
  return { forward, model, loader: new DataLoader(data, { batchSize: 64, shuffle: true }) };
}

const { forward, model, loader } = net === 'small' ? small() : seed();
const criterion = new nn.CrossEntropyLoss();
const optimizer = new optim.SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });

/** Resident memory in bytes, a thousand times. */
const resident: number[] = [];
/** Tensors of one step in a thousand, and what they read then. */
const kept: { tensor: Tensor; read: number[] }[] = [];

let step = 0;
while (step < steps) {
  for (const [inputs, labels] of loader) {
    optimizer.zeroGrad();
    const outputs = forward(inputs);
    const loss = criterion.forward(outputs, labels);
    loss.backward();
    if (step % 1000 === 0) {
      // With the loss goes all that it was computed from.
      const gradient = model.parameters().at(-1)?.grad as Tensor;
      for (const tensor of [loss, outputs, labels, gradient]) kept.push({ tensor, read: [...tensor.data] });
    }
    optimizer.step();
    if (step % Math.ceil(steps / 1000) === 0) resident.push(memoryUsage.rss());
    if (++step === steps) break;
  }
}

const tenth = Math.floor(resident.length / 10);
const changed = kept.filter(({ tensor, read }) => read.some((x, i) => x !== tensor.data[i])).length;
stdout.write(
  JSON.stringify({
    steps,
    firstTenth: Math.max(...resident.slice(0, tenth)),
    lastTenth: Math.max(...resident.slice(-tenth)),
    kept: kept.length,
    changed,
    finite: model.parameters().every(({ data }) => data.every(Number.isFinite)),
  }),
);
