/** What is trained on every platform and in browsers: the network of PyTorch's MNIST tutorial on generated digits. */
import {
  backend,
  DataLoader,
  datasets,
  manualSeed,
  nn,
  optim,
  setNumThreads,
  train,
  transforms,
} from 'ferrograd';

class Net extends nn.Module {
  fc1 = new nn.Linear(28 * 28, 128);
  fc2 = new nn.Linear(128, 10);
  /** @param {import('ferrograd').Tensor} x */
  forward(x) {
    return this.fc2.forward(this.fc1.forward(x.view(-1, 28 * 28)));
  }
}

/** @param {number} steps of training, each time with the same random numbers */
function prepare(steps) {
  manualSeed(0);
  setNumThreads(2); // sums are cut by threads
  const digits = datasets.syntheticDigits({ length: 64 * steps, transform: transforms.toTensor() });
  const loader = new DataLoader(digits, { batchSize: 64, shuffle: true });
  const model = new Net();
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 });
  return { loader, model, loss: new nn.CrossEntropyLoss(), optimizer };
}

/**
 * The explicit loop, synchronous from its first step to its last.
 *
 * @param {number} steps
 * @returns {number[]} the loss of each
 */
function trainEagerly(steps) {
  const { loader, model, loss: criterion, optimizer } = prepare(steps);
  const losses = [];
  for (const [inputs, labels] of loader) {
    optimizer.zeroGrad();
    const loss = criterion.forward(model.forward(inputs), labels);
    loss.backward();
    optimizer.step();
    losses.push(loss.item());
  }
  return losses;
}

/**
 * The same by a compiled plan, or not at all.
 *
 * @param {number} steps
 * @returns {Promise<number[]>}
 */
async function trainByPlan(steps) {
  const { loader, model, loss, optimizer } = prepare(steps);
  const { epochs } = await train(model, loader, { loss, optimizer, epochs: 1, fallback: false });
  return epochs.flatMap(({ batchLosses }) => [...batchLosses]);
}

/**
 * Both, and what computed.
 *
 * @param {number} steps
 * @returns {Promise<{ isa: string, binary: string, losses: number[], planned: number[] }>}
 */
export async function trainBothWays(steps) {
  const { isa, binary } = backend();
  return { isa, binary, losses: trainEagerly(steps), planned: await trainByPlan(steps) };
}
