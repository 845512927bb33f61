/** What the tests of training share: small data, a small net, and the explicit loop to compare with. */
import { DataLoader, datasets, nn, type optim, type Tensor, transforms } from 'ferrograd';

/** Generated digits in memory. */
export function digits(length: number, train = true): datasets.ImageDataset {
  return datasets.syntheticDigits({ train, length, transform: transforms.toTensor() });
}

export function loader(
  length = 300,
  options: { batchSize?: number; shuffle?: boolean; dropLast?: boolean } = {},
) {
  return new DataLoader(digits(length), { batchSize: 64, shuffle: true, ...options });
}

export const makeNet = (dropout = 0.2) =>
  new nn.Sequential(
    new nn.Flatten(),
    new nn.Linear(28 * 28, 24),
    new nn.ReLU(),
    new nn.Dropout(dropout),
    new nn.Linear(24, 10),
  );

type AnyOptimizer = optim.SGD | optim.Adam;
interface Criterion {
  forward(output: never, target: never): Tensor;
}

/** The explicit loop: the losses of each epoch's batches. */
export async function explicitLoop(
  model: nn.Module,
  batches: AsyncIterable<unknown>,
  { loss: criterion, optimizer, epochs }: { loss: Criterion; optimizer: AnyOptimizer; epochs: number },
): Promise<number[][]> {
  const losses: number[][] = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    const ofEpoch: number[] = [];
    for await (const batch of batches as AsyncIterable<Tensor[]>) {
      optimizer.zeroGrad();
      const output = model.forward(...(batch.slice(0, -1) as never[]));
      const loss = criterion.forward(output as never, batch.at(-1) as never);
      loss.backward();
      optimizer.step();
      ofEpoch.push(loss.item());
    }
    losses.push(ofEpoch);
  }
  return losses;
}

/** The greatest distance between elements of two lists; infinite unless they are numbers and equally many. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let greatest = 0;
  for (let i = 0; i < a.length; i++)
    greatest = Math.max(greatest, Math.abs((a[i] as number) - (b[i] as number)));
  return Number.isNaN(greatest) ? Number.POSITIVE_INFINITY : greatest;
}

/** All numbers of a model, one after another. */
export function weights(model: nn.Module): number[] {
  return model.parameters().flatMap(({ data }) => [...data]);
}

/** The state of an optimizer as plain numbers. */
export function stateOf(optimizer: AnyOptimizer): number[] {
  return Object.values(optimizer.stateDict().state).flatMap((memory) =>
    Object.values(memory).flatMap(({ data }) => [...data]),
  );
}

/** Collects the warnings of type TrainWarning while `fn` runs. */
export async function warningsOf(fn: () => Promise<unknown>): Promise<string[]> {
  const messages: string[] = [];
  const listen = (warning: Error): void => {
    if (warning.name === 'TrainWarning') messages.push(warning.message);
  };
  process.on('warning', listen);
  try {
    await fn();
    await new Promise((resolve) => setTimeout(resolve, 5)); // warnings are emitted in the next tick
  } finally {
    process.off('warning', listen);
  }
  return messages;
}
