/**
 * Trains the seed program's net on MNIST from given weights, in file order, and writes what it saw as JSON.
 *
 *   tsx seedReference.ts <folder of MNIST> <folder of the reference> <epochs> <threads> train|loop
 */
import { join } from 'node:path';
import { argv, stdout } from 'node:process';
import {
  backend,
  DataLoader,
  datasets,
  load,
  nn,
  noGrad,
  optim,
  setNumThreads,
  type Tensor,
  train,
  transforms,
} from 'ferrograd';

class Net extends nn.Module {
  fc1 = new nn.Linear(28 * 28, 128);
  fc2 = new nn.Linear(128, 10);
  forward(x: Tensor): Tensor {
    x = x.view(-1, 28 * 28);
    x = this.fc1.forward(x);
    return this.fc2.forward(x);
  }
}

const [, , root = '', reference = '', epochs = '', threads = '', how = ''] = argv;
setNumThreads(Number(threads));

const transform = transforms.toTensor();
const trainLoader = new DataLoader(await datasets.MNIST({ root, train: true, transform }), { batchSize: 64 });
const testLoader = new DataLoader(await datasets.MNIST({ root, train: false, transform }), {
  batchSize: 1000,
});

const model = new Net();
model.loadStateDict(await load(join(reference, 'seed_init.safetensors')));
const criterion = new nn.CrossEntropyLoss();
const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 });

const firstEpochStepLosses: number[] = [];
const epochLosses: number[] = [];
if (how === 'train') {
  const run = train(model, trainLoader, {
    loss: criterion,
    optimizer,
    epochs: Number(epochs),
    fallback: false,
  });
  for await (const { epoch, loss, batchLosses } of run) {
    if (epoch === 1) firstEpochStepLosses.push(...batchLosses);
    epochLosses.push(loss);
  }
}
for (let epoch = 0; how === 'loop' && epoch < Number(epochs); epoch++) {
  let runningLoss = 0;
  for (const [inputs, labels] of trainLoader) {
    optimizer.zeroGrad();
    const loss = criterion.forward(model.forward(inputs), labels);
    loss.backward();
    optimizer.step();
    if (epoch === 0) firstEpochStepLosses.push(loss.item());
    runningLoss += loss.item();
  }
  epochLosses.push(runningLoss / trainLoader.length);
}

let correct = 0;
noGrad(() => {
  for (const [inputs, labels] of testLoader)
    correct += model.forward(inputs).argmax(1).eq(labels).to('float32').sum().item();
});

const final = await load(join(reference, 'seed_final.safetensors'));
const weights = Object.entries(model.stateDict()).map(([name, tensor]) => {
  const expected = final[name] as Tensor;
  return [name, tensor.sub(expected).abs().max().item()];
});

const { isa, threads: used } = backend();
stdout.write(
  JSON.stringify({
    isa,
    threads: used,
    firstEpochStepLosses,
    epochLosses,
    accuracy: correct / 10_000,
    weightDifferences: Object.fromEntries(weights),
  }),
);
