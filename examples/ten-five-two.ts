/**
 * A small classifier from scratch: 10 inputs, 5 hidden units with ReLU, 2 outputs.
 *
 * The data is generated: a point belongs to class 1 if the sum of its first five coordinates is larger than that of
 * its last five. The boundary is known, so one can see how close the network comes.
 */
import { DataLoader, manualSeed, nn, noGrad, optim, randn, TensorDataset, tensor } from 'ferrograd';

manualSeed(1);

/** n points of ten coordinates, and their classes. */
function points(n: number) {
  const x = randn([n, 10]);
  const y = x.slice(1, 0, 5).sum(1).gt(x.slice(1, 5).sum(1)).to('int32');
  return [x, y] as const;
}

const [x, y] = points(2000);
const loader = new DataLoader(new TensorDataset(x, y), { batchSize: 32, shuffle: true });

const model = new nn.Sequential(new nn.Linear(10, 5), new nn.ReLU(), new nn.Linear(5, 2));
const criterion = new nn.CrossEntropyLoss();
const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });

console.log(model.toString());
for (let epoch = 0; epoch < 20; epoch++) {
  let total = 0;
  for (const [inputs, labels] of loader) {
    optimizer.zeroGrad();
    const loss = criterion.forward(model.forward(inputs), labels);
    loss.backward();
    optimizer.step();
    total += loss.item();
  }
  if ((epoch + 1) % 5 === 0) console.log(`Epoch ${epoch + 1}, Loss: ${(total / loader.length).toFixed(4)}`);
}

const [testX, testY] = points(1000);
const accuracy = noGrad(() => model.forward(testX).argmax(1).eq(testY).to('float32').mean().item());
console.log(`Accuracy on 1000 new points: ${(accuracy * 100).toFixed(1)} %`);

// Three points: clearly class 1, clearly class 0, and one on the boundary.
const some = tensor([
  [1, 1, 1, 1, 1, -1, -1, -1, -1, -1],
  [-1, -1, -1, -1, -1, 1, 1, 1, 1, 1],
  [1, 0, 1, 0, 1, 1, 0, 1, 0, 1],
]);
console.log('Probabilities of class 0 and class 1:');
console.log(noGrad(() => model.forward(some).softmax(1)));
