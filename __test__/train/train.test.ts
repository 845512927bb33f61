/** `train`: what it computes, what it tells, and how it ends. */
import { setImmediate, setTimeout } from 'node:timers/promises';
import {
  ArgumentError,
  DataLoader,
  Dataset,
  IndexError,
  manualSeed,
  metrics,
  nn,
  noGrad,
  optim,
  rand,
  randn,
  randomSplit,
  ShapeError,
  StateError,
  type Tensor,
  TensorDataset,
  tensor,
  train,
  zeros,
} from 'ferrograd';
import { beforeEach, describe, expect, test } from 'vitest';
import { digits, distance, explicitLoop, loader, makeNet, stateOf, warningsOf, weights } from './digits.js';

const criterion = new nn.CrossEntropyLoss();

beforeEach(() => {
  manualSeed(5);
});

/** What a run must have in common with the explicit loop, from the same seed. */
async function expectSame(
  make: () => { model: nn.Module; batches: DataLoader<unknown, unknown>; optimizer: optim.SGD | optim.Adam },
  options: {
    loss?: nn.CrossEntropyLoss | nn.MSELoss;
    tolerance?: number;
    eager?: boolean;
    validation?: boolean;
  } = {},
): Promise<void> {
  const { loss = criterion, tolerance = 2e-5, eager = false } = options;
  const epochs = 3;
  manualSeed(11);
  const explicit = make();
  const expected = await explicitLoop(explicit.model, explicit.batches, {
    loss,
    optimizer: explicit.optimizer,
    epochs,
  });
  const next = rand([4]).toArray();

  manualSeed(11);
  const trained = make();
  const { epochs: found, eager: reason } = await train(trained.model as never, trained.batches, {
    loss: loss as never,
    optimizer: trained.optimizer,
    epochs,
    fallback: eager,
  });
  expect(reason === null).toBe(!eager);
  found.forEach(({ batchLosses }, i) => {
    expect(distance(batchLosses, expected[i] as number[])).toBeLessThan(tolerance);
  });
  expect(distance(weights(trained.model), weights(explicit.model))).toBeLessThan(tolerance);
  expect(distance(stateOf(trained.optimizer), stateOf(explicit.optimizer))).toBeLessThan(tolerance);
  expect(rand([4]).toArray()).toEqual(next); // as many streams were drawn
}

describe('is the explicit loop', () => {
  test.each<[string, (params: Tensor[]) => optim.SGD | optim.Adam]>([
    ['SGD', (params) => new optim.SGD(params, { lr: 0.1 })],
    ['SGD with weight decay', (params) => new optim.SGD(params, { lr: 0.1, weightDecay: 0.01 })],
    ['SGD with momentum', (params) => new optim.SGD(params, { lr: 0.05, momentum: 0.9 })],
    [
      'SGD with Nesterov',
      (params) => new optim.SGD(params, { lr: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0.01 }),
    ],
    [
      'SGD in groups',
      (params) =>
        new optim.SGD(
          [
            { params: params.slice(0, 1), lr: 0 },
            { params: params.slice(2), momentum: 0.5 },
          ],
          { lr: 0.1 },
        ),
    ],
    ['Adam', (params) => new optim.Adam(params, { lr: 1e-3, eps: 1e-4 })],
    [
      'AdamW with AMSGrad',
      (params) => new optim.AdamW(params, { lr: 1e-3, eps: 1e-4, amsgrad: true, weightDecay: 0.1 }),
    ],
  ])('with %s, dropout, shuffled, the last batch short', async (_, makeOptimizer) => {
    await expectSame(() => {
      const model = makeNet();
      return { model, batches: loader() as never, optimizer: makeOptimizer(model.parameters()) };
    });
  });

  test('goes on with an optimizer that has a past, and leaves it one', async () => {
    await expectSame(() => {
      const model = makeNet();
      const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3, eps: 1e-4 });
      for (const param of model.parameters()) param.grad = zeros([...param.shape]).add(0.1) as never;
      optimizer.step();
      return { model, batches: loader(128) as never, optimizer };
    });
  });

  test('with frozen layers', async () => {
    await expectSame(() => {
      const model = makeNet();
      model.layers[1].requiresGrad_(false);
      return {
        model,
        batches: loader() as never,
        optimizer: new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 }),
      };
    });
  });

  test('on a part of a dataset, in an order of its own, the last batch left out', async () => {
    await expectSame(() => {
      const model = makeNet();
      const [part] = randomSplit(digits(400), [250, 150]);
      const batches = new DataLoader(part, { batchSize: 32, shuffle: true, dropLast: true });
      return { model, batches: batches as never, optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }) };
    });
  });

  test('where all data is less than a batch', async () => {
    await expectSame(() => {
      const model = makeNet();
      return {
        model,
        batches: loader(20) as never,
        optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
      };
    });
  });

  test('on several inputs, and a target that is no label', async () => {
    class Two extends nn.Module {
      first = new nn.Linear(3, 8);
      second = new nn.Linear(5, 8);
      out = new nn.Linear(8, 2);
      forward(a: Tensor, b: Tensor): Tensor {
        return this.out.forward(this.first.forward(a).add(this.second.forward(b)).tanh());
      }
    }
    await expectSame(
      () => {
        const model = new Two();
        const data = new TensorDataset(randn([70, 3]), randn([70, 5]), randn([70, 2]));
        const batches = new DataLoader(data, { batchSize: 16, shuffle: true });
        return {
          model,
          batches: batches as never,
          optimizer: new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 }),
        };
      },
      { loss: new nn.MSELoss() },
    );
  });

  test('on batches that come one by one, from a dataset that draws random numbers itself', async () => {
    class Noisy extends Dataset<[Tensor, number]> {
      readonly length = 50;
      async get(index: number): Promise<[Tensor, number]> {
        await setImmediate();
        return [randn([6]), index % 3];
      }
    }
    await expectSame(() => {
      const model = new nn.Sequential(
        new nn.Linear(6, 8),
        new nn.Dropout(0.5),
        new nn.ReLU(),
        new nn.Linear(8, 3),
      );
      const batches = new DataLoader(new Noisy(), { batchSize: 8, shuffle: true });
      return { model, batches: batches as never, optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }) };
    });
  });

  test('with a tied layer, a skip connection, a captured constant and a buffer', async () => {
    class Tied extends nn.Module {
      inner = new nn.Linear(6, 6);
      also = this.inner;
      scale = this.registerBuffer('scale', tensor([1, 2, 3, 4, 5, 6]));
      out = new nn.Linear(6, 3);
      forward(x: Tensor): Tensor {
        const hidden = this.also.forward(this.inner.forward(x).relu()).add(x).mul(this.scale);
        return this.out.forward(hidden.mul(tensor([0.5])).sub(0.1));
      }
    }
    await expectSame(() => {
      const model = new Tied();
      const data = new TensorDataset(
        randn([40, 6]),
        tensor(Int32Array.from({ length: 40 }, (_, i) => i % 3)),
      );
      const batches = new DataLoader(data, { batchSize: 16 });
      return { model, batches: batches as never, optimizer: new optim.SGD(model.parameters(), { lr: 0.05 }) };
    });
  });

  test('where the model can only run in JavaScript', async () => {
    class Counting extends nn.Module {
      layer = new nn.Linear(784, 10);
      calls = 0;
      forward(x: Tensor): Tensor {
        this.calls++;
        return this.layer.forward(x.view(-1, 784)).mul(1 / Math.sqrt(this.calls));
      }
    }
    const models: Counting[] = [];
    const warnings = await warningsOf(() =>
      expectSame(
        () => {
          const model = new Counting();
          models.push(model);
          return {
            model,
            batches: loader() as never,
            optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
          };
        },
        { eager: true },
      ),
    );
    expect(warnings).toEqual([expect.stringMatching(/^train: the forward of Counting .*cannot be compiled/)]);
    expect(models.map(({ calls }) => calls)).toEqual([15, 15]); // tracing left it as it was
  });
});

test('the same seed gives the same bits, twice', async () => {
  const once = async () => {
    manualSeed(3);
    const model = makeNet();
    const optimizer = new optim.Adam(model.parameters());
    const { epochs } = await train(model, loader(), { loss: criterion, optimizer, epochs: 2 });
    return [...epochs.flatMap(({ batchLosses }) => [...batchLosses]), ...weights(model)];
  };
  expect(await once()).toEqual(await once());
});

test('runs at the same time do not disturb each other', async () => {
  const start = (seed: number) => {
    manualSeed(seed);
    const model = makeNet(0); // without dropout: the streams of random numbers are common to all
    const optimizer = new optim.Adam(model.parameters());
    const batches = loader(500, { shuffle: false });
    return { model, run: train(model, batches, { loss: criterion, optimizer, epochs: 5 }) };
  };
  const alone: number[][] = [];
  for (const seed of [1, 2, 3]) {
    const { model, run } = start(seed);
    await run;
    alone.push(weights(model));
  }
  const together = [1, 2, 3].map(start);
  await Promise.all(together.map(({ run }) => run));
  expect(together.map(({ model }) => weights(model))).toEqual(alone);
});

describe('epochs', () => {
  test('say what there is to know', async () => {
    const model = makeNet();
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.25 });
    const run = train(model, loader(300), {
      loss: criterion,
      optimizer,
      epochs: 2,
      validation: new DataLoader(digits(100, false), { batchSize: 30 }),
      metrics: { right: metrics.accuracy() },
    });
    const { epochs, completed } = await run;
    expect(completed).toBe(true);
    expect(epochs.map(({ epoch }) => epoch)).toEqual([1, 2]);
    for (const e of epochs) {
      expect(e.batchLosses).toBeInstanceOf(Float32Array);
      expect(e.batchLosses).toHaveLength(5);
      expect(e.loss).toBeCloseTo(e.batchLosses.reduce((a, b) => a + b, 0) / 5, 6);
      expect(e.samples).toBe(300);
      expect(e.samplesPerSecond).toBeCloseTo(300 / e.seconds, 3);
      expect(e.lr).toBe(0.25);
      expect(e.metrics.right * 300).toBeCloseTo(Math.round(e.metrics.right * 300), 6);
    }
    const output = noGrad(() => model.eval().forward(stacked(100)[0]));
    const [, labels] = stacked(100);
    expect(epochs[1]?.valLoss).toBeCloseTo(criterion.forward(output, labels).item(), 4);
    expect(epochs[1]?.valMetrics.right).toBeCloseTo(
      output.argmax(1).eq(labels).to('float32').mean().item(),
      6,
    );
    expect(model.training).toBe(false); // as it was set here, not by the run
  });

  test('without validation and metrics have none', async () => {
    const model = makeNet();
    const { epochs } = await train(model, loader(64), {
      loss: criterion,
      optimizer: new optim.SGD(model.parameters()),
    });
    expect(epochs).toHaveLength(1);
    expect(epochs[0]).not.toHaveProperty('valLoss');
    expect(epochs[0]?.metrics).toEqual({});
    expect(epochs[0]?.valMetrics).toEqual({});
  });

  test('judge outputs that are strided', async () => {
    class Columns extends nn.Module {
      layer = new nn.Linear(784, 10);
      forward(x: Tensor): Tensor {
        return this.layer.forward(x.view(-1, 784)).t().mul(1.5).t();
      }
    }
    const once = async (Class: new () => nn.Module) => {
      manualSeed(1);
      const model = new Class();
      const { epochs } = await train(model as never, loader(100), {
        loss: criterion,
        optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
        metrics: { right: metrics.accuracy() },
      });
      return epochs[0]?.metrics.right;
    };
    class Eager extends Columns {
      calls = 0;
      override forward(x: Tensor): Tensor {
        this.calls++;
        return super.forward(x);
      }
    }
    let expected: number | undefined;
    await warningsOf(async () => {
      expected = await once(Eager);
    });
    expect(await once(Columns)).toBe(expected);
  });

  test('come to every loop, from the first one on', async () => {
    const { run } = started({ epochs: 4 });
    const seen = async () => {
      const numbers: number[] = [];
      for await (const { epoch } of run) numbers.push(epoch);
      return numbers;
    };
    const [a, b] = await Promise.all([seen(), seen()]);
    expect([a, b, await seen()]).toEqual([
      [1, 2, 3, 4],
      [1, 2, 3, 4],
      [1, 2, 3, 4],
    ]);
    expect((await run).epochs).toHaveLength(4);
  });

  test('show the parameters as they are by then, and take over options that are changed', async () => {
    const { model, run, optimizer } = started({ epochs: 3 });
    const seen: number[][] = [];
    for await (const { epoch } of run) {
      seen.push(weights(model));
      (optimizer.paramGroups[0] as { lr: number }).lr = 0.1 / (epoch + 1);
    }
    expect(distance(seen[0] as number[], seen[1] as number[])).toBeGreaterThan(0);
    const { epochs } = await run;
    expect(epochs.map(({ lr }) => lr)).toEqual([0.1, 0.1 / 2, 0.1 / 3]);
  });
});

/** Digits as two tensors. */
function stacked(length: number): [Tensor, Tensor] {
  for (const batch of new DataLoader(digits(length, false), { batchSize: length }))
    return batch as [Tensor, Tensor];
  throw new Error('no batch');
}

/** Whether a run has the parameters. */
function isTraining(model: nn.Module): boolean {
  const [param] = model.parameters() as [Tensor];
  try {
    noGrad(() => param.copy_(param));
    return false;
  } catch {
    return true;
  }
}

/** A run on a thousand digits. */
function started(
  options: { epochs?: number; signal?: AbortSignal; allowNonFinite?: boolean; lr?: number } = {},
) {
  const { lr = 0.1, ...others } = options;
  const model = makeNet();
  const optimizer = new optim.SGD(model.parameters(), { lr, momentum: 0.5 });
  const run = train(model, loader(1000), { loss: criterion, optimizer, epochs: 2, ...others });
  return { model, optimizer, run };
}

describe('the end', () => {
  test('does not depend on anybody looking', async () => {
    const { model, optimizer } = started({ epochs: 1 });
    const before = weights(model);
    while (isTraining(model)) await setTimeout(5);
    expect(distance(weights(model), before)).toBeGreaterThan(0);
    optimizer.step(); // free again
  });

  test('by break: after the step, and the model trains on', async () => {
    const { model, optimizer, run } = started({ epochs: 1000 });
    for await (const { epoch } of run) if (epoch === 2) break;
    const history = await run;
    expect(history.completed).toBe(false);
    expect(history.epochs).toHaveLength(2);
    expect(weights(model).every(Number.isFinite)).toBe(true);
    await train(model, loader(100), { loss: criterion, optimizer });
  });

  test('by a signal: an AbortError, and the model trains on', async () => {
    const controller = new AbortController();
    const { model, optimizer, run } = started({ epochs: 100_000, signal: controller.signal });
    await setTimeout(20);
    controller.abort(new Error('enough'));
    const error = await run.catch((error: unknown) => error as Error);
    expect(error).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: new Error('enough') });
    expect(weights(model).every(Number.isFinite)).toBe(true);
    await train(model, loader(100), { loss: criterion, optimizer });
  });

  test('by a signal that was aborted before: nothing is trained', async () => {
    const { model, run } = started({ signal: AbortSignal.abort() });
    const before = weights(model);
    await expect(run).rejects.toMatchObject({ name: 'AbortError' });
    expect(weights(model)).toEqual(before);
  });

  test('by a signal while the data hangs', async () => {
    class Hanging extends Dataset<[Tensor, number]> {
      readonly length = 10;
      get(index: number): Promise<[Tensor, number]> {
        return index < 4 ? Promise.resolve([zeros([4]), 1]) : new Promise(() => {});
      }
    }
    const model = new nn.Linear(4, 2);
    const controller = new AbortController();
    const run = train(model, new DataLoader(new Hanging(), { batchSize: 2 }), {
      loss: criterion,
      optimizer: new optim.SGD(model.parameters()),
      signal: controller.signal,
    });
    globalThis.setTimeout(() => controller.abort(), 20);
    await expect(run).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('by an error of the dataset: the steps before it count', async () => {
    class Broken extends Dataset<[Tensor, number]> {
      readonly length = 12;
      get(index: number): [Tensor, number] {
        if (index === 9) throw new RangeError('item 9 is broken');
        return [tensor([1, 2, 3, index]), index % 2];
      }
    }
    const make = (length: number) => {
      manualSeed(1);
      const model = new nn.Linear(4, 2);
      return {
        model,
        optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
        data: Object.assign(new Broken(), { length }),
      };
    };
    const { model, optimizer, data } = make(12);
    const run = train(model, new DataLoader(data, { batchSize: 4 }), { loss: criterion, optimizer });
    await expect(run).rejects.toThrow(new RangeError('item 9 is broken'));
    const expected = make(8);
    await train(expected.model, new DataLoader(expected.data, { batchSize: 4 }), {
      loss: criterion,
      optimizer: expected.optimizer,
    });
    expect(weights(model)).toEqual(weights(expected.model));
    await expect(
      train(model, new DataLoader(data, { batchSize: 2 }), { loss: criterion, optimizer }),
    ).rejects.toThrow('item 9');
  });

  test('by an error of the loss: a label out of range, in memory', async () => {
    const model = new nn.Linear(4, 3);
    const labels = Int32Array.from({ length: 40 }, (_, i) => (i === 33 ? 3 : i % 3));
    const before = weights(model);
    const run = train(
      model,
      new DataLoader(new TensorDataset(randn([40, 4]), tensor(labels)), { batchSize: 8 }),
      {
        loss: criterion,
        optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
      },
    );
    await expect(run).rejects.toThrow(IndexError);
    expect(distance(weights(model), before)).toBeGreaterThan(0); // four steps were done
    expect(weights(model).every(Number.isFinite)).toBe(true);
  });

  test('by shapes that do not fit: the error of the layer', async () => {
    const model = new nn.Sequential(new nn.Flatten(), new nn.Linear(100, 10));
    const run = train(model as never, loader(), {
      loss: criterion,
      optimizer: new optim.SGD(model.parameters()),
    });
    await expect(run).rejects.toThrow(ShapeError);
    await expect(run).rejects.toThrow('1: expected input [*, 100], got [64, 784] (layer Linear(100, 10))');
  });

  test('by a loss that is not finite: the step is not taken', async () => {
    const { model, run } = started({ lr: 1e30 });
    await expect(run).rejects.toThrow(StateError);
    await expect(run).rejects.toThrow(/^train: the loss is not finite in epoch 1, step \d+;/);
    expect(weights(model).some(Number.isNaN)).toBe(false);
    const { run: on } = started({ lr: 1e30, allowNonFinite: true });
    expect((await on).completed).toBe(true);
  });

  test('a failure is thrown by each loop, and by await', async () => {
    const { run } = started({ lr: 1e30 });
    const loop = async () => {
      for await (const _ of run) await setTimeout(30); // away when it happens
    };
    await expect(loop()).rejects.toThrow(StateError);
    await expect(loop()).rejects.toThrow(StateError);
    await expect(run).rejects.toThrow(StateError);
    let cleaned = 0;
    await run.finally(() => cleaned++).catch(() => {});
    expect(cleaned).toBe(1);
  });
});

describe('during a run', () => {
  test('nobody else changes the parameters', async () => {
    const { model, optimizer, run } = started({ epochs: 3 });
    const state = { ...model.stateDict() };
    const message = 'in training';
    const attempts = [
      () => model.loadStateDict(Object.fromEntries(Object.entries(state).map(([k, v]) => [k, v.clone()]))),
      () => noGrad(() => model.layers[1].weight.fill_(0)),
      () => noGrad(() => model.layers[1].weight.copy_(zeros([24, 784]))),
      () => noGrad(() => model.layers[1].weight.view(-1).fill_(0)),
      () => optimizer.step(),
      () => optimizer.loadStateDict(optimizer.stateDict()),
      () => train(model, loader(), { loss: criterion, optimizer }),
    ];
    const before = weights(model);
    for (const attempt of attempts) {
      expect(attempt).toThrow(StateError);
      expect(attempt).toThrow(message);
    }
    expect(weights(model)).toEqual(before);
    await run;
    model.loadStateDict(state);
    optimizer.step();
  });

  test('writing to data is in vain', async () => {
    const { model, run } = started();
    for await (const { epoch } of run) if (epoch === 1) model.layers[1].weight.data.fill(Number.NaN);
    expect(weights(model).some(Number.isNaN)).toBe(false);
  });

  test('gradients are null, before and after', async () => {
    const { model, run } = started();
    await run;
    expect(model.parameters().map(({ grad }) => grad)).toEqual([null, null, null, null]);
  });

  test('backward through what was computed before is refused', async () => {
    const model = makeNet();
    const loss = model.forward(randn([3, 784])).sum();
    await train(model, loader(64), { loss: criterion, optimizer: new optim.SGD(model.parameters()) });
    expect(() => loss.backward()).toThrow(StateError);
  });

  test('the event loop is free, and breathes where the model runs in JavaScript', async () => {
    class Reading extends nn.Module {
      layer = new nn.Linear(784, 256);
      last = new nn.Linear(256, 10);
      forward(x: Tensor): Tensor {
        return this.last.forward(this.layer.forward(x.view(-1, 784))).mul(x.max().item());
      }
    }
    const model = new Reading();
    const eager = () =>
      train(model, loader(3000), {
        loss: criterion,
        optimizer: new optim.SGD(model.parameters()),
        epochs: 5,
      });
    for (const start of [() => started({ epochs: 30 }).run, eager]) {
      let ticks = 0;
      let longest = 0;
      let last = performance.now();
      const begin = last;
      const timer = setInterval(() => {
        const now = performance.now();
        longest = Math.max(longest, now - last);
        last = now;
        ticks++;
      }, 1);
      await warningsOf(async () => start());
      clearInterval(timer);
      expect(ticks).toBeGreaterThan(3);
      // Generous, for machines that do other things too: a loop that is blocked would take all of the time.
      expect(longest).toBeLessThan(Math.max(100, (performance.now() - begin) / 2));
    }
  });

  test('is not begun under noGrad', () => {
    const model = makeNet();
    const options = { loss: criterion, optimizer: new optim.SGD(model.parameters()) };
    expect(() => noGrad(() => train(model, loader(), options))).toThrow(
      'train: there are no gradients under noGrad',
    );
  });

  test('batches of ever new sizes are no reason for ever new plans', async () => {
    class Growing extends Dataset<[Tensor, Tensor]> {
      readonly length = 40;
      get(index: number): [Tensor, Tensor] {
        return [randn([index + 1, 3]), randn([index + 1, 2])];
      }
    }
    const model = new nn.Linear(3, 2);
    const run = train(model as never, new DataLoader(new Growing()), {
      loss: new nn.MSELoss(),
      optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
    });
    const warnings = await warningsOf(async () => run);
    expect(warnings).toEqual([expect.stringContaining('gets batches of more than 32 shapes')]);
    const { epochs } = await run;
    expect(epochs[0]?.batchLosses).toHaveLength(40);
  });
});

describe('what makes no sense', () => {
  const model = makeNet();
  const optimizer = new optim.SGD(model.parameters());
  const good = { loss: criterion, optimizer };

  test.each<[string, unknown[], string]>([
    ['no model', [undefined, loader(), good], 'train: expected a model, an nn.Module, got undefined'],
    ['no loader', [model, [1, 2], good], 'train: expected a loader, a DataLoader, got an array of 2'],
    ['no options', [model, loader(), undefined], 'train: loss must be a loss such as'],
    [
      'an unknown option',
      [model, loader(), { ...good, epoch: 3 }],
      'train: unknown option "epoch", expected loss,',
    ],
    [
      'no loss',
      [model, loader(), { optimizer }],
      'train: loss must be a loss such as new nn.CrossEntropyLoss(), got undefined',
    ],
    ['no optimizer', [model, loader(), { loss: criterion }], 'train: optimizer must be one of optim'],
    [
      'half an epoch',
      [model, loader(), { ...good, epochs: 0.5 }],
      'train: epochs must be a whole number from 1',
    ],
    [
      'another validation',
      [model, loader(), { ...good, validation: digits(3) }],
      'train: expected validation, a DataLoader',
    ],
    [
      'metrics in a list',
      [model, loader(), { ...good, metrics: [metrics.accuracy()] }],
      'train: expected metrics by name',
    ],
    [
      'a metric that is none',
      [model, loader(), { ...good, metrics: { accuracy: metrics.accuracy } }],
      'train: metrics.accuracy must be a metric',
    ],
    [
      'another signal',
      [model, loader(), { ...good, signal: new AbortController() }],
      'train: signal must be an AbortSignal',
    ],
    [
      'a number for a flag',
      [model, loader(), { ...good, progress: 1 }],
      'train: progress must be true or false, got 1',
    ],
    [
      'no batches',
      [model, loader(10, { dropLast: true }), good],
      'train: a loader has no batches: 10 items do not fill one of 64',
    ],
    ...['scheduler', 'clipGradNorm', 'checkpoint', 'callbacks'].map((name): [string, unknown[], string] => [
      `${name}, so far`,
      [model, loader(), { ...good, [name]: 1 }],
      `train: the option ${name} is not available yet`,
    ]),
  ])('%s is refused', (_, args, message) => {
    const call = () => (train as (...args: unknown[]) => unknown)(...args);
    expect(call).toThrow(ArgumentError);
    expect(call).toThrow(message);
    expect(isTraining(model)).toBe(false);
  });

  test('an optimizer of another model is refused', () => {
    const other = new optim.SGD(new nn.Linear(2, 3).parameters());
    const call = () => train(model, loader(), { loss: criterion, optimizer: other });
    expect(call).toThrow(StateError);
    expect(call).toThrow(
      'train: the optimizer has a parameter of shape [3, 2] that model.parameters() does not list',
    );
  });

  test.each<[string, Dataset<unknown>, string]>([
    [
      'batches of inputs alone',
      new TensorDataset(zeros([4, 784])),
      'train: expected batches [inputs, target]',
    ],
    [
      'items that are tensors',
      { length: 4, get: () => zeros([784]) } as never,
      'train: expected batches [inputs, target] of the loader, got a Tensor',
    ],
    [
      'text in a batch',
      { length: 4, get: () => [zeros([784]), 'seven'] } as never,
      'train: expected batches of tensors, part 1 is an array of 4',
    ],
  ])('%s are refused', async (_, data, message) => {
    const run = train(model as never, new DataLoader(data, { batchSize: 4 }), good as never);
    await expect(run).rejects.toThrow(ArgumentError);
    await expect(run).rejects.toThrow(message);
  });

  test('a loss that is no scalar, or depends on no parameter, is refused', async () => {
    const none = new nn.CrossEntropyLoss({ reduction: 'none' });
    await expect(train(model, loader(), { loss: none as never, optimizer })).rejects.toThrow(
      'train: the loss must be a scalar, got shape [64]',
    );
    const frozen = makeNet(0);
    frozen.requiresGrad_(false);
    await expect(
      train(frozen, loader(), { loss: criterion, optimizer: new optim.SGD(frozen.parameters()) }),
    ).rejects.toThrow('does not depend on any parameter');
    const metric = { metrics: { right: metrics.accuracy() } };
    const flat = new nn.Sequential(new nn.Linear(4, 1), new nn.Flatten(0));
    const regression = new DataLoader(new TensorDataset(randn([8, 4]), randn([8])), { batchSize: 4 });
    await expect(
      train(flat as never, regression, {
        loss: new nn.MSELoss(),
        optimizer: new optim.SGD(flat.parameters()),
        ...metric,
      }),
    ).rejects.toThrow('accuracy: expected scores [N, classes] and labels [N], got [4] and [4]');
  });
});
