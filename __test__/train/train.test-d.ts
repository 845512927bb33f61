import {
  DataLoader,
  evaluate,
  type History,
  metrics,
  nn,
  optim,
  predict,
  type Run,
  randn,
  type Tensor,
  TensorDataset,
  train,
} from 'ferrograd';
import { describe, expectTypeOf, test } from 'vitest';

const loss = new nn.CrossEntropyLoss();
const model = new nn.Sequential(new nn.Linear(8, 4), new nn.ReLU(), new nn.Linear(4, 2));
const optimizer = new optim.AdamW(model.parameters());
const loader = new DataLoader(new TensorDataset(randn([10, 8]), randn([10])), { batchSize: 2 });

class Two extends nn.Module {
  forward(a: Tensor, b: Tensor): Tensor {
    return a.add(b);
  }
}

describe('train', () => {
  test('names the metrics', async () => {
    const run = train(model, loader, { loss, optimizer, metrics: { right: metrics.accuracy() } });
    expectTypeOf(run).toEqualTypeOf<Run<'right'>>();
    for await (const epoch of run) {
      expectTypeOf(epoch.metrics.right).toEqualTypeOf<number>();
      expectTypeOf(epoch.valMetrics.right).toEqualTypeOf<number | undefined>();
      // @ts-expect-error there is no such metric
      epoch.metrics.wrong;
    }
    expectTypeOf(await run).toEqualTypeOf<History<'right'>>();
    const { metrics: found } = await evaluate(model, loader, { metrics: { right: metrics.accuracy() } });
    expectTypeOf(found).toEqualTypeOf<Readonly<Record<'right', number>>>();
  });

  test('has none where none are given', async () => {
    const { epochs } = await train(model, loader, { loss, optimizer });
    // @ts-expect-error no metric was asked for
    epochs[0]?.metrics.accuracy;
  });

  test('takes the parts of a batch as inputs, the last one as target', () => {
    const three = new DataLoader(new TensorDataset(randn([4, 2]), randn([4, 2]), randn([4, 2])));
    train(new Two(), three, { loss: new nn.MSELoss(), optimizer });
    // @ts-expect-error a net of two inputs, and batches of one
    train(new Two(), loader, { loss, optimizer });
    class Text extends nn.Module {
      forward(words: string[]): Tensor {
        return randn([words.length]);
      }
    }
    // @ts-expect-error a net for text, and batches of tensors
    train(new Text(), loader, { loss, optimizer });
    // @ts-expect-error validation of other batches
    train(model, loader, { loss, optimizer, validation: three });
  });

  test('has no options that do not exist yet', () => {
    // @ts-expect-error not yet
    train(model, loader, { loss, optimizer, scheduler: 1 });
    // @ts-expect-error a loss is needed
    train(model, loader, { optimizer });
  });
});

test('predict gives a tensor', async () => {
  expectTypeOf(await predict(model, randn([1, 8]))).toEqualTypeOf<Tensor>();
});
