/**
 * The explicit loop, synchronous, for a while; prints by how many megabytes the process has grown after its first third.
 * Argument: steps.
 */
import { DataLoader, nn, optim, randn, TensorDataset } from 'ferrograd';

const steps = Number(process.argv[2] ?? 9000);
const loss = new nn.MSELoss();
const model = new nn.Sequential(new nn.Linear(784, 128), new nn.ReLU(), new nn.Linear(128, 10));
const loader = new DataLoader(new TensorDataset(randn([1024, 784]), randn([1024, 10])), { batchSize: 64 });
const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 });

let [done, before] = [0, 0];
while (done < steps) {
  for (const [x, y] of loader) {
    optimizer.zeroGrad();
    loss.forward(model.forward(x), y).backward();
    optimizer.step();
    done++;
  }
  if (before === 0 && done > steps / 3) before = process.memoryUsage().rss;
}
const grown = (process.memoryUsage().rss - before) / 1e6;
console.log(JSON.stringify({ steps: done, megabytes: Math.round(before / 1e6), grown: Math.round(grown) }));
