/** Models, losses and data of many kinds: what `train` makes of them is what the explicit loop does. */
import {
  arange,
  cat,
  DataLoader,
  type Dataset,
  type datasets,
  ImageDataset,
  manualSeed,
  nn,
  noGrad,
  oneHot,
  optim,
  randint,
  randn,
  stack,
  type Tensor,
  TensorDataset,
  tensor,
  train,
  transforms,
  where,
} from 'ferrograd';
import { expect, test } from 'vitest';
import { distance, explicitLoop, weights } from './digits.js';

/** A model of one function of its input and two parameters. */
class Formula extends nn.Module {
  w = new nn.Parameter(randn([6, 4]).mul(0.3));
  v = new nn.Parameter(randn([4]).mul(0.3));
  constructor(private readonly compute: (x: Tensor, w: Tensor, v: Tensor) => unknown) {
    super();
  }
  forward(x: Tensor): Tensor {
    return this.compute(x, this.w, this.v) as Tensor;
  }
}

/** From inputs [N, 6] and parameters [6, 4] and [4] to outputs [N, 4]. */
const functions: Record<string, (x: Tensor, w: Tensor, v: Tensor) => Tensor> = {
  matmul: (x, w, v) => x.matmul(w).add(v),
  'a transposed weight': (x, w, v) => w.t().matmul(x.t()).t().mul(v),
  'slices and cat': (x, w, v) => cat([x.matmul(w).slice(1, 0, 2), x.slice(1, 1, 3).mul(v.slice(0, 2))], 1),
  'stack, permute, mean': (x, w, v) =>
    stack([x.matmul(w), x.matmul(w).tanh().mul(v)])
      .permute(1, 2, 0)
      .mean(2),
  'softmax and log': (x, w, v) => x.matmul(w).mul(v.exp()).softmax(1).add(0.1).log(),
  'log softmax along another dimension': (x, w, v) => x.matmul(w).add(v).logSoftmax(0),
  'where and comparisons': (x, w, v) => where(x.matmul(w).gt(0), x.matmul(w).mul(v), v.abs().neg()),
  'clamp, pow, sqrt': (x, w, v) => x.matmul(w).clamp(-0.5, 0.5).pow(2).add(v.mul(v)).add(0.5).sqrt(),
  'a norm by hand': (x, w, v) => {
    const y = x.matmul(w);
    return y
      .sub(y.mean(1, { keepDim: true }))
      .div(y.std(1, { keepDim: true }).add(0.5))
      .mul(v);
  },
  'maximum and its values': (x, w, v) =>
    x
      .matmul(w)
      .maximum(v)
      .add(x.matmul(w).max(1, { keepDim: true }).values.mul(v)),
  'expand and gather': (x, w, v) =>
    v
      .expand(x.shape[0] as number, 4)
      .gather(1, arange(0, 4, 1, { dtype: 'int32' }).expand(x.shape[0] as number, 4))
      .add(x.matmul(w)),
  'rows by number': (x, w, v) =>
    w
      .indexSelect(0, x.argmax(1))
      .mul(v)
      .add(x.slice(1, 0, 4).mul(w.sum())),
  'one-hot rows': (x, w, v) => oneHot(x.argmax(1), 6).to('float32').matmul(w).add(v),
  'views of views': (x, w, v) =>
    x.view(-1, 2, 3).transpose(1, 2).reshape(-1, 6).matmul(w).unsqueeze(1).add(v).squeeze(1),
  'one parameter unused': (x, w) => x.matmul(w),
  'the same input twice': (x, w, v) =>
    x
      .matmul(w)
      .add(x.mul(x).matmul(w.mul(0.1)))
      .mul(v),
  'detached inputs': (x, w, v) => x.detach().matmul(w).add(v),
};

async function expectSame(
  make: () => {
    model: nn.Module;
    data: Dataset<unknown>;
    loss: { forward(output: never, target: never): Tensor };
  },
): Promise<void> {
  const prepare = () => {
    manualSeed(9);
    const { model, data, loss } = make();
    const loader = new DataLoader(data, { batchSize: 8, shuffle: true });
    return {
      model,
      loader,
      loss,
      optimizer: new optim.SGD(model.parameters(), { lr: 0.05, momentum: 0.5 }),
      epochs: 2,
    };
  };
  const explicit = prepare();
  const expected = await explicitLoop(explicit.model, explicit.loader, explicit);
  const { model, loader, ...options } = prepare();
  const { epochs } = await train(model as never, loader as never, { ...options, fallback: false });
  epochs.forEach(({ batchLosses }, i) => {
    expect(distance(batchLosses, expected[i] as number[])).toBeLessThan(2e-5);
  });
  expect(distance(weights(model), weights(explicit.model))).toBeLessThan(2e-5);
}

const labels = (length: number, classes: number) => randint(0, classes, [length]);

test.each(Object.entries(functions))('model: %s', async (_, compute) => {
  await expectSame(() => ({
    model: new Formula(compute),
    data: new TensorDataset(randn([28, 6]), randn([28, 4])) as never,
    loss: new nn.MSELoss(),
  }));
});

const losses: Record<string, { forward(output: never, target: never): Tensor }> = {
  'with weights and labels that do not count': new nn.CrossEntropyLoss({
    weight: tensor([1, 2, 0.5, 1]),
    ignoreIndex: 3,
  }),
  smoothed: new nn.CrossEntropyLoss({ labelSmoothing: 0.2, reduction: 'sum' }),
  'of one element in two dimensions': {
    forward: (y: Tensor, _: Tensor) => y.mul(y).mean([0, 1], { keepDim: true }),
  },
  'that is not by the target': { forward: (y: Tensor) => y.abs().mean() },
  'by parts of the output': { forward: (y: Tensor, t: Tensor) => y.gather(1, t.unsqueeze(1)).neg().mean() },
};

test.each(Object.entries(losses))('a loss %s', async (_, loss) => {
  await expectSame(() => ({
    model: new Formula((x, w, v) => x.matmul(w).add(v)),
    data: new TensorDataset(randn([28, 6]), labels(28, 4)) as never,
    loss,
  }));
});

test('a model of several outputs', async () => {
  await expectSame(() => ({
    model: new Formula((x, w, v) => [x.matmul(w), { bias: v.tanh() }]),
    data: new TensorDataset(randn([28, 6]), randn([28, 4])) as never,
    loss: {
      forward: ([y, { bias }]: [Tensor, { bias: Tensor }], t: Tensor) => y.add(bias).sub(t).abs().mean(),
    },
  }));
});

const bytes = (items: number, shape: number[], transform?: datasets.ImageDataset['transform']) => {
  const size = shape.reduce((a, b) => a * b, 1);
  return new ImageDataset({
    images: Uint8Array.from({ length: items * size }, (_, i) => (i * 37) % 256),
    itemShape: shape,
    labels: Int32Array.from({ length: items }, (_, i) => i % 3),
    ...(transform && { transform }),
  });
};
const net = (inputs: number) => new nn.Sequential(new nn.Flatten(), new nn.Linear(inputs, 3));
const normalized = transforms.compose(transforms.toTensor(), transforms.normalize(0.4, 0.3));

const data: [string, () => Dataset<unknown>, () => nn.Module][] = [
  ['images that are normalised', () => bytes(28, [5, 4], normalized) as never, () => net(20)],
  ['images in colour', () => bytes(28, [5, 4, 3], transforms.toTensor()) as never, () => net(60)],
  [
    'bytes as they are',
    () => bytes(28, [6]) as never,
    () => new Formula((x, w, v) => x.to('float32').div(255).matmul(w).add(v)),
  ],
  [
    'a transform of one’s own',
    () => bytes(28, [5, 4], ((image: Tensor) => image.to('float32').div(99)) as never) as never,
    () => net(20),
  ],
  [
    'labels that are bytes',
    () => new TensorDataset(randn([28, 20]), labels(28, 3).to('uint8')) as never,
    () => net(20),
  ],
  ['strided tensors', () => new TensorDataset(randn([20, 28]).t(), labels(28, 3)) as never, () => net(20)],
];

test.each(data)('data: %s', async (_, makeData, model) => {
  await expectSame(() => ({ data: makeData(), model: model(), loss: new nn.CrossEntropyLoss() }));
});

test('a teacher in the loss, under noGrad', async () => {
  await expectSame(() => {
    const teacher = new nn.Linear(6, 4);
    return {
      model: new Formula((x, w, v) => x.matmul(w).add(v)),
      data: new TensorDataset(randn([28, 6]), randn([28, 6])) as never,
      loss: {
        forward: (y: Tensor, x: Tensor) =>
          y
            .sub(noGrad(() => teacher.forward(x)))
            .pow(2)
            .mean(),
      },
    };
  });
});

test('an embedding of integers', async () => {
  class Words extends nn.Module {
    table = new nn.Parameter(randn([50, 6]));
    last = new nn.Linear(18, 4);
    forward(x: Tensor): Tensor {
      return this.last.forward(this.table.indexSelect(0, x.view(-1)).view(-1, 18));
    }
  }
  await expectSame(() => ({
    model: new Words(),
    data: new TensorDataset(randint(0, 50, [28, 3]), labels(28, 4)) as never,
    loss: new nn.CrossEntropyLoss(),
  }));
});
