/** Training: the explicit loop, and `train`. */
import { DataLoader, nn, setNumThreads, type Tensor, TensorDataset, tensor, train } from 'ferrograd';
import type { Train } from '../../case.js';
import { CHECKED_STEPS, filled, type Opened, type Turn } from '../serve.js';
import { inOrder, Net, optimizerOf, readDigits } from './net.js';

/** Inputs and labels of the fixed batch, so many times. */
function fixedBatch({ layers, batch }: Train, copies = 1): [Tensor, Tensor] {
  const features = layers[0] as number;
  const one = filled(batch * features, 3);
  const inputs = Float32Array.from({ length: copies * one.length }, (_, i) => one[i % one.length] as number);
  const labels = Int32Array.from(
    { length: copies * batch },
    (_, i) => (i % batch) % (layers.at(-1) as number),
  );
  const rows = copies * batch;
  return [tensor(inputs, { shape: [rows, features] }), tensor(labels, { shape: [rows], dtype: 'int32' })];
}

export function explicitLoop(program: Train): Opened {
  setNumThreads(program.threads);
  const { batch, data } = program;
  const model = new Net(program.layers, program.activation);
  const criterion = new nn.CrossEntropyLoss();
  const optimizer = optimizerOf(model.parameters(), program.optimizer);
  const dataset = data ? readDigits(data) : undefined;

  function* batches(shuffle: boolean): Generator<[Tensor, Tensor], never> {
    if (!dataset) {
      const fixed = fixedBatch(program);
      for (;;) yield fixed;
    }
    const loader = new DataLoader(dataset, { batchSize: batch, shuffle });
    for (;;) yield* loader as Iterable<[Tensor, Tensor]>;
  }
  const step = (next: Generator<[Tensor, Tensor], never>): number => {
    const [inputs, labels] = next.next().value;
    optimizer.zeroGrad();
    const loss = criterion.forward(model.forward(inputs), labels);
    loss.backward();
    optimizer.step();
    return loss.item();
  };

  let check = 0;
  const ordered = batches(false);
  for (let i = 0; i < CHECKED_STEPS; i++) check += step(ordered) / CHECKED_STEPS;
  const shuffled = batches(true);
  const run = (times: number): number => {
    let runningLoss = 0;
    for (let i = 0; i < times; i++) runningLoss += step(shuffled);
    return runningLoss;
  };
  return { check, run };
}

/** Steps of an epoch where there is no data but one batch. */
const FIXED_STEPS = 1000;

/** A net with its loss, optimizer and data, for `train`. */
export function task(program: Train) {
  setNumThreads(program.threads);
  const { batch, data } = program;
  const model = new Net(program.layers, program.activation);
  const optimizer = optimizerOf(model.parameters(), program.optimizer);
  const options = { loss: new nn.CrossEntropyLoss(), optimizer, fallback: false };
  if (data) {
    const dataset = readDigits(data);
    const checked = inOrder(dataset, batch, CHECKED_STEPS);
    return { model, options, checked, loader: new DataLoader(dataset, { batchSize: batch, shuffle: true }) };
  }
  const fixed = (steps: number) =>
    new DataLoader(new TensorDataset(...fixedBatch(program, steps)), { batchSize: batch });
  return { model, options, checked: fixed(CHECKED_STEPS), loader: fixed(FIXED_STEPS) };
}

/** Whole epochs, from the end of one to the end of another; that before the first has compiled and warmed up. */
export async function compiledTraining(program: Train): Promise<Opened> {
  const { model, options, checked, loader } = task(program);
  const { epochs } = await train(model, checked, options);
  const measure = async (times: number): Promise<Turn> => {
    const epochs = Math.ceil(times / loader.length);
    const ends: number[] = [];
    for await (const _ of train(model, loader, { ...options, epochs: epochs + 1 }))
      ends.push(performance.now());
    const seconds = ((ends.at(-1) as number) - (ends[0] as number)) / 1000;
    return { seconds, runs: epochs * loader.length };
  };
  return { check: epochs[0]!.loss, measure };
}
