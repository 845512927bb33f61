import {
  ArgumentError,
  DataLoader,
  Dataset,
  evaluate,
  manualSeed,
  metrics,
  nn,
  noGrad,
  optim,
  randn,
  ShapeError,
  StateError,
  type Tensor,
  TensorDataset,
  tensor,
  train,
} from 'ferrograd';
import { beforeEach, describe, expect, test } from 'vitest';
import { digits, loader, makeNet, warningsOf } from './digits.js';

const criterion = new nn.CrossEntropyLoss();

beforeEach(() => {
  manualSeed(6);
});

/** The mean loss and accuracy of samples, by the explicit loop. */
function judge(model: nn.Module, batches: Iterable<[Tensor, Tensor]>) {
  const modes = model.modules().map((module) => [module, module.training] as const);
  let [loss, right, samples] = [0, 0, 0];
  model.eval();
  noGrad(() => {
    for (const [x, y] of batches) {
      const output = model.forward(x as never) as Tensor;
      loss += criterion.forward(output, y).item() * y.size;
      right += output.argmax(1).eq(y).to('int32').sum().item();
      samples += y.size;
    }
  });
  for (const [module, training] of modes) module.training = training;
  return { loss: loss / samples, accuracy: right / samples };
}

/** A dataset that is not in memory, as far as a loader can tell. */
class Elsewhere extends Dataset<[Tensor, number]> {
  constructor(private readonly data: Dataset<[Tensor, number]>) {
    super();
  }
  get length() {
    return this.data.length;
  }
  async get(index: number) {
    return this.data.get(index);
  }
}

describe('evaluate', () => {
  test('gives the mean over samples, in evaluation mode, and leaves the model as it is', async () => {
    const model = makeNet(0.9);
    model.layers[2].eval();
    const batches = new DataLoader(digits(110, false), { batchSize: 40 });
    const expected = judge(model, batches as never);
    for (const each of [batches, new DataLoader(new Elsewhere(digits(110, false)), { batchSize: 40 })]) {
      const report = await evaluate(model, each, {
        loss: criterion,
        metrics: { right: metrics.accuracy() },
        fallback: false,
      });
      expect(report.loss).toBeCloseTo(expected.loss, 5);
      expect(report.metrics.right).toBeCloseTo(expected.accuracy, 9);
      expect(report.samples).toBe(110);
      expect(report.samplesPerSecond).toBeCloseTo(110 / report.seconds, 3);
      expect(model.modules().map(({ training }) => training)).toEqual([true, true, true, false, true, true]);
    }
    const again = await evaluate(model, batches, { loss: criterion });
    expect(again.metrics).toEqual({});
    expect(again.loss).toBeCloseTo(expected.loss, 5);
    const alone = await evaluate(model, batches, { metrics: { right: metrics.accuracy() } });
    expect(alone.loss).toBeNaN();
    expect(alone.metrics.right).toBeCloseTo(expected.accuracy, 9);
  });

  test('in JavaScript where it must, with the same result and a warning', async () => {
    class Reading extends nn.Module {
      layer = new nn.Linear(784, 10);
      forward(x: Tensor): Tensor {
        return this.layer.forward(x.view(-1, 784).mul(x.mean().item()));
      }
    }
    const model = new Reading();
    const batches = new DataLoader(digits(50, false), { batchSize: 20 });
    const expected = judge(model, batches as never);
    const warnings = await warningsOf(async () => {
      const { loss } = await evaluate(model, batches, { loss: criterion });
      expect(loss).toBeCloseTo(expected.loss, 6);
    });
    expect(warnings).toEqual([
      expect.stringMatching(/^evaluate: the forward of Reading looks at the elements/),
    ]);
    await expect(evaluate(model, batches, { loss: criterion, fallback: false })).rejects.toThrow(StateError);
  });

  test('with metrics of one’s own', async () => {
    const model = makeNet(0);
    const worst: metrics.Metric = {
      name: 'worst',
      compute: (output, target) => ({
        sum: output.argmin(1).eq(target).to('int32').sum().item(),
        count: target.size,
      }),
    };
    const batches = new DataLoader(digits(50, false), { batchSize: 20 });
    const warnings = await warningsOf(async () => {
      const { metrics: found } = await evaluate(model, batches, { metrics: { worst } });
      expect(found.worst).toBeGreaterThanOrEqual(0);
      expect(found.worst).toBeLessThanOrEqual(1);
    });
    expect(warnings[0]).toContain('is judged by metrics.worst, which is computed in JavaScript');
  });

  test('judges outputs that are strided', async () => {
    class Columns extends nn.Module {
      layer = new nn.Linear(4, 3);
      forward(x: Tensor): Tensor {
        return this.layer.forward(x).t().add(0.5).exp().t();
      }
    }
    const model = new Columns();
    const [x, labels] = [randn([6, 4]), tensor(Int32Array.of(0, 1, 2, 2, 1, 0))];
    const { metrics: found } = await evaluate(
      model,
      new DataLoader(new TensorDataset(x, labels), { batchSize: 4 }),
      {
        metrics: { accuracy: metrics.accuracy() },
        fallback: false,
      },
    );
    const right = noGrad(() => model.forward(x).argmax(1).eq(labels).to('float32').mean().item());
    expect(found.accuracy).toBeCloseTo(right, 6);
  });

  test('labels may be bytes', async () => {
    const model = new nn.Linear(4, 3);
    const labels = tensor([0, 1, 2, 2, 1, 0], { dtype: 'uint8' });
    const x = randn([6, 4]);
    const { metrics: found } = await evaluate(
      model,
      new DataLoader(new TensorDataset(x, labels), { batchSize: 4 }),
      {
        loss: criterion,
        metrics: { accuracy: metrics.accuracy() },
        fallback: false,
      },
    );
    const right = noGrad(() => model.forward(x).argmax(1).eq(labels).to('float32').mean().item());
    expect(found.accuracy).toBeCloseTo(right, 6);
  });

  test('during a run judges the last epoch', async () => {
    const model = makeNet();
    const batches = new DataLoader(digits(60, false), { batchSize: 60 });
    const run = train(model, loader(200), {
      loss: criterion,
      optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
      epochs: 5,
      validation: batches,
    });
    const first = judge(model, batches as never);
    expect((await evaluate(model, batches, { loss: criterion })).loss).toBeCloseTo(first.loss, 5);
    const { epochs } = await run;
    expect((await evaluate(model, batches, { loss: criterion })).loss).toBeCloseTo(
      epochs[4]?.valLoss as number,
      5,
    );
  });

  test('stops at a signal', async () => {
    const signal = AbortSignal.abort('no time');
    const wanted = evaluate(makeNet(), loader(), { loss: criterion, signal });
    await expect(wanted).rejects.toMatchObject({ name: 'AbortError', cause: 'no time' });
  });

  test('refuses what makes no sense', async () => {
    const model = makeNet();
    const cases: [unknown[], string][] = [
      [[3, loader(), { loss: criterion }], 'evaluate: expected a model'],
      [[model, 3, { loss: criterion }], 'evaluate: expected a loader'],
      [[model, loader(), {}], 'evaluate: expected a loss, metrics, or both'],
      [[model, loader(), { loss: 3 }], 'evaluate: loss must be a loss'],
      [[model, loader(), { loss: criterion, epochs: 3 }], 'evaluate: unknown option "epochs"'],
    ];
    for (const [args, message] of cases) {
      const wanted = (evaluate as (...args: unknown[]) => Promise<unknown>)(...args);
      await expect(wanted).rejects.toThrow(ArgumentError);
      await expect(wanted).rejects.toThrow(message);
    }
    const wrong = new DataLoader(new TensorDataset(randn([4, 3]), randn([4])), { batchSize: 2 });
    await expect(evaluate(model as never, wrong, { loss: criterion })).rejects.toThrow(ShapeError);
  });
});
