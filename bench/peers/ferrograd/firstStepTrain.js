/** A cold start by `train`: the first step of a new process, without a TypeScript compiler in the way. */
import { DataLoader, nn, optim, rand, randint, TensorDataset, train } from 'ferrograd';

const model = new nn.Sequential(new nn.Linear(784, 128), new nn.Linear(128, 10));
const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 });
const batch = new TensorDataset(rand([64, 784]), randint(0, 10, [64]));
const loader = new DataLoader(batch, { batchSize: 64 });
for await (const { loss } of train(model, loader, {
  loss: new nn.CrossEntropyLoss(),
  optimizer,
  fallback: false,
})) {
  console.log('first step', loss);
}
