/** Data in memory is copied when a run begins, a piece in each turn of the event loop. */
import {
  DataLoader,
  evaluate,
  manualSeed,
  nn,
  optim,
  randn,
  StateError,
  type Tensor,
  TensorDataset,
  tensor,
  train,
  zeros,
} from 'ferrograd';
import { beforeEach, expect, test } from 'vitest';
import { distance, explicitLoop, weights } from './digits.js';

const generator = manualSeed(3);

beforeEach(() => {
  manualSeed(3);
});

const ROWS = 40_000;
const COLUMNS = 256;

/** 40 MB: ten pieces. */
function large() {
  const inputs = zeros([ROWS, COLUMNS]);
  inputs.data.forEach((_, i, elements) => {
    elements[i] = ((i * 37) % 101) / 101 - 0.5;
  });
  const data = new TensorDataset(inputs, randn([ROWS, 1]));
  return { inputs: inputs.data, loader: new DataLoader(data, { batchSize: 1000, shuffle: true }) };
}

function started(loader: DataLoader<unknown, unknown[]>, signal?: AbortSignal) {
  const model = new nn.Sequential(new nn.Linear(COLUMNS, 1), new nn.Dropout(0.1));
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 });
  const options = { loss: new nn.MSELoss(), optimizer, fallback: false, ...(signal && { signal }) };
  return { model, optimizer, run: train(model as never, loader, options) };
}

/** How many streams of random numbers have been drawn. */
const position = () => (generator as unknown as { position: number }).position;

test('it is not copied before train and evaluate return, but in later turns', async () => {
  const { inputs, loader } = large();
  const model = new nn.Linear(COLUMNS, 1);
  const judge = async (meanwhile?: () => void) => {
    const judged = evaluate(model, loader as never, { loss: new nn.MSELoss() });
    meanwhile?.();
    return (await judged).loss;
  };
  const before = await judge();
  const during = await judge(() => inputs.fill(100, -COLUMNS));
  expect(during).toBeGreaterThan(before);
  expect(await judge()).toBeCloseTo(during, 5);
});

test('what comes of it is what the explicit loop computes', async () => {
  const { loader } = large();
  manualSeed(5);
  const { model, run } = started(loader as never);
  const drawn = position();
  const { epochs } = await run;
  manualSeed(5);
  const copy = new nn.Sequential(new nn.Linear(COLUMNS, 1), new nn.Dropout(0.1));
  const optimizer = new optim.SGD(copy.parameters(), { lr: 0.01 });
  const expected = await explicitLoop(copy, loader, { loss: new nn.MSELoss(), optimizer, epochs: 1 });
  expect(distance(epochs[0]?.batchLosses ?? [], expected[0] as number[])).toBeLessThan(1e-5);
  expect(distance(weights(model), weights(copy))).toBeLessThan(1e-5);
  // Random numbers are drawn when the run begins, in the order of the explicit loop, and not some turns later.
  expect(drawn).toBe(position());
});

test.each([0, 1, 2, 5])('it can be stopped, after turn %d', async (turns) => {
  const { loader } = large();
  const controller = new AbortController();
  const { model, optimizer, run } = started(loader as never, controller.signal);
  const before = weights(model);
  const rejected = expect(run).rejects.toMatchObject({ name: 'AbortError' });
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
  controller.abort();
  await rejected;
  expect(weights(model).every(Number.isFinite)).toBe(true);
  if (turns < 2) expect(weights(model)).toEqual(before);
  const { completed } = await train(model as never, loader, { loss: new nn.MSELoss(), optimizer });
  expect(completed).toBe(true);
});

test('streams of random numbers are given back by a run that was stopped meanwhile', async () => {
  const { loader } = large();
  const controller = new AbortController();
  const model = new nn.Sequential(new nn.Linear(COLUMNS, 1), new nn.Dropout(0.1));
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 });
  const begin = position();
  const { signal } = controller;
  const run = train(model as never, loader, { loss: new nn.MSELoss(), optimizer, signal });
  expect(position()).toBeGreaterThan(begin + 1);
  controller.abort();
  await expect(run).rejects.toMatchObject({ name: 'AbortError' });
  expect(position()).toBe(begin + 1); // the order was drawn
});

test('data that is transferred away meanwhile is an error', async () => {
  const { inputs, loader } = large();
  const { model, run } = started(loader as never);
  const before = weights(model);
  const rejected = expect(run).rejects.toThrow(StateError);
  const buffer = inputs.buffer as ArrayBuffer;
  structuredClone(buffer, { transfer: [buffer] });
  await rejected;
  await expect(run).rejects.toThrow(/train: .*(detached|disposed|transferred)/);
  expect(weights(model)).toEqual(before);
});

test('what is written to it after the first epoch counts in the next run', async () => {
  const inputs = tensor([1, 2, 3, 4]).view(4, 1);
  const loader = new DataLoader(new TensorDataset(inputs, inputs.clone()), { batchSize: 4 });
  const model = new nn.Linear(1, 1, { bias: false });
  const optimizer = new optim.SGD(model.parameters(), { lr: 0 });
  const options = { loss: { forward: (y: Tensor) => y.sum() }, optimizer };
  const losses: number[] = [];
  for await (const { epoch, loss } of train(model, loader as never, { ...options, epochs: 3 })) {
    if (epoch === 1) inputs.data.fill(0);
    losses.push(loss);
  }
  expect(losses[2]).toBe(losses[0]);
  const { epochs } = await train(model, loader as never, options);
  expect(epochs[0]?.loss).toBeCloseTo(0);
});
