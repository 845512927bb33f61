import {
  ArgumentError,
  DtypeError,
  getNumThreads,
  IndexError,
  manualSeed,
  nn,
  noGrad,
  optim,
  predict,
  predictSync,
  randn,
  ShapeError,
  StateError,
  setNumThreads,
  type Tensor,
  tensor,
  train,
  zeros,
} from 'ferrograd';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { distance, loader, makeNet, warningsOf } from './digits.js';

beforeEach(() => {
  manualSeed(7);
});

/** What the model gives in evaluation mode. */
function outputOf(model: nn.Module, ...inputs: Tensor[]): Tensor {
  const modes = model.modules().map((module) => [module, module.training] as const);
  model.eval();
  const output = noGrad(() => model.forward(...(inputs as never[])) as Tensor);
  for (const [module, training] of modes) module.training = training;
  return output;
}

function expectClose(found: Tensor, expected: Tensor): void {
  expect(found.shape).toEqual(expected.shape);
  expect(found.requiresGrad).toBe(false);
  expect(distance(found.data, expected.data)).toBeLessThan(1e-5);
}

type Predict = (model: nn.Module, ...inputs: Tensor[]) => Promise<Tensor>;
const both: [string, Predict][] = [
  ['predict', predict],
  ['predictSync', async (model, ...inputs) => predictSync(model, ...inputs)],
];

describe.each(both)('%s', (name, predicted) => {
  test('is forward in evaluation mode, for batches of any size', async () => {
    const model = makeNet(0.9);
    for (const shape of [
      [1, 784],
      [1, 1, 28, 28],
      [7, 28, 28],
      [1, 784],
      [300, 784],
    ]) {
      const x = randn(shape);
      expectClose(await predicted(model, x), outputOf(model, x));
    }
    expect(model.modules().every(({ training }) => training)).toBe(true);
  });

  test('takes strided inputs, views into larger ones, and several', async () => {
    class Sum extends nn.Module {
      layer = new nn.Linear(3, 2);
      forward(a: Tensor, b: Tensor): Tensor {
        return this.layer.forward(a).add(this.layer.forward(b));
      }
    }
    const model = new Sum();
    const [a, b] = [randn([3, 4]).t(), randn([10, 3]).slice(0, 2, 6)];
    expectClose(await predicted(model, a, b), outputOf(model, a, b));
  });

  test('sees every change of the parameters', async () => {
    const model = new nn.Sequential(new nn.Linear(3, 4), new nn.ReLU(), new nn.Linear(4, 2));
    const x = randn([5, 3]);
    const check = async () => expectClose(await predicted(model as never, x), outputOf(model, x));
    await check();
    noGrad(() => model.layers[0].weight.fill_(0.5));
    await check();
    model.layers[2].weight.data[0] = 3;
    await check();
    model.loadStateDict(
      new nn.Sequential(new nn.Linear(3, 4), new nn.ReLU(), new nn.Linear(4, 2)).stateDict(),
    );
    await check();
    Object.assign(model.layers[0], { weight: new nn.Parameter(randn([4, 3])) });
    await check();
    Object.assign(model, { 2: new nn.Linear(4, 3) });
    await check();
    Object.assign(model, { 1: new nn.Tanh() });
    await check();
  });

  test('sees every change of a buffer, but for writing to data', async () => {
    class Scaled extends nn.Module {
      scale = this.registerBuffer('scale', tensor([1, 2, 3]));
      layer = new nn.Linear(3, 2);
      forward(x: Tensor): Tensor {
        return this.layer.forward(x.mul(this.scale));
      }
    }
    const model = new Scaled();
    const x = randn([5, 3]);
    const check = async () => expectClose(await predicted(model, x), outputOf(model, x));
    await check();
    noGrad(() => model.scale.copy_(tensor([4, 5, 6])));
    await check();
    noGrad(() => model.scale.copy_(tensor([4, 5, 6])));
    await check();
    model.loadStateDict(new Scaled().stateDict());
    await check();
    model.scale = tensor([0, 1, 0]);
    await check();
  });

  test('sees what is no field, after a while', async () => {
    let factor = 1;
    class Scaled extends nn.Module {
      layer = new nn.Linear(3, 2);
      forward(x: Tensor): Tensor {
        return this.layer.forward(x).mul(factor);
      }
    }
    const model = new Scaled();
    const x = randn([5, 3]);
    expectClose(await predicted(model, x), outputOf(model, x));
    factor = 2;
    await new Promise((resolve) => setTimeout(resolve, 150));
    expectClose(await predicted(model, x), outputOf(model, x));
  });

  test('runs in JavaScript what cannot be compiled, and warns once', async () => {
    class Reading extends nn.Module {
      layer = new nn.Linear(3, 2);
      forward(x: Tensor): Tensor {
        return this.layer.forward(x).mul(x.max().item());
      }
    }
    const model = new Reading();
    const warnings = await warningsOf(async () => {
      for (const rows of [2, 3, 2]) {
        const x = randn([rows, 3]);
        expectClose(await predicted(model, x), outputOf(model, x));
      }
    });
    expect(warnings).toEqual([
      expect.stringContaining(`${name}: the forward of Reading looks at the elements`),
    ]);
  });

  test.each<[string, (x: Tensor) => Tensor]>([
    ['the input itself', (x) => x],
    ['a view of it', (x) => x.view(-1).slice(0, 1)],
    ['a strided view', (x) => x.t()],
    ['a strided result', (x) => x.exp().t()],
    ['a constant', () => tensor([1, 2])],
    ['a scalar', (x) => x.sum()],
  ])('gives %s', async (_, compute) => {
    class Model extends nn.Module {
      forward(x: Tensor): Tensor {
        return compute(x);
      }
    }
    const model = new Model();
    const x = randn([3, 2]);
    const found = await predicted(model, x);
    expectClose(found, outputOf(model, x));
    found.data[0] = 5;
    expect(x.data[0]).not.toBe(5); // it is a copy
  });

  test('gives integers too', async () => {
    class Classifier extends nn.Module {
      layer = new nn.Linear(3, 2);
      forward(x: Tensor): Tensor {
        return this.layer.forward(x).argmax(1);
      }
    }
    const model = new Classifier();
    const x = randn([6, 3]);
    const found = await predicted(model, x);
    expect(found.dtype).toBe('int32');
    expect(found.toArray()).toEqual(outputOf(model, x).toArray());
  });

  test('gives a tensor of its own', async () => {
    const model = new nn.Linear(3, 2);
    const [a, b] = [await predicted(model, zeros([1, 3])), await predicted(model, randn([1, 3]))];
    expect(a.toArray()).toEqual([model.bias?.toArray()]);
    expect(a.toArray()).not.toEqual(b.toArray());
  });

  test('gives the errors of the model', async () => {
    const model = makeNet();
    await expect(predicted(model, randn([2, 783]))).rejects.toThrow(ShapeError);
    await expect(predicted(model, randn([2, 783]))).rejects.toThrow(
      '1: expected input [*, 784], got [2, 783]',
    );
    await expect(predicted(model, 3 as never)).rejects.toThrow(ArgumentError);
    await expect(predicted(3 as never, randn([2]))).rejects.toThrow(`${name}: expected a model`);
    class Nothing extends nn.Module {
      forward(x: Tensor) {
        return [x];
      }
    }
    await expect(predicted(new Nothing(), randn([2]))).rejects.toThrow(
      'expected a model that gives a tensor',
    );
    class Rows extends nn.Module {
      table = new nn.Parameter(randn([5, 2]));
      forward(x: Tensor): Tensor {
        return this.table.indexSelect(0, x);
      }
    }
    const rows = new Rows();
    expectClose(
      await predicted(rows, tensor(Int32Array.of(4, 0))),
      outputOf(rows, tensor(Int32Array.of(4, 0))),
    );
    await expect(predicted(rows, tensor(Int32Array.of(4, 5)))).rejects.toThrow(IndexError);
    await expect(predicted(rows, tensor([0.5, 1]))).rejects.toThrow(DtypeError);
    const gone = new nn.Linear(2, 2);
    gone.weight[Symbol.dispose]();
    await expect(predicted(gone, randn([1, 2]))).rejects.toThrow(StateError);
  });

  test('during a run gives what the last epoch left', async () => {
    const model = makeNet();
    const x = randn([2, 784]);
    const before = outputOf(model, x);
    const run = train(model, loader(500), {
      loss: new nn.CrossEntropyLoss(),
      optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
      epochs: 3,
    });
    expectClose(await predicted(model, x), before);
    await run;
    expectClose(await predicted(model, x), outputOf(model, x));
  });
});

test('many predictions at once do not disturb each other', async () => {
  const model = makeNet();
  const inputs = Array.from({ length: 20 }, (_, i) => randn([1 + (i % 3), 784]));
  const outputs = await Promise.all(inputs.map((x) => predict(model, x)));
  outputs.forEach((output, i) => {
    expectClose(output, outputOf(model, inputs[i] as Tensor));
  });
});

test.each<[string, () => Tensor]>([
  ['a Buffer', () => tensor(Buffer.from([1, 2, 3, 4, 5, 6])).view(2, 3)],
  ['an Int32Array', () => tensor(Int32Array.of(1, 2, 3, 4, 5, 6)).view(2, 3)],
  ['a Float32Array', () => tensor(Float32Array.of(1, 2, 3, 4, 5, 6)).view(2, 3)],
])('predict takes its inputs as they are when it is called: %s', async (_, make) => {
  class Model extends nn.Module {
    layer = new nn.Linear(3, 2);
    forward(x: Tensor): Tensor {
      return this.layer.forward(x.to('float32'));
    }
  }
  const model = new Model();
  const x = make();
  const expected = outputOf(model, x);
  const predicted = Promise.all([predict(model, x), predict(model, x)]);
  x.data.fill(9);
  for (const found of await predicted) expectClose(found, expected);
});

describe('predictSync, often enough to keep the parameters,', () => {
  /** Mostly zeros, as an image: of most pixels no weight is read. */
  const sparse = (rows: number) => {
    const x = zeros([rows, 784]);
    const { data } = x;
    for (let i = 0; i < data.length; i += 7) data[i] = Math.sin(i);
    return x;
  };
  const often = (model: nn.Module, x: Tensor) => {
    for (let i = 0; i < 8; i++) expectClose(predictSync(model, x), outputOf(model, x));
  };
  const threads = getNumThreads();
  afterEach(() => setNumThreads(threads));

  test.each([
    ['mostly zeros', sparse],
    ['any numbers', (rows: number) => randn([rows, 784])],
  ])('is forward, for %s', (_, make) => {
    const model = makeNet();
    for (const count of [1, 3]) {
      setNumThreads(count);
      for (const rows of [1, 2, 5, 64, 1]) often(model, make(rows));
    }
  });

  test('sees every change of them at once', () => {
    const model = makeNet();
    const x = sparse(1);
    const [weight, bias] = model.parameters() as [nn.Parameter, nn.Parameter];
    often(model, x);
    noGrad(() => bias.copy_(bias.add(1)));
    often(model, x);
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
    for (let step = 0; step < 3; step++) {
      optimizer.zeroGrad();
      model.forward(x).sum().backward();
      optimizer.step();
      often(model, x);
    }
    model.loadStateDict(makeNet().stateDict());
    often(model, x);
    // Whoever has the array may write at any time.
    const { data } = weight;
    for (const at of [0, 100, 783]) {
      data[at] = 5;
      expectClose(predictSync(model, x), outputOf(model, x));
      often(model, x);
    }
  });

  test('multiplies zeros by what is not finite', () => {
    const model = makeNet();
    const x = sparse(1);
    often(model, x);
    const weight = model.parameters()[0] as nn.Parameter;
    const broken = zeros(weight.shape);
    broken.data[784 * 3 + 1] = Number.POSITIVE_INFINITY; // of a pixel that is 0
    noGrad(() => weight.copy_(weight.add(broken)));
    for (let i = 0; i < 8; i++) {
      expect([...predictSync(model, x).data]).toEqual([...outputOf(model, x).data]);
      expect(predictSync(model, x).data[0]).toBeNaN();
    }
  });

  test('forgets those of another model', () => {
    const [one, two] = [makeNet(), makeNet()];
    const x = sparse(1);
    for (let i = 0; i < 10; i++) {
      expectClose(predictSync(one, x), outputOf(one, x));
      expectClose(predictSync(two, x), outputOf(two, x));
    }
  });
});

test('predictSync takes no new memory', () => {
  const model = makeNet();
  const x = randn([1, 784]);
  const resident = () => process.memoryUsage().rss / 2 ** 20;
  for (let i = 0; i < 20_000; i++) predictSync(model, x);
  const before = resident();
  for (let i = 0; i < 100_000; i++) predictSync(model, x);
  expect(resident() - before).toBeLessThan(20);
});
