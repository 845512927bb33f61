/**
 * Random dense nets: a plan computes what the explicit loop does.
 *
 * A dozen of them here; FERROGRAD_SOAK=1 tries two hundred. The number in a test's name makes its net again.
 */
import {
  DataLoader,
  manualSeed,
  nn,
  optim,
  randint,
  randn,
  type Tensor,
  TensorDataset,
  train,
} from 'ferrograd';
import { expect, test } from 'vitest';
import { distance, explicitLoop, stateOf, weights } from './digits.js';

const NETS = process.env.FERROGRAD_SOAK ? 200 : 12;
const EPOCHS = 2;

/** A small generator of its own: what is tried does not depend on what the library draws. */
function chooser(seed: number) {
  let state = seed * 2654435761 + 1;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return {
    chance: (p: number) => next() < p,
    /** From 1 to `most`, the small ones more often. */
    size: (most: number) => Math.max(1, Math.round(most ** next())),
    of: <T>(...choices: T[]): T => choices[Math.floor(next() * choices.length)] as T,
  };
}

const activations: (new () => nn.Module)[] = [
  nn.ReLU,
  nn.Tanh,
  nn.Sigmoid,
  nn.GELU,
  nn.SiLU,
  nn.LeakyReLU,
  nn.Identity,
];

/** Layers one after another; some are used twice, and around some leads a skip connection. */
class Net extends nn.Module {
  readonly layers = new nn.ModuleList();
  readonly last: nn.Linear;
  private readonly skips: boolean[] = [];
  private readonly twice: boolean[] = [];

  constructor(choose: ReturnType<typeof chooser>, inputs: number, outputs: number) {
    super();
    let width = inputs;
    const depth = choose.of(0, 1, 1, 2, 3, 5);
    for (let i = 0; i < depth; i++) {
      const square = choose.chance(0.4);
      const next = square ? width : choose.size(1031);
      const Activation = choose.of(...activations);
      const layers = [
        new nn.Linear(width, next, { bias: choose.chance(0.8) }),
        new Activation(),
        ...(choose.chance(0.3) ? [new nn.Dropout(0.3)] : []),
      ];
      this.layers.append(
        new (nn.Sequential as unknown as new (...layers: nn.Module[]) => nn.Module)(...layers),
      );
      this.skips.push(square && choose.chance(0.5));
      this.twice.push(square && choose.chance(0.3));
      width = next;
    }
    this.last = new nn.Linear(width, outputs);
  }

  forward(x: Tensor): Tensor {
    let i = 0;
    for (const layer of this.layers) {
      let y = layer.forward(x as never) as Tensor;
      if (this.twice[i]) y = layer.forward(y as never) as Tensor;
      x = this.skips[i] ? y.add(x) : y;
      i++;
    }
    return this.last.forward(x);
  }
}

function makeOptimizer(choose: ReturnType<typeof chooser>, params: Tensor[]): optim.SGD | optim.Adam {
  const lr = 0.01;
  return choose.of<() => optim.SGD | optim.Adam>(
    () => new optim.SGD(params, { lr }),
    () => new optim.SGD(params, { lr, weightDecay: 0.1, maximize: true }),
    () => new optim.SGD(params, { lr, momentum: 0.9, dampening: 0.1 }),
    () => new optim.SGD(params, { lr, momentum: 0.9, nesterov: true, weightDecay: 0.01 }),
    () => new optim.Adam(params, { lr: 1e-3, eps: 1e-3 }),
    () => new optim.AdamW(params, { lr: 1e-3, eps: 1e-3, amsgrad: true }),
  )();
}

function make(seed: number) {
  const choose = chooser(seed);
  manualSeed(seed);
  const [inputs, outputs, batchSize] = [choose.size(1031), choose.size(64), choose.size(777)];
  const items = batchSize * choose.of(1, 2, 3) + choose.of(0, 1, Math.floor(batchSize / 2));
  const labels = choose.chance(0.7);
  const target = labels ? randint(0, outputs, [items]) : randn([items, outputs]);
  const loss = labels ? new nn.CrossEntropyLoss({ labelSmoothing: choose.of(0, 0.1) }) : new nn.MSELoss();
  const model = new Net(choose, inputs, outputs);
  const optimizer = makeOptimizer(choose, model.parameters());
  const data = new TensorDataset(randn([items, inputs]), target);
  const loader = new DataLoader(data, {
    batchSize,
    shuffle: choose.chance(0.5),
    dropLast: choose.chance(0.2),
  });
  return { model, optimizer, loader, loss };
}

test.each(Array.from({ length: NETS }, (_, i) => i + 1))('net %i', async (seed) => {
  const explicit = make(seed);
  const expected = await explicitLoop(explicit.model, explicit.loader, { ...explicit, epochs: EPOCHS });
  const { model, optimizer, loader, loss } = make(seed);
  const run = train(model, loader as never, { loss, optimizer, epochs: EPOCHS, fallback: false });
  const { epochs } = await run;
  const what = `${model}, ${loss.constructor.name}, ${optimizer.constructor.name}, batches of ${loader.batchSize}`;
  // Sums of a thousand numbers in another order: errors of 1e-6, which some steps enlarge.
  const size = Math.max(1, ...expected.flat().map(Math.abs));
  epochs.forEach(({ batchLosses }, i) => {
    expect(distance(batchLosses, expected[i] as number[]), what).toBeLessThan(1e-4 * size);
  });
  expect(distance(weights(model), weights(explicit.model)), what).toBeLessThan(1e-4);
  expect(distance(stateOf(optimizer), stateOf(explicit.optimizer)), what).toBeLessThan(1e-3 * size);
});
