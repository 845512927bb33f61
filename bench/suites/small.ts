/** Where the cost of a call counts: small tensors, a small net, one image, a cold start. */
import type { Case, Data, Operation, Train } from '../case.js';
import type { Digits } from '../digits.js';

/** One thread: there is nothing to share. */
const threads = 1;

export function tiny(): Case[] {
  const names: Operation['name'][] = ['add', 'mul', 'relu', 'exp', 'softmax', 'sum'];
  const operations = names.map(
    (name): Case => ({
      suite: 'tiny',
      name: `${name} on 4×4`,
      group: 'eager operations on 4×4',
      program: { program: 'operation', name, shape: [4, 4], threads },
      unit: { name: 'operation', runs: 1 },
      peers: ['ferrograd', 'torch'],
    }),
  );
  const square = { m: 4, k: 4, n: 4, transposeA: false, transposeB: false };
  const matmul: Case = {
    suite: 'tiny',
    name: 'matmul on 4×4',
    group: 'eager operations on 4×4',
    program: { program: 'matmul', ...square, threads },
    unit: { name: 'operation', runs: 1 },
    peers: ['ferrograd', 'torch', 'numpy'],
  };
  const net: Train = {
    program: 'train',
    layers: [4, 16, 2],
    activation: 'relu',
    batch: 8,
    optimizer: { name: 'sgd', lr: 0.1, momentum: 0 },
    data: null,
    threads,
  };
  const step: Case = {
    suite: 'tiny',
    name: '4-16-2, ReLU, SGD, batch 8',
    program: net,
    unit: { name: 'step', runs: 1 },
    peers: ['ferrograd train', 'ferrograd loop', 'torch', 'jax-js', 'tfjs-wasm'],
  };
  return [...operations, matmul, step];
}

const layers = [784, 128, 10];

export function predict({ test, inverted }: Digits): Case[] {
  const images = (what: string, batch: number, data: Data): Case => ({
    suite: 'predict',
    name: `${what} through 784-128-10`,
    program: { program: 'predict', layers, batch, data: { ...data, count: batch }, threads },
    unit: { name: batch === 1 ? 'image' : 'batch', runs: 1 },
    peers: ['ferrograd predictSync', 'ferrograd forward', 'torch', 'jax-js', 'tfjs-wasm'],
  });
  // What is multiplied by zeros is left out: of the second image there are none.
  return [
    images('one image', 1, test),
    images('one image without zeros', 1, inverted),
    images('64 images', 64, test),
  ];
}

export function evaluate(threads: readonly number[], data: Data): Case[] {
  return threads.flatMap((threads) =>
    [64, 1000].map((batch) => ({
      suite: 'evaluate',
      name: `accuracy of 784-128-10, batch ${batch}`,
      program: { program: 'evaluate', layers, batch, data, threads },
      unit: { name: `${data.count} images`, runs: 1 },
      peers: ['ferrograd evaluate', 'torch'],
    })),
  );
}

export function start(): Case[] {
  return [
    {
      suite: 'start',
      name: 'cold process to the first step of 784-128-10',
      program: { program: 'start', threads: 0 },
      unit: { name: 'start', runs: 1 },
      peers: ['ferrograd train', 'ferrograd loop', 'torch'],
    },
  ];
}
