import {
  ArgumentError,
  manualSeed,
  nn,
  optim,
  randn,
  StateError,
  type Tensor,
  tensor,
  zeros,
} from 'ferrograd';
import { beforeEach, describe, expect, test } from 'vitest';

beforeEach(() => {
  manualSeed(4);
});

/** A parameter with these elements. */
const parameter = (values: number[]) => new nn.Parameter(tensor(values));

/** Sets the gradient, as backward would. */
function withGrad<P extends Tensor>(param: P, values: number[]): P {
  param.grad = tensor(values) as never;
  return param;
}

interface Rule {
  lr: number;
  momentum: number;
  dampening: number;
  weightDecay: number;
  nesterov: boolean;
  maximize: boolean;
}

/** `torch.optim.SGD` for one number, in float64. */
function* recurrence(start: number, grads: readonly number[], rule: Rule): Generator<number> {
  let p = start;
  let buffer: number | undefined;
  for (const grad of grads) {
    let g = (rule.maximize ? -grad : grad) + rule.weightDecay * p;
    if (rule.momentum !== 0) {
      buffer = buffer === undefined ? g : rule.momentum * buffer + (1 - rule.dampening) * g;
      g = rule.nesterov ? g + rule.momentum * buffer : buffer;
    }
    p -= rule.lr * g;
    yield p;
  }
}

const defaults: Rule = {
  lr: 0.1,
  momentum: 0,
  dampening: 0,
  weightDecay: 0,
  nesterov: false,
  maximize: false,
};

describe('step', () => {
  test.each<Partial<Rule>>([
    {},
    { lr: 0 },
    { weightDecay: 0.1 },
    { maximize: true },
    { momentum: 0.9 },
    { momentum: 0.9, dampening: 0.4 },
    { momentum: 0.9, nesterov: true },
    { momentum: 0.9, dampening: 0.4, weightDecay: 0.05, maximize: true },
    { momentum: 0.5, nesterov: true, weightDecay: 0.05, maximize: true },
  ])('follows the recurrence of PyTorch with %o', (options) => {
    const rule = { ...defaults, ...options };
    const start = [0.5, -2, 3];
    const grads = start.map((_, i) => Array.from({ length: 12 }, (_, step) => Math.sin(step * 0.7 + i)));
    const params = start.map((value) => parameter([value]));
    const optimizer = new optim.SGD(params, { ...options, lr: rule.lr });
    const expected = start.map((value, i) => recurrence(value, grads[i] as number[], rule));
    for (let step = 0; step < 12; step++) {
      params.forEach((param, i) => {
        withGrad(param, [grads[i]?.[step] as number]);
      });
      optimizer.step();
      params.forEach((param, i) => {
        expect(param.item()).toBeCloseTo(expected[i]?.next().value as number, 5);
      });
    }
  });

  test('leaves parameters without a gradient, whose momentum begins with their first', () => {
    const [a, b] = [parameter([1]), parameter([1])];
    const optimizer = new optim.SGD([a, b], { lr: 1, momentum: 0.5, dampening: 0.5 });
    withGrad(a, [1]);
    optimizer.step();
    expect([a.item(), b.item()]).toEqual([0, 1]);
    withGrad(b, [1]);
    optimizer.step();
    expect([a.item(), b.item()]).toEqual([-1, 0]); // a: 0.5·1 + 0.5·1
  });

  test('may change options in between, momentum too', () => {
    const p = withGrad(parameter([0]), [1]);
    const optimizer = new optim.SGD([p], { lr: 1 });
    optimizer.step();
    const [group] = optimizer.paramGroups as [optim.ParamGroup<Rule>];
    group.momentum = 0.5;
    optimizer.step();
    optimizer.step();
    group.lr = 0;
    optimizer.step();
    expect(p.item()).toBe(-1 - 1 - 1.5);
  });

  test('trains, with groups of their own options', () => {
    const model = new nn.Sequential(new nn.Linear(3, 8), new nn.Tanh(), new nn.Linear(8, 1));
    const x = randn([64, 3]);
    const target = x.sum(1, { keepDim: true });
    const frozen = model.layers[0].weight.toArray();
    const optimizer = new optim.SGD(
      [{ params: model.layers[0].parameters(), lr: 0 }, { params: model.layers[2].parameters() }],
      { lr: 0.1, momentum: 0.9 },
    );
    const criterion = new nn.MSELoss();
    const losses = Array.from({ length: 50 }, () => {
      optimizer.zeroGrad();
      const loss = criterion.forward(model.forward(x), target);
      loss.backward();
      optimizer.step();
      return loss.item();
    });
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) * 0.2);
    expect(model.layers[0].weight.toArray()).toEqual(frozen);
  });

  test('is noticed by backward', () => {
    const p = withGrad(parameter([1, 2]), [1, 1]);
    const loss = p.mul(p).sum();
    new optim.SGD([p]).step();
    expect(() => loss.backward()).toThrow(StateError);
  });

  test('takes a gradient that is a view', () => {
    const p = parameter([1, 2]);
    p.grad = tensor([1, 2, 3, 4]).slice(0, 0, 2) as never;
    new optim.SGD([p], { lr: 1 }).step();
    expect(p.toArray()).toEqual([0, 0]);
  });

  test('zeroGrad sets gradients to null', () => {
    const p = withGrad(parameter([1]), [1]);
    new optim.SGD([p]).zeroGrad();
    expect(p.grad).toBeNull();
  });
});

describe('what makes no sense', () => {
  const one = () => parameter([1]);

  test.each<[string, Record<string, unknown>, string]>([
    ['a negative rate', { lr: -0.1 }, 'learning rate: -0.1'],
    ['NaN as rate', { lr: Number.NaN }, 'lr must be a finite number, got NaN'],
    ['text as rate', { lr: '0.1' }, 'lr must be a finite number, got "0.1"'],
    ['no rate', { lr: null }, 'lr must be a finite number, got null'],
    ['negative momentum', { momentum: -1 }, 'momentum'],
    ['negative weight decay', { weightDecay: -1 }, 'weight decay'],
    ['Nesterov without momentum', { nesterov: true }, 'Nesterov'],
    ['Nesterov with dampening', { nesterov: true, momentum: 0.9, dampening: 0.1 }, 'Nesterov'],
    ['a number for a flag', { nesterov: 1 }, 'nesterov must be true or false, got 1'],
    ['an unknown option', { learningRate: 0.1 }, 'SGD: unknown option "learningRate", expected lr, momentum'],
  ])('%s is refused', (_, options, message) => {
    expect(() => new optim.SGD([one()], options)).toThrow(ArgumentError);
    expect(() => new optim.SGD([one()], options)).toThrow(message);
    expect(() => new optim.SGD([{ params: [one()], ...options }])).toThrow(message);
  });

  test('an empty list, and what is no parameter, are refused', () => {
    const leaf = tensor([1], { requiresGrad: true });
    const cases: [unknown, string][] = [
      [[], 'SGD: the list of parameters is empty;'],
      [[{ params: [] }], 'SGD: the list of parameters is empty;'],
      [new nn.Linear(2, 2), 'SGD: expected an array of parameters such as model.parameters(), got a Linear'],
      [undefined, 'SGD: expected an array of parameters'],
      [[{ params: 3 }], 'SGD: expected an array as params of a group, got 3'],
      [[one(), 3], 'SGD: parameter 1 is not a tensor but 3'],
      [[zeros([2])], 'SGD: parameter 0 is a tensor that requires no gradient'],
      [[leaf.mul(2)], 'SGD: parameter 0 is the result of mul: only leaves'],
      [[leaf, leaf], 'SGD: parameter 1 of shape [1] is in the list twice'],
      [[{ params: [leaf] }, { params: [leaf] }], 'SGD: parameter 1 of shape [1] is in the list twice'],
      [
        [new nn.Parameter(zeros([1], { dtype: 'int32' }), { requiresGrad: false })],
        'SGD: parameter 0 is int32',
      ],
    ];
    for (const [params, message] of cases) {
      expect(() => new optim.SGD(params as never), message).toThrow(ArgumentError);
      expect(() => new optim.SGD(params as never), message).toThrow(message);
    }
    expect(() => new optim.SGD([one()], 0.1 as never)).toThrow('SGD: expected options { lr,');
  });

  test('nothing changes when a group turns out wrong at a step', () => {
    const [a, b] = [withGrad(one(), [1]), withGrad(one(), [1])];
    const optimizer = new optim.SGD([{ params: [a] }, { params: [b] }], { lr: 1 });
    const group = optimizer.paramGroups[1] as { lr: number };
    for (const lr of [Number.NaN, -1]) {
      group.lr = lr;
      expect(() => optimizer.step()).toThrow(ArgumentError);
    }
    group.lr = 1;
    b[Symbol.dispose]();
    expect(() => optimizer.step()).toThrow(StateError);
    expect(a.item()).toBe(1);
  });

  test('memory that is written twice is refused', () => {
    const shared = tensor([1, 2, 3, 4]);
    const halves = [0, 2].map((start) => new nn.Parameter(shared.slice(0, start, start + 2)));
    for (const half of halves) withGrad(half, [1, 1]);
    new optim.SGD(halves, { lr: 1 }).step();
    expect(shared.toArray()).toEqual([0, 1, 2, 3]);
    const twice = [shared, shared].map((data) => withGrad(new nn.Parameter(data), [1, 1, 1, 1]));
    expect(() => new optim.SGD(twice, { lr: 1 }).step()).toThrow('shares memory');
    const own = new nn.Parameter(shared);
    own.grad = shared as never;
    expect(() => new optim.SGD([own], { lr: 1 }).step()).toThrow(StateError);
    expect(shared.toArray()).toEqual([0, 1, 2, 3]);
  });
});

describe('state', () => {
  const options = { lr: 0.1, momentum: 0.9, dampening: 0.2 };

  function steps(params: readonly Tensor[], optimizer: optim.SGD, from: number, to: number): void {
    for (let step = from; step < to; step++) {
      params.forEach((param, i) => {
        withGrad(param, [Math.sin(step + i), Math.cos(step)]);
      });
      optimizer.step();
    }
  }

  test('goes on in another optimizer as in the first', () => {
    const params = [parameter([1, 2]), parameter([3, 4])];
    const first = new optim.SGD(params, options);
    steps(params, first, 0, 3);
    const copies = params.map((param) => new nn.Parameter(param.detach().clone()));
    const second = new optim.SGD(copies, { lr: 7 });
    second.loadStateDict(first.stateDict());
    expect(second.paramGroups[0]).toMatchObject(options);
    steps(params, first, 3, 6);
    steps(copies, second, 3, 6);
    expect(copies.map((copy) => copy.toArray())).toEqual(params.map((param) => param.toArray()));
  });

  test('that does not fit is refused, and changes nothing', () => {
    const params = [parameter([1, 2]), parameter([3, 4])];
    const optimizer = new optim.SGD(params, options);
    steps(params, optimizer, 0, 2);
    const state = optimizer.stateDict();
    const [group] = state.paramGroups as [(typeof state.paramGroups)[number]];
    const before = JSON.stringify(
      Object.values(state.state).map(({ momentumBuffer }) => momentumBuffer?.toArray()),
    );
    const wrong: [unknown, string][] = [
      [undefined, 'expected { state, paramGroups }, got undefined'],
      [{ ...state, paramGroups: [] }, 'expected 1 parameter groups, got 0'],
      [{ ...state, paramGroups: [{ ...group, params: [0] }] }, 'expected 2 parameters in group 0'],
      [{ ...state, paramGroups: [{ ...group, lr: -1 }] }, 'learning rate'],
      [{ ...state, paramGroups: [{ ...group, betas: 1 }] }, 'unknown option "betas"'],
      [
        { ...state, state: { 1: { step: state.state[1]?.step } } },
        'expected momentumBuffer as float32 [2], got undefined',
      ],
      [{ ...state, state: { 1: { ...state.state[1], momentumBuffer: zeros([3]) } } }, 'got float32 [3]'],
    ];
    for (const [bad, message] of wrong) {
      expect(() => optimizer.loadStateDict(bad as never), message).toThrow(message);
    }
    const after = Object.values(optimizer.stateDict().state).map(({ momentumBuffer }) =>
      momentumBuffer?.toArray(),
    );
    expect(JSON.stringify(after)).toBe(before);
    expect(optimizer.paramGroups[0]?.lr).toBe(0.1);
  });
});

test('steps take no new memory', () => {
  const params = Array.from({ length: 4 }, () => parameter(Array.from({ length: 250_000 }, () => 1)));
  for (const param of params) param.grad = zeros([250_000]) as never;
  const optimizer = new optim.SGD(params, { lr: 0.1, momentum: 0.9, weightDecay: 0.01 });
  const resident = () => process.memoryUsage().rss / 2 ** 20;
  for (let i = 0; i < 50; i++) optimizer.step();
  const buffers = optimizer.stateDict().state[0]?.momentumBuffer?.data;
  const before = resident();
  for (let i = 0; i < 400; i++) optimizer.step();
  expect(resident() - before).toBeLessThan(8); // one parameter's copy is 1 MB
  expect(optimizer.stateDict().state[0]?.momentumBuffer?.data.buffer).toBe(buffers?.buffer);
});
