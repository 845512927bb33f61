/**
 * Trains in the explicit loop and with `train`, and prints a line that is the same wherever the same binary computes:
 * how many steps, and a digest of the bits of their losses.
 */
import { createHash } from 'node:crypto';
import { DataLoader, datasets, manualSeed, nn, optim, setNumThreads, train, transforms } from 'ferrograd';

manualSeed(0);
setNumThreads(2); // sums are cut by threads
const loss = new nn.CrossEntropyLoss();
const digits = datasets.syntheticDigits({ length: 6400, transform: transforms.toTensor() });
const loader = new DataLoader(digits, { batchSize: 64, shuffle: true });
const model = new nn.Sequential(
  new nn.Flatten(),
  new nn.Linear(784, 128),
  new nn.ReLU(),
  new nn.Linear(128, 10),
);
const optimizer = new optim.SGD(model.parameters(), { lr: 0.05 });

const losses = [];
for (const [inputs, labels] of loader) {
  optimizer.zeroGrad();
  const value = loss.forward(model.forward(inputs), labels);
  value.backward();
  optimizer.step();
  losses.push(value.item());
}
for await (const epoch of train(model, loader, { loss, optimizer, epochs: 2 }))
  losses.push(...epoch.batchLosses);

const digest = createHash('sha256').update(new Float64Array(losses)).digest('hex').slice(0, 16);
console.log(
  `trained ${losses.length} steps, losses ${digest}, falling: ${(losses.at(-1) ?? 1) < (losses[0] ?? 0)}`,
);
