/** Whole training loops: the net of PyTorch's tutorial, and a wider one; how they scale; the event loop meanwhile. */
import { type Case, type Data, parameterSizes, type Train, trainingFlops } from '../case.js';
import type { Digits } from '../digits.js';

const peers = ['ferrograd train', 'ferrograd loop', 'torch', 'jax-js', 'tfjs-wasm'];

type OnData = Train & { data: Data };

/** The net of PyTorch's tutorial. */
function tutorial(data: Data, threads: number, hidden = 128): OnData {
  return {
    program: 'train',
    layers: [784, hidden, 10],
    activation: 'none',
    batch: 64,
    optimizer: { name: 'sgd', lr: 0.01, momentum: 0 },
    data,
    threads,
  };
}

function epochs(suite: string, name: string, program: OnData, names: string[]): Case {
  const { layers, batch, data } = program;
  return {
    suite,
    name,
    program,
    unit: { name: `epoch of ${data.count}`, runs: Math.ceil(data.count / batch) },
    flops: (trainingFlops(layers, batch) * data.count) / batch / Math.ceil(data.count / batch),
    peers: names,
  };
}

export function seed(threads: readonly number[], { train, inverted }: Digits): Case[] {
  const names = [...peers, 'ferrograd wasm'];
  const name = '784-128-10, SGD, batch 64';
  return [
    ...threads.map((threads) => {
      // WebAssembly has one thread.
      const able = threads === 1 ? names : peers;
      return epochs('seed', name, tutorial(train, threads), able);
    }),
    // What is multiplied by zeros is left out: here there are none.
    epochs('seed', `${name}, images without zeros`, tutorial(inverted, Math.max(...threads)), [
      'ferrograd train',
      'ferrograd loop',
      'torch',
    ]),
  ];
}

export function mlp(threads: readonly number[], data: Data): Case[] {
  return threads.flatMap((threads) =>
    [128, 1024].map((batch) => {
      const net = { layers: [784, 512, 512, 10], activation: 'relu', batch } as const;
      const program: OnData = {
        program: 'train',
        ...net,
        layers: [...net.layers],
        optimizer: { name: 'adam', lr: 0.001 },
        data,
        threads,
      };
      return epochs('mlp', `784-512-512-10, ReLU, Adam, batch ${batch}`, program, peers);
    }),
  );
}

const some = (data: Data, count: number): Data => ({ ...data, count: Math.min(count, data.count) });

/** Time of an epoch against samples, parameters and threads. */
export function scaling(threads: readonly number[], data: Data, cores: number): Case[] {
  const most = Math.max(...threads);
  const peers = ['ferrograd train', 'torch'];
  const series = (name: string, size: number, program: OnData): Case => ({
    ...epochs('scaling', `${name}: ${size}`, program, peers),
    series: { name, size },
  });
  const samples = [7_500, 15_000, 30_000, 60_000].map((count) => some(data, count));
  const quarter = some(data, 15_000);
  return [
    ...samples.map((data) => series('samples', data.count, tutorial(data, most))),
    ...[32, 64, 128, 256, 512, 1024].map((hidden) => {
      const program = tutorial(quarter, most, hidden);
      const parameters = parameterSizes(program.layers).reduce((a, b) => a + b);
      return series('parameters', parameters, program);
    }),
    ...Array.from({ length: cores }, (_, i) => series('threads', i + 1, tutorial(data, i + 1))),
  ];
}

/** No peer: those that train in this process do it on the event loop, and PyTorch has none. */
export function latency(data: Data, cores: number): Case[] {
  const threads = Math.min(2, cores);
  return [tutorial(data, threads), null].map((train) => ({
    suite: 'latency',
    name: train ? 'event loop while 784-128-10 trains' : 'event loop while nothing goes on',
    program: { program: 'latency', train, threads },
    unit: { name: 'delay', runs: 1 },
    peers: ['ferrograd train'],
  }));
}
