/**
 * Trains without end. In a worker it tells its parent that it has begun, else it prints that. Argument or worker's
 * data: `explicit` for the loop in JavaScript, `train` for compiled epochs on native threads.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { DataLoader, nn, optim, randn, TensorDataset, train } from 'ferrograd';

const begun = () => (parentPort ? parentPort.postMessage('begun') : process.stdout.write('begun\n'));
const loss = new nn.MSELoss();
const model = new nn.Sequential(
  new nn.Linear(64, 256),
  new nn.Tanh(),
  new nn.Dropout(0.1),
  new nn.Linear(256, 8),
);
const data = new TensorDataset(randn([512, 64]), randn([512, 8]));
const loader = new DataLoader(data, { batchSize: 32, shuffle: true });
const optimizer = new optim.Adam(model.parameters());

/** What stands in an argument after the manner: `exit`, `throw`, and after how many milliseconds. */
const [manner = workerData ?? 'train', end, milliseconds] = process.argv.slice(2);
if (end === 'exit') setTimeout(() => process.exit(7), Number(milliseconds));
if (end === 'throw') {
  setTimeout(() => {
    throw new Error('thrown while training');
  }, Number(milliseconds));
}

if (manner === 'train') {
  for await (const { epoch } of train(model, loader, { loss, optimizer, epochs: 1_000_000 })) {
    if (epoch === 1) begun();
  }
} else {
  const start = performance.now();
  for (let epoch = 1; ; epoch++) {
    for (const [x, y] of loader) {
      optimizer.zeroGrad();
      loss.forward(model.forward(x), y).backward();
      optimizer.step();
      if (end === 'exit' && performance.now() - start > Number(milliseconds)) process.exit(7); // no timer fires here
      if (end === 'throw' && performance.now() - start > Number(milliseconds)) throw new Error('thrown');
    }
    if (epoch === 1) begun();
  }
}
