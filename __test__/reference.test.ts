/**
 * The seed program's net against PyTorch: on generated digits, and on the real MNIST where that and the reference run
 * are at hand, with every instruction set of this machine, on one thread and on two.
 *
 * FERROGRAD_REFERENCE=full trains all ten epochs with each of them, and prints how far off they were.
 */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { DataLoader, datasets, nn, noGrad, optim, tensor, transforms } from 'ferrograd';
import { describe, expect, test } from 'vitest';
import { mnistFolder } from './datasets/mnistFolder.js';

const root = resolve(import.meta.dirname, '..');

function json<T>(...path: string[]): T {
  return JSON.parse(readFileSync(join(...path), 'utf8'));
}

/** The greatest distance between two lists of numbers; infinite unless they are numbers and equally many. */
function distance(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  const differences = a.map((x, i) => Math.abs(x - (b[i] as number)));
  return differences.some(Number.isNaN) ? Number.POSITIVE_INFINITY : Math.max(0, ...differences);
}

test('a hundred steps on generated digits', () => {
  const expected = json<{ seed: number; batchSize: number; losses: number[] }>(
    import.meta.dirname,
    'fixtures/digits.json',
  );
  /** As fixtures/make_digits.py computes them. */
  const scattered = (rows: number, columns: number) => {
    const hashed = Float32Array.from({ length: rows * columns }, (_, i) => {
      const unit = ((Math.imul(i, 2654435761) + 12345) >>> 0) / 2 ** 32;
      return (unit * 2 - 1) / Math.sqrt(columns);
    });
    return tensor(hashed, { shape: [rows, columns] });
  };
  const layers = [new nn.Linear(784, 128), new nn.Linear(128, 10)] as const;
  noGrad(() => {
    for (const layer of layers) {
      layer.weight.copy_(scattered(layer.outFeatures, layer.inFeatures));
      layer.bias?.fill_(0);
    }
  });
  const criterion = new nn.CrossEntropyLoss();
  const optimizer = new optim.SGD(
    layers.flatMap((layer) => layer.parameters()),
    { lr: 0.01 },
  );
  const { seed, batchSize } = expected;
  const length = expected.losses.length * batchSize;
  const digits = datasets.syntheticDigits({ seed, length, transform: transforms.toTensor() });

  const losses: number[] = [];
  for (const [images, labels] of new DataLoader(digits, { batchSize })) {
    optimizer.zeroGrad();
    const hidden = layers[0].forward(images.view(-1, 784));
    const loss = criterion.forward(layers[1].forward(hidden), labels);
    loss.backward();
    optimizer.step();
    losses.push(loss.item());
  }
  expect(distance(losses, expected.losses)).toBeLessThan(1e-4);
});

/** What programs/seedReference.ts writes. */
interface Run {
  isa: string;
  threads: number;
  firstEpochStepLosses: number[];
  epochLosses: number[];
  accuracy: number;
  weightDifferences: Record<string, number>;
}

interface Reference {
  firstEpochStepLosses: number[];
  epochs: { loss: number; testAccuracy: number }[];
}

const reference = resolve(root, '../shared/reference');
const found = mnistFolder !== undefined && existsSync(join(reference, 'seed_losses.json'));

/** Those of this machine, the one that it picks by itself first. */
function instructionSets(): string[] {
  return ['avx512', 'avx2', 'neon', 'portable'].filter((isa) => {
    const env = { ...process.env, FERROGRAD_ISA: isa };
    try {
      execFileSync(process.execPath, ['--eval', "require('ferrograd').backend()"], {
        cwd: root,
        env,
        stdio: 'pipe',
      });
      return true;
    } catch {
      return false;
    }
  });
}

async function train(isa: string, threads: number, epochs: number, how: string): Promise<Run> {
  const tsx = join(root, 'node_modules/tsx/dist/cli.mjs');
  const program = join(import.meta.dirname, 'programs/seedReference.ts');
  const args = [tsx, program, mnistFolder as string, reference, String(epochs), String(threads), how];
  const env = { ...process.env, FERROGRAD_ISA: isa };
  return JSON.parse((await promisify(execFile)(process.execPath, args, { env })).stdout);
}

describe.skipIf(!found)('the reference run on MNIST', () => {
  const full = process.env.FERROGRAD_REFERENCE === 'full';
  const runs = (found ? instructionSets() : ['avx512']).flatMap((isa, i) => [
    { how: 'train', isa, threads: 2, epochs: 10 },
    { how: 'train', isa, threads: 1, epochs: full ? 10 : 1 },
    { how: 'loop', isa, threads: 2, epochs: full || i === 0 ? 10 : 1 },
    { how: 'loop', isa, threads: 1, epochs: full ? 10 : 1 },
  ]);

  test.each(runs)(
    '$how, $isa, threads: $threads, epochs: $epochs',
    { timeout: 600_000 },
    async ({ how, isa, threads, epochs }) => {
      const expected = json<Reference>(reference, 'seed_losses.json');
      const means = expected.epochs.slice(0, epochs).map(({ loss }) => loss);
      const run = await train(isa, threads, epochs, how);
      expect([run.isa, run.threads]).toEqual([isa, threads]);

      const steps = distance(run.firstEpochStepLosses, expected.firstEpochStepLosses);
      const epoch = distance(run.epochLosses, means);
      expect(Object.keys(run.weightDifferences)).toEqual([
        'fc1.weight',
        'fc1.bias',
        'fc2.weight',
        'fc2.bias',
      ]);
      const weights = Math.max(...Object.values(run.weightDifferences));
      const accuracy = Math.abs(run.accuracy - (expected.epochs[epochs - 1]?.testAccuracy ?? Number.NaN));
      if (full)
        console.log(
          JSON.stringify({ how, isa, threads, epochs, steps, epoch, weights, accuracy: run.accuracy }),
        );
      expect(steps).toBeLessThan(1e-4);
      expect(epoch).toBeLessThan(5e-4);
      expect(accuracy).toBeLessThan(0.0015);
      if (epochs === 10) expect(weights).toBeLessThan(2e-3);
    },
  );
});
