import {
  ArgumentError,
  DtypeError,
  Generator,
  IndexError,
  manualSeed,
  nn,
  noGrad,
  ones,
  randn,
  ShapeError,
  type Tensor,
  tensor,
  zeros,
} from 'ferrograd';
import { beforeEach, describe, expect, test } from 'vitest';

beforeEach(() => {
  manualSeed(11);
});

const moments = (x: Tensor) => ({ mean: x.mean().item(), std: x.std().item() });

describe('Linear', () => {
  test('computes x·Wᵀ + b for any leading dimensions', () => {
    const layer = new nn.Linear(2, 3);
    layer.weight.detach().copy_(
      tensor([
        [1, 2],
        [3, 4],
        [5, 6],
      ]),
    );
    layer.bias?.detach().copy_(tensor([10, 20, 30]));
    expect(layer.forward(tensor([1, 1])).toArray()).toEqual([13, 27, 41]);
    expect(layer.forward(tensor([[[1, 0]], [[0, 1]]])).toArray()).toEqual([[[11, 23, 35]], [[12, 24, 36]]]);
    const bare = new nn.Linear(2, 3, { bias: false });
    expect(bare.bias).toBeNull();
    bare.weight.detach().copy_(layer.weight);
    expect(bare.forward(tensor([1, 1])).toArray()).toEqual([3, 7, 11]);
  });

  test('begins uniform within ±1 / √in, both weight and bias', () => {
    const layer = new nn.Linear(100, 2000);
    for (const values of [layer.weight, layer.bias as Tensor]) {
      const { mean, std } = moments(values.detach());
      expect(values.abs().max().item()).toBeLessThanOrEqual(0.1);
      expect(values.max().item()).toBeGreaterThan(0.0995);
      expect(values.min().item()).toBeLessThan(-0.0995);
      expect(Math.abs(mean)).toBeLessThan(0.004);
      expect(std).toBeCloseTo(0.1 / Math.sqrt(3), 2);
    }
  });

  test('is the same for the same seed, and for the same generator', () => {
    manualSeed(5);
    const first = new nn.Linear(3, 2);
    const second = new nn.Linear(3, 2);
    manualSeed(5);
    expect(new nn.Linear(3, 2).weight.toArray()).toEqual(first.weight.toArray());
    expect(second.weight.toArray()).not.toEqual(first.weight.toArray());
    const own = new nn.Linear(3, 2, { generator: new Generator(5) });
    expect(own.weight.toArray()).toEqual(first.weight.toArray());
    expect(new nn.Linear(3, 2).weight.toArray()).toEqual(second.weight.toArray());
  });

  test('refuses numbers of features that make no sense', () => {
    for (const bad of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 40, '3', undefined, null]) {
      expect(() => new nn.Linear(bad as number, 3)).toThrow(ArgumentError);
      expect(() => new nn.Linear(3, bad as number)).toThrow(
        /^Linear: outFeatures must be a whole number from 1/,
      );
    }
    expect(() => new nn.Linear(2 ** 20, 2 ** 20)).toThrow(ShapeError);
    expect(() => new nn.Linear(3, 2, { biass: true } as never)).toThrow(
      'Linear: unknown option "biass", expected bias, generator',
    );
    expect(() => new nn.Linear(3, 2, { bias: 1 as never })).toThrow('bias must be true or false, got 1');
    expect(() => new nn.Linear(3, 2, false as never)).toThrow('Linear: expected options');
  });

  test('says where and what it is when the input does not fit', () => {
    class Net extends nn.Module {
      fc1 = new nn.Linear(784, 128);
      blocks = [new nn.Sequential(new nn.ReLU(), new nn.Linear(128, 64))];
      fc2 = new nn.Linear(64, 10);
      forward(x: Tensor): Tensor {
        return this.fc2.forward((this.blocks[0] as nn.Sequential).forward(this.fc1.forward(x)));
      }
    }
    const model = new Net();
    const wrong: Tensor = zeros([64, 100]);
    expect(() => model.forward(wrong)).toThrow('Linear(784, 128): expected input [*, 784], got [64, 100]');
    model.parameters();
    const cases: [nn.Module, string][] = [
      [model, 'fc1: expected input [*, 784], got [64, 100] (layer Linear(784, 128))'],
      [model.fc2, 'fc2: expected input [*, 64], got [64, 100] (layer Linear(64, 10))'],
      [
        model.blocks[0] as nn.Module,
        'blocks.0.1: expected input [*, 128], got [64, 100] (layer Linear(128, 64))',
      ],
    ];
    for (const [module, message] of cases) {
      expect(() => module.forward(wrong as never)).toThrow(new ShapeError(message));
    }
    expect(() => model.fc2.forward(tensor(3))).toThrow('fc2: expected input [*, 64], got []');
    expect(() => model.fc2.forward([1, 2] as never)).toThrow(
      'fc2: expected input a tensor, got an array of 2 (layer Linear(64, 10))',
    );
    (model.blocks[0] as nn.Module).parameters();
    expect(() => model.blocks[0]?.forward(wrong), 'a walk from within').toThrow('blocks.0.1: expected');
  });
});

describe('Dropout', () => {
  const x = ones([200, 500]);

  test('drops a part p and scales the rest', () => {
    const y = new nn.Dropout(0.3).forward(x);
    const kept = y.gt(0).to('float32').mean().item();
    expect(kept).toBeCloseTo(0.7, 2);
    expect(y.max().item()).toBeCloseTo(1 / 0.7, 6);
    expect(y.mean().item()).toBeCloseTo(1, 1);
  });

  test('gives its input in evaluation, for p = 0 too; nothing for p = 1', () => {
    const layer = new nn.Dropout(0.5).eval();
    expect(layer.forward(x)).toBe(x);
    expect(new nn.Dropout(0).forward(x)).toBe(x);
    expect(new nn.Dropout(1).forward(x).abs().max().item()).toBe(0);
  });

  test('the gradient passes where the value did', () => {
    const input = ones([50, 50], { requiresGrad: true });
    const y = new nn.Dropout(0.4).forward(input);
    y.sum().backward();
    expect(input.grad?.toArray()).toEqual(y.toArray());
  });

  test('draws anew each time, the same for the same seed', () => {
    const layer = new nn.Dropout();
    const draw = () => [layer.forward(x).toArray(), layer.forward(x).toArray()];
    manualSeed(1);
    const [first, second] = draw();
    manualSeed(1);
    expect(draw()).toEqual([first, second]);
    expect(second).not.toEqual(first);
  });

  test('refuses what is no probability', () => {
    for (const p of [-0.1, 1.1, Number.NaN, '0.5']) {
      expect(() => new nn.Dropout(p as number)).toThrow(/^Dropout: p must be a finite number from 0 to 1/);
    }
  });
});

describe('activations, Flatten, Identity', () => {
  test('do what the methods of tensors do', () => {
    const x = randn([3, 4]);
    const cases: [{ forward(x: Tensor): Tensor }, Tensor][] = [
      [new nn.ReLU(), x.relu()],
      [new nn.LeakyReLU(), x.leakyRelu(0.01)],
      [new nn.LeakyReLU(0.2), x.leakyRelu(0.2)],
      [new nn.Sigmoid(), x.sigmoid()],
      [new nn.Tanh(), x.tanh()],
      [new nn.GELU(), x.gelu()],
      [new nn.GELU({ approximate: 'tanh' }), x.gelu({ approximate: 'tanh' })],
      [new nn.SiLU(), x.silu()],
      [new nn.Softmax(), x.softmax(-1)],
      [new nn.Softmax(0), x.softmax(0)],
      [new nn.LogSoftmax(1), x.logSoftmax(1)],
      [new nn.Identity(), x],
    ];
    for (const [layer, expected] of cases) {
      expect(layer.forward(x).toArray(), `${layer}`).toEqual(expected.toArray());
      expect(() => layer.forward(3 as never)).toThrow('expected input a tensor, got 3');
    }
    const images = zeros([2, 3, 4, 5]);
    expect(new nn.Flatten().forward(images).shape).toEqual([2, 60]);
    expect(new nn.Flatten(0, 1).forward(images).shape).toEqual([6, 4, 5]);
    expect(() => new nn.Flatten(0.5)).toThrow(ArgumentError);
    expect(() => new nn.GELU({ approximate: 'fast' as never })).toThrow(
      "one of 'none', 'tanh', got \"fast\"",
    );
  });
});

describe('losses', () => {
  const scores = tensor([
    [1, 2, 3],
    [0.5, -1, 0],
  ]);
  const labels = tensor([2, 0], { dtype: 'int32' });
  // −log softmax, worked out by hand.
  const each = [Math.log(Math.E ** -2 + Math.E ** -1 + 1), Math.log(1 + Math.E ** -1.5 + Math.E ** -0.5)];

  test('CrossEntropyLoss: reductions, weights, ignored labels, smoothing', () => {
    const [a, b] = each as [number, number];
    expect(new nn.CrossEntropyLoss().forward(scores, labels).item()).toBeCloseTo((a + b) / 2, 6);
    expect(new nn.CrossEntropyLoss({ reduction: 'sum' }).forward(scores, labels).item()).toBeCloseTo(
      a + b,
      6,
    );
    const none = new nn.CrossEntropyLoss({ reduction: 'none' }).forward(scores, labels);
    expect(none.shape).toEqual([2]);
    expect(none.data[1]).toBeCloseTo(b, 6);
    const weighted = new nn.CrossEntropyLoss({ weight: tensor([2, 1, 3]) });
    expect(weighted.forward(scores, labels).item()).toBeCloseTo((3 * a + 2 * b) / 5, 6);
    expect(new nn.CrossEntropyLoss({ ignoreIndex: 0 }).forward(scores, labels).item()).toBeCloseTo(a, 6);
    const smooth = new nn.CrossEntropyLoss({ labelSmoothing: 0.3, reduction: 'none' }).forward(
      scores,
      labels,
    );
    expect(smooth.data[0]).toBeCloseTo(0.7 * a + 0.1 * (3 * a + 1 + 2), 5);
  });

  test('NLLLoss of log softmax is CrossEntropyLoss', () => {
    const options = { weight: tensor([2, 1, 3]), ignoreIndex: 1 };
    const expected = new nn.CrossEntropyLoss(options).forward(scores, labels).item();
    expect(new nn.NLLLoss(options).forward(scores.logSoftmax(), labels).item()).toBeCloseTo(expected, 6);
  });

  test('MSELoss', () => {
    const [x, y] = [tensor([1, 2, 4]), tensor([0, 0, 1])];
    expect(new nn.MSELoss().forward(x, y).item()).toBeCloseTo(14 / 3, 6);
    expect(new nn.MSELoss({ reduction: 'sum' }).forward(x, y).item()).toBe(14);
    expect(new nn.MSELoss({ reduction: 'none' }).forward(x, y).toArray()).toEqual([1, 4, 9]);
    expect(() => new nn.MSELoss().forward(x, tensor([[0], [0], [1]]))).toThrow(ShapeError);
  });

  test('wrong labels and options are refused', () => {
    const loss = new nn.CrossEntropyLoss();
    expect(() => loss.forward(scores, tensor([0, 3], { dtype: 'int32' }))).toThrow(IndexError);
    expect(() => loss.forward(scores, tensor([0, -1], { dtype: 'int32' }))).toThrow(IndexError);
    expect(() => loss.forward(scores, tensor([0, 1]))).toThrow(DtypeError);
    expect(() => loss.forward(scores, tensor([0], { dtype: 'int32' }))).toThrow(ShapeError);
    expect(() => new nn.CrossEntropyLoss({ labelsmoothing: 0.1 } as never)).toThrow(
      'CrossEntropyLoss: unknown option "labelsmoothing", expected reduction, weight, ignoreIndex, labelSmoothing',
    );
    expect(() => new nn.NLLLoss({ labelSmoothing: 0.1 } as never)).toThrow(ArgumentError);
    expect(() => new nn.CrossEntropyLoss({ labelSmoothing: 1.5 })).toThrow(ArgumentError);
    expect(() => new nn.MSELoss({ reduction: 'average' as never })).toThrow(ArgumentError);
    expect(() => new nn.NLLLoss({ ignoreIndex: 0.5 })).toThrow(ArgumentError);
    expect(() => new nn.NLLLoss({ weight: zeros([2, 2]) })).toThrow(ShapeError);
    expect(() => new nn.NLLLoss({ weight: tensor([1], { dtype: 'int32' }) })).toThrow(DtypeError);
    expect(() => new nn.NLLLoss({ weight: [1, 2] as never })).toThrow(ArgumentError);
  });

  test('class weights are a buffer, as in PyTorch', () => {
    expect(Object.keys(new nn.CrossEntropyLoss({ weight: ones([3]) }).stateDict())).toEqual(['weight']);
    expect(new nn.CrossEntropyLoss().buffers()).toEqual([]);
  });
});

describe('init', () => {
  const { init } = nn;
  const weight = () => zeros([300, 200]);

  test('constants', () => {
    expect(init.ones_(zeros([2])).toArray()).toEqual([1, 1]);
    expect(init.zeros_(ones([2])).toArray()).toEqual([0, 0]);
    expect(init.constant_(zeros([2]), 3).toArray()).toEqual([3, 3]);
  });

  test.each<[string, (w: Tensor) => Tensor, number, number?]>([
    ['uniform_', (w) => init.uniform_(w, -2, 2), 2 / Math.sqrt(3), 2],
    ['normal_', (w) => init.normal_(w, 0, 0.5), 0.5],
    ['kaimingUniform_', (w) => init.kaimingUniform_(w), Math.sqrt(2 / 200), Math.sqrt(6 / 200)],
    [
      'kaimingUniform_, a = √5',
      (w) => init.kaimingUniform_(w, { a: Math.sqrt(5) }),
      1 / Math.sqrt(600),
      1 / Math.sqrt(200),
    ],
    [
      'kaimingNormal_, fanOut',
      (w) => init.kaimingNormal_(w, { mode: 'fanOut', nonlinearity: 'relu' }),
      Math.sqrt(2 / 300),
    ],
    ['kaimingNormal_, tanh', (w) => init.kaimingNormal_(w, { nonlinearity: 'tanh' }), 5 / 3 / Math.sqrt(200)],
    ['xavierUniform_', (w) => init.xavierUniform_(w), Math.sqrt(2 / 500), Math.sqrt(6 / 500)],
    ['xavierNormal_', (w) => init.xavierNormal_(w, { gain: 3 }), 3 * Math.sqrt(2 / 500)],
  ])('%s has the spread of its formula', (_, fill, std, bound = Number.POSITIVE_INFINITY) => {
    const w = weight();
    expect(fill(w)).toBe(w);
    const found = moments(w);
    expect(found.std / std).toBeGreaterThan(0.98);
    expect(found.std / std).toBeLessThan(1.02);
    expect(Math.abs(found.mean)).toBeLessThan(std / 20);
    expect(w.abs().max().item()).toBeLessThanOrEqual(Math.fround(bound));
  });

  test('counts the receptive field of convolutions', () => {
    const w = init.kaimingNormal_(zeros([50, 40, 5, 5]));
    expect(moments(w).std).toBeCloseTo(Math.sqrt(2 / 1000), 3);
  });

  test('writes parameters in place, which backward notices', () => {
    const parameter = new nn.Parameter(ones([2]));
    const loss = parameter.mul(parameter).sum();
    init.uniform_(parameter);
    expect(parameter.requiresGrad).toBe(true);
    expect(() => loss.backward()).toThrow('has been changed');
    expect(noGrad(() => parameter.toArray())).not.toEqual([1, 1]);
  });

  test('refuses nonsense before it draws', () => {
    manualSeed(1);
    for (const bad of [
      () => init.uniform_(zeros([2]), 1, 0),
      () => init.normal_(zeros([2]), 0, -1),
      () => init.normal_(zeros([2]), Number.NaN),
      () => init.kaimingUniform_(zeros([2])),
      () => init.kaimingUniform_(zeros([2, 2]), { mode: 'fan_in' as never }),
      () => init.kaimingUniform_(zeros([2, 2]), { nonlinearity: 'sine' as never }),
      () => init.xavierNormal_(zeros([2, 2]), { gains: 1 } as never),
      () => init.uniform_(zeros([2], { dtype: 'int32' })),
      () => init.uniform_(zeros([2, 2]).t().slice(0, 0, 1).expand(2, 2)),
      () => init.uniform_([1] as never),
      () => init.zeros_([1] as never),
      () => init.uniform_(zeros([2]), 0, 1, { generator: 3 as never }),
    ]) {
      expect(bad).toThrow(/^(\w+_|calculateGain): /);
    }
    const drawn = init.uniform_(zeros([4])).toArray();
    manualSeed(1);
    expect(init.uniform_(zeros([4])).toArray()).toEqual(drawn);
  });
});
