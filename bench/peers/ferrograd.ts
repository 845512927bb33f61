/** ferrograd as its users call it. */
import { readFileSync } from 'node:fs';
import {
  backend,
  DataLoader,
  ImageDataset,
  nn,
  noGrad,
  optim,
  setNumThreads,
  type Tensor,
  tensor,
  transforms,
} from 'ferrograd';
import type { Matmul, Operation, Predict, Train, Update } from '../case.js';
import { CHECKED_STEPS, filled, serve, weights } from './serve.js';

class Net extends nn.Module {
  readonly stack: nn.ModuleList;
  constructor(
    layers: readonly number[],
    readonly activation: Train['activation'],
  ) {
    super();
    this.stack = new nn.ModuleList(layers.slice(1).map((out, i) => new nn.Linear(layers[i] as number, out)));
    noGrad(() => {
      for (const [i, array] of weights(layers).entries()) {
        const { weight, bias } = this.stack[i] as nn.Linear;
        weight.copy_(tensor(array, { shape: weight.shape }));
        bias!.fill_(0);
      }
    });
  }
  forward(x: Tensor): Tensor {
    let i = 0;
    for (const layer of this.stack) {
      if (i++ > 0 && this.activation === 'relu') x = x.relu();
      x = (layer as nn.Linear).forward(x);
    }
    return x;
  }
}

function train({ layers, activation, batch, lr, momentum, data, threads }: Train) {
  setNumThreads(threads);
  const features = layers[0] as number;
  const classes = layers.at(-1) as number;
  const model = new Net(layers, activation);
  const criterion = new nn.CrossEntropyLoss();
  const optimizer = new optim.SGD(model.parameters(), { lr, momentum });

  function* batches(shuffle: boolean): Generator<[Tensor, Tensor], never> {
    if (!data) {
      const x = tensor(filled(batch * features, 3), { shape: [batch, features] });
      const labels = Int32Array.from({ length: batch }, (_, i) => i % classes);
      const y = tensor(labels, { shape: [batch], dtype: 'int32' });
      for (;;) yield [x, y];
    }
    const bytes = readFileSync(data.labels);
    const dataset = new ImageDataset({
      images: readFileSync(data.images),
      labels: new Int32Array(bytes.buffer, bytes.byteOffset, data.count),
      itemShape: [28, 28],
      transform: transforms.toTensor(),
    });
    const loader = new DataLoader(dataset, { batchSize: batch, shuffle });
    for (;;) yield* loader as Iterable<[Tensor, Tensor]>;
  }
  const step = (next: Generator<[Tensor, Tensor], never>): number => {
    const [inputs, labels] = next.next().value;
    optimizer.zeroGrad();
    const loss = criterion.forward(model.forward(inputs.view(-1, features)), labels);
    loss.backward();
    optimizer.step();
    return loss.item();
  };

  let check = 0;
  const inOrder = batches(false);
  for (let i = 0; i < CHECKED_STEPS; i++) check += step(inOrder) / CHECKED_STEPS;
  const shuffled = batches(true);
  const run = (times: number) => {
    let runningLoss = 0;
    for (let i = 0; i < times; i++) runningLoss += step(shuffled);
    return runningLoss;
  };
  return { check, run };
}

const repeat = (work: () => unknown) => (times: number) => {
  for (let i = 0; i < times; i++) work();
};

const sumOfAbs = (x: Tensor): number =>
  (x.data as Float32Array).reduce((sum, value) => sum + Math.abs(value), 0);

function matmul({ m, k, n, transposeA, transposeB, threads }: Matmul) {
  setNumThreads(threads);
  const matrix = (rows: number, columns: number, transposed: boolean, seed: number): Tensor => {
    const data = filled(rows * columns, seed);
    return transposed
      ? tensor(data, { shape: [columns, rows] }).t()
      : tensor(data, { shape: [rows, columns] });
  };
  const a = matrix(m, k, transposeA, 1);
  const b = matrix(k, n, transposeB, 2);
  return { check: sumOfAbs(a.matmul(b)), run: repeat(() => a.matmul(b)) };
}

function operation({ name, shape, threads }: Operation) {
  setNumThreads(threads);
  const x: Tensor = tensor(filled(shape[0] * shape[1], 1), { shape });
  const y: Tensor = tensor(filled(shape[0] * shape[1], 2), { shape });
  const calls: Record<Operation['name'], () => Tensor> = {
    add: () => x.add(y),
    mul: () => x.mul(y),
    relu: () => x.relu(),
    exp: () => x.exp(),
    gelu: () => x.gelu(),
    softmax: () => x.softmax(1),
    sum: () => x.sum(),
    sumRows: () => x.sum(1),
    sumColumns: () => x.sum(0),
  };
  return { check: sumOfAbs(calls[name]()), run: repeat(calls[name]) };
}

function update({ sizes, lr, momentum, threads }: Update) {
  setNumThreads(threads);
  const parameters = sizes.map((size, i) => {
    const parameter = new nn.Parameter(tensor(filled(size, i), { shape: [size] }));
    parameter.grad = tensor(filled(size, i + 1), { shape: [size] });
    return parameter;
  });
  const optimizer = new optim.SGD(parameters, { lr, momentum });
  for (let i = 0; i < CHECKED_STEPS; i++) optimizer.step();
  const check = parameters.reduce((sum, parameter) => sum + sumOfAbs(parameter), 0);
  return { check, run: repeat(() => optimizer.step()) };
}

function predict({ layers, threads }: Predict) {
  setNumThreads(threads);
  const model = new Net(layers, 'none');
  const x = tensor(filled(layers[0] as number, 3), { shape: [1, layers[0] as number] });
  const check = noGrad(() => model.forward(x).max().item());
  return { check, run: repeat(() => noGrad(() => model.forward(x).argmax(1).item())) };
}

const { isa, version } = backend();
await serve({ version, isa, node: process.version }, { train, matmul, operation, update, predict });
