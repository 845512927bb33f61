/**
 * Runs that end at random moments: the model is whole, at a step's end, and trains on.
 *
 * Twenty of each kind here; FERROGRAD_SOAK=1 tries two hundred.
 */
import { setTimeout } from 'node:timers/promises';
import {
  DataLoader,
  Dataset,
  ImageDataset,
  manualSeed,
  nn,
  optim,
  randn,
  StateError,
  type Tensor,
  TensorDataset,
  train,
} from 'ferrograd';
import { expect, test } from 'vitest';

const TIMES = process.env.FERROGRAD_SOAK ? 200 : 20;

/**
 * Each step adds the same number to every weight: the gradient of the mean output is the input, which is 1 everywhere.
 * So one can tell from the weights how many steps there were, and that all of them were whole.
 */
class Counter extends nn.Module {
  weight = new nn.Parameter(randn([40]).mul(0));
  /** @param looks at values: then it cannot be compiled. */
  constructor(private readonly looks = false) {
    super();
  }
  forward(x: Tensor): Tensor {
    return x.mul(this.weight).mul(this.looks ? x.max().item() : 1);
  }
}

const loss = {
  forward: (output: Tensor, target: Tensor) =>
    output
      .sub(target)
      .sum()
      .mul(-1 / 4),
};

function expectWhole(model: Counter, optimizer: optim.SGD, what: string): number {
  const values = [...model.weight.data];
  const [steps] = values as [number];
  expect(
    values.every((value) => value === steps),
    what,
  ).toBe(true);
  expect(Number.isInteger(steps), what).toBe(true);
  expect(model.weight.grad).toBeNull();
  expect(optimizer.paramGroups).toHaveLength(1);
  return steps;
}

async function trainsOn(model: Counter, optimizer: optim.SGD, what: string): Promise<void> {
  const before = expectWhole(model, optimizer, what);
  const { completed } = await train(model, inMemory(8), { loss, optimizer });
  expect(completed).toBe(true);
  expect(expectWhole(model, optimizer, what)).toBe(before + 2);
}

const ones = (rows: number) => randn([rows, 40]).mul(0).add(1);

function inMemory(rows: number): DataLoader<unknown, [Tensor, Tensor]> {
  return new DataLoader(new TensorDataset(ones(rows), ones(rows)), { batchSize: 4 }) as never;
}

/** Gives its items one by one, some later than others, and fails at one of them. */
class Streamed extends Dataset<[Tensor, Tensor]> {
  constructor(
    readonly length: number,
    private readonly failing: number,
    private readonly slow: boolean,
  ) {
    super();
  }
  get(index: number): [Tensor, Tensor] | Promise<[Tensor, Tensor]> {
    if (index === this.failing) throw new RangeError('broken item');
    const item: [Tensor, Tensor] = [ones(40).slice(0, 0, 1).view(40), ones(1).view(40)];
    return this.slow && index % 7 === 0 ? setTimeout(0, item) : item;
  }
}

function streamed(failing = -1, slow = true): DataLoader<unknown, [Tensor, Tensor]> {
  return new DataLoader(new Streamed(400, failing, slow), { batchSize: 4 }) as never;
}

function start(
  loader: DataLoader<unknown, [Tensor, Tensor]>,
  options: { epochs?: number; signal?: AbortSignal; loss?: typeof loss } = {},
  looks = false,
) {
  const model = new Counter(looks);
  const optimizer = new optim.SGD(model.parameters(), { lr: 1 });
  return { model, optimizer, run: train(model, loader, { loss, optimizer, epochs: 100_000, ...options }) };
}

const moments = Array.from({ length: TIMES }, (_, i) => {
  manualSeed(i);
  return Math.abs(randn([1]).item()) * 12;
});

test.each([
  ['in memory', () => inMemory(4000), false],
  ['one by one', () => streamed(), false],
  ['in JavaScript', () => inMemory(4000), true],
  ['in JavaScript, one by one', () => streamed(), true],
])('abort, %s', { timeout: 600_000 }, async (_, makeLoader, looks) => {
  for (const moment of moments) {
    const controller = new AbortController();
    const { model, optimizer, run } = start(makeLoader(), { signal: controller.signal }, looks);
    const timer = globalThis.setTimeout(() => controller.abort(), moment);
    await expect(run).rejects.toMatchObject({ name: 'AbortError' });
    clearTimeout(timer);
    await trainsOn(model, optimizer, `aborted after ${moment} ms`);
  }
});

test('break', { timeout: 600_000 }, async () => {
  for (const moment of moments) {
    const { model, optimizer, run } = start(inMemory(400));
    let epochs = 0;
    for await (const _ of run) {
      if (++epochs === 2) {
        await setTimeout(moment);
        break;
      }
    }
    expect((await run).completed).toBe(false);
    expect(expectWhole(model, optimizer, `left after ${moment} ms`)).toBeGreaterThanOrEqual(200);
    await trainsOn(model, optimizer, `left after ${moment} ms`);
  }
});

test('a dataset that throws', { timeout: 600_000 }, async () => {
  for (const [i, moment] of moments.entries()) {
    const failing = Math.floor(moment * 30) % 400;
    const { model, optimizer, run } = start(streamed(failing, i % 2 === 0), { epochs: 1 });
    await expect(run).rejects.toThrow(new RangeError('broken item'));
    expect(expectWhole(model, optimizer, `item ${failing}`)).toBe(Math.floor(failing / 4));
    await trainsOn(model, optimizer, `item ${failing}`);
  }
});

test('a transform that throws', { timeout: 600_000 }, async () => {
  for (const moment of moments) {
    const failing = Math.floor(moment * 30) % 400;
    let calls = 0;
    const transform = () => {
      if (calls++ === failing) throw new RangeError('broken transform');
      return ones(1).view(40);
    };
    const images = new ImageDataset({
      images: new Uint8Array(400 * 40),
      itemShape: [5, 8],
      labels: new Int32Array(400),
      transform,
    });
    const { model, optimizer, run } = start(new DataLoader(images, { batchSize: 4 }) as never, {
      epochs: 1,
      loss: { forward: (output: Tensor) => output.sum().mul(-1 / 4) },
    });
    await expect(run).rejects.toThrow(new RangeError('broken transform'));
    expect(expectWhole(model, optimizer, `item ${failing}`)).toBe(Math.floor(failing / 4));
    await trainsOn(model, optimizer, `item ${failing}`);
  }
});

test('a second run', { timeout: 600_000 }, async () => {
  for (const moment of moments) {
    const { model, optimizer, run } = start(inMemory(400));
    await setTimeout(moment);
    expect(() => train(model, inMemory(8), { loss, optimizer })).toThrow(StateError);
    for await (const _ of run) break;
    await trainsOn(model, optimizer, `a second run after ${moment} ms`);
  }
});

test('an error of the loss while it trains', { timeout: 600_000 }, async () => {
  for (const moment of moments) {
    const model = new nn.Linear(3, 2);
    const items = 400;
    const at = Math.floor(moment * 30) % items;
    const labels = randn([items]).mul(0).to('int32');
    labels.data[at] = 2;
    const data = new DataLoader(new TensorDataset(randn([items, 3]), labels), {
      batchSize: 8,
      shuffle: true,
    });
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
    const wrong = train(model, data, { loss: new nn.CrossEntropyLoss(), optimizer });
    await expect(wrong).rejects.toMatchObject({ code: 'ERR_INDEX' });
    labels.data[at] = 0;
    const { epochs } = await train(model, data, { loss: new nn.CrossEntropyLoss(), optimizer });
    expect(epochs[0]?.batchLosses.every(Number.isFinite)).toBe(true);
  }
});
