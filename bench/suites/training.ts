/** Whole training loops: the net of PyTorch's tutorial, and a wider one. */
import { type Case, type Train, trainingFlops } from '../case.js';

export interface Data {
  images: string;
  labels: string;
  count: number;
}

function training(
  suite: string,
  name: string,
  options: Omit<Train, 'program' | 'data'>,
  data: Data,
  peers: string[],
): Case {
  const program: Train = { program: 'train', ...options, data };
  return {
    suite,
    name: `${name}, batch ${program.batch}`,
    program,
    unit: { name: 'epoch', runs: Math.ceil(data.count / program.batch) },
    flops: trainingFlops(program.layers, program.batch),
    peers,
  };
}

const peers = ['ferrograd', 'torch', 'jax-js', 'tfjs-wasm'];

export function seed(threads: readonly number[], data: Data): Case[] {
  const net = { layers: [784, 128, 10], activation: 'none', batch: 64, lr: 0.01, momentum: 0 } as const;
  return threads.map((threads) =>
    training('seed', '784-128-10, SGD', { ...net, layers: [...net.layers], threads }, data, peers),
  );
}

/** With momentum rather than Adam, which ferrograd does not have yet. */
export function mlp(threads: readonly number[], data: Data): Case[] {
  return threads.flatMap((threads) =>
    [128, 1024].map((batch) => {
      const net = {
        layers: [784, 512, 512, 10],
        activation: 'relu',
        batch,
        lr: 0.01,
        momentum: 0.9,
      } as const;
      const name = '784-512-512-10, ReLU, SGD with momentum';
      return training('mlp', name, { ...net, layers: [...net.layers], threads }, data, peers);
    }),
  );
}
