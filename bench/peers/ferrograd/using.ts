/** What trained nets are for: the classes of images, and how many of them are right. */
import { DataLoader, evaluate, metrics, noGrad, predictSync, setNumThreads, type Tensor } from 'ferrograd';
import type { Evaluate, Predict } from '../../case.js';
import { type Opened, repeat } from '../serve.js';
import { inOrder, Net, readDigits } from './net.js';

function predicting(
  { layers, batch, data, threads }: Predict,
  outputs: (model: Net, x: Tensor) => Tensor,
): Opened {
  setNumThreads(threads);
  const model = new Net(layers);
  const [first] = inOrder(readDigits(data), batch, 1) as Iterable<[Tensor, Tensor]>;
  const [x] = first as [Tensor, Tensor];
  const check = outputs(model, x).max().item();
  // As `item` is the shortest way to one number, `data` is to several.
  const classes = (): Tensor => outputs(model, x).argmax(1);
  return { check, run: repeat(batch === 1 ? () => classes().item() : () => classes().data) };
}

/** `predictSync`. */
export function prediction(program: Predict): Opened {
  return predicting(program, (model, x) => predictSync(model, x));
}

/** The model, called as in training, without gradients. */
export function forward(program: Predict): Opened {
  return predicting(program, (model, x) => noGrad(() => model.forward(x)));
}

/** `evaluate`. */
export async function evaluation({ layers, batch, data, threads }: Evaluate): Promise<Opened> {
  setNumThreads(threads);
  const model = new Net(layers);
  const loader = new DataLoader(readDigits(data), { batchSize: batch });
  const options = { metrics: { accuracy: metrics.accuracy() }, fallback: false };
  const accuracy = async (): Promise<number> => (await evaluate(model, loader, options)).metrics.accuracy;
  const run = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) await accuracy();
  };
  return { check: await accuracy(), run };
}
