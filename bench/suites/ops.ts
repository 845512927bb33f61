/** Everything that memory or the exponential limits, at the sizes of layers and beyond the caches. */
import {
  type Case,
  type Operation,
  type Optimizer,
  type Program,
  parameterSizes,
  type Update,
} from '../case.js';

const peers = ['ferrograd', 'torch'];

/** Numbers that must pass for each element: read, written. */
const moved: Record<Operation['name'], number> = {
  add: 3,
  mul: 3,
  relu: 2,
  exp: 2,
  gelu: 2,
  softmax: 2,
  sum: 1,
  sumRows: 1,
  sumColumns: 1,
};

function memoryBound(name: string, program: Program, bytes: number): Case {
  return { suite: 'ops', name, program, unit: { name: 'call', runs: 1 }, bytes, peers };
}

function operation(name: Operation['name'], shape: Operation['shape'], threads: number): Case {
  const bytes = 4 * moved[name] * shape[0] * shape[1];
  return memoryBound(`${name} [${shape.join(', ')}]`, { program: 'operation', name, shape, threads }, bytes);
}

const optimizers: Record<string, { optimizer: Optimizer; moved: number; arrays: number }> = {
  /** Reads gradient, parameter and velocity; writes the last two. */
  'SGD with momentum': { optimizer: { name: 'sgd', lr: 0.01, momentum: 0.9 }, moved: 5, arrays: 3 },
  /** Reads gradient, parameter and two averages; writes the last three. */
  Adam: { optimizer: { name: 'adam', lr: 0.001 }, moved: 7, arrays: 4 },
};

function updates(name: string, sizes: number[], threads: number): Case[] {
  const elements = sizes.reduce((a, b) => a + b);
  return Object.entries(optimizers).map(([kind, { optimizer, moved, arrays }]) => {
    const program: Update = { program: 'update', sizes, optimizer, threads };
    return {
      ...memoryBound(`${kind}, ${name}`, program, 4 * moved * elements),
      resident: 4 * arrays * elements,
    };
  });
}

export function ops(threads: readonly number[]): Case[] {
  const layer: Operation['shape'] = [128, 512];
  const large: Operation['shape'] = [4096, 4096];
  return threads.flatMap((threads) => [
    operation('softmax', [64, 10], threads),
    operation('softmax', [128, 1000], threads),
    ...([layer, large] as const).flatMap((shape) =>
      (['softmax', 'sum', 'sumRows', 'sumColumns', 'exp', 'gelu', 'relu', 'add'] as const).map((name) =>
        operation(name, shape, threads),
      ),
    ),
    ...updates('784-128-10', parameterSizes([784, 128, 10]), threads),
    ...updates('784-512-512-10', parameterSizes([784, 512, 512, 10]), threads),
    ...updates('one tensor of 64 MB', [2 ** 24], threads),
  ]);
}
