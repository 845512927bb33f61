/** The network of PyTorch's MNIST tutorial on generated digits, in the explicit loop. */
import { backend, DataLoader, datasets, manualSeed, nn, optim, transforms } from 'ferrograd';

class Net extends nn.Module {
  fc1 = new nn.Linear(28 * 28, 128);
  fc2 = new nn.Linear(128, 10);
  /** @param {import('ferrograd').Tensor} x */
  forward(x) {
    return this.fc2.forward(this.fc1.forward(x.view(-1, 28 * 28)));
  }
}

/**
 * @param {number} steps
 * @returns {{ isa: string, losses: number[] }}
 */
export function train(steps) {
  manualSeed(0);
  const digits = datasets.syntheticDigits({ length: 64 * steps, transform: transforms.toTensor() });
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
  return { isa: backend().isa, losses };
}
