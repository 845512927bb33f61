/**
 * Trains the network of PyTorch's MNIST tutorial on generated digits, in a folder where ferrograd is installed, and
 * writes to the file named what computed and the loss of every step.
 *
 *   node train.mjs STEPS FILE
 */
import { writeFileSync } from 'node:fs';
import { backend, DataLoader, datasets, manualSeed, nn, optim, setNumThreads, transforms } from 'ferrograd';

const [steps = '300', file = 'losses.json'] = process.argv.slice(2);

class Net extends nn.Module {
  fc1 = new nn.Linear(28 * 28, 128);
  fc2 = new nn.Linear(128, 10);
  /** @param {import('ferrograd').Tensor} x */
  forward(x) {
    return this.fc2.forward(this.fc1.forward(x.view(-1, 28 * 28)));
  }
}

manualSeed(0);
setNumThreads(2); // sums are cut by threads
const length = 64 * Number(steps);
const digits = datasets.syntheticDigits({ length, transform: transforms.toTensor() });
const model = new Net();
const criterion = new nn.CrossEntropyLoss();
const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 });
const losses = [];
for (const [inputs, labels] of new DataLoader(digits, { batchSize: 64, shuffle: true })) {
  optimizer.zeroGrad();
  const loss = criterion.forward(model.forward(inputs), labels);
  loss.backward();
  optimizer.step();
  losses.push(loss.item());
}
writeFileSync(file, JSON.stringify({ isa: backend().isa, binary: backend().binary, losses }));
