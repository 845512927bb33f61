/** Where the cost of a call counts: small tensors, a small net, one image, a cold start. */
import type { Case, Operation } from '../case.js';

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
  const layers = [4, 16, 2];
  const batch = 8;
  const net = { layers, activation: 'relu', batch, lr: 0.1, momentum: 0 } as const;
  const step: Case = {
    suite: 'tiny',
    name: '4-16-2, ReLU, SGD, batch 8',
    program: { program: 'train', ...net, data: null, threads },
    unit: { name: 'step', runs: 1 },
    peers: ['ferrograd', 'torch', 'jax-js', 'tfjs-wasm'],
  };
  return [...operations, matmul, step];
}

export function predict(): Case[] {
  return [
    {
      suite: 'predict',
      name: 'one image through 784-128-10',
      program: { program: 'predict', layers: [784, 128, 10], threads },
      unit: { name: 'image', runs: 1 },
      peers: ['ferrograd', 'torch', 'jax-js', 'tfjs-wasm'],
    },
  ];
}

export function start(): Case[] {
  return [
    {
      suite: 'start',
      name: 'cold process to the first step of 784-128-10',
      program: { program: 'start', threads: 0 },
      unit: { name: 'start', runs: 1 },
      peers: ['ferrograd', 'torch'],
    },
  ];
}
