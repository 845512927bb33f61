/** A cold start by the explicit loop: the first step of a new process, without a TypeScript compiler in the way. */
import { nn, optim, rand, randint } from 'ferrograd';

const model = new nn.Sequential(new nn.Linear(784, 128), new nn.Linear(128, 10));
const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 });
const loss = new nn.CrossEntropyLoss().forward(model.forward(rand([64, 784])), randint(0, 10, [64]));
loss.backward();
optimizer.step();
console.log('first step', loss.item());
