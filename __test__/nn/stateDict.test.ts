import { ArgumentError, manualSeed, nn, ShapeError, StateError, type Tensor, tensor, zeros } from 'ferrograd';
import { beforeEach, describe, expect, test } from 'vitest';

class Net extends nn.Module {
  fc1 = new nn.Linear(4, 3);
  mean = this.registerBuffer('mean', zeros([3]));
  count = this.registerBuffer('count', tensor(0, { dtype: 'int32' }));
  fc2 = new nn.Linear(3, 2);
  forward(x: Tensor): Tensor {
    return this.fc2.forward(this.fc1.forward(x).sub(this.mean));
  }
}

beforeEach(() => {
  manualSeed(3);
});

test('has parameters, then buffers, of each module in turn, by the names of PyTorch', () => {
  expect(Object.keys(new Net().stateDict())).toEqual([
    'mean',
    'count',
    'fc1.weight',
    'fc1.bias',
    'fc2.weight',
    'fc2.bias',
  ]);
});

test('shares storage, detached', () => {
  const model = new Net();
  const state = model.stateDict();
  expect(state['fc1.weight']?.requiresGrad).toBe(false);
  state['fc1.weight']?.fill_(7);
  expect(model.fc1.weight.data[0]).toBe(7);
});

test('goes from one model to another', () => {
  const [from, to] = [new Net(), new Net()];
  from.mean.fill_(2);
  from.count.fill_(5);
  const result = to.loadStateDict(from.stateDict());
  expect(result).toEqual({ missing: [], unexpected: [] });
  for (const [name, value] of Object.entries(from.stateDict())) {
    expect(to.stateDict()[name]?.toArray(), name).toEqual(value.toArray());
  }
  from.fc1.weight.detach().fill_(1);
  expect(to.fc1.weight.data[0]).not.toBe(1);
  expect(to.fc1.weight.requiresGrad).toBe(true);
});

test('its values may be strided, or the own ones', () => {
  const model = new Net();
  const before = model.fc1.weight.toArray();
  model.loadStateDict(model.stateDict());
  expect(model.fc1.weight.toArray()).toEqual(before);
  const transposed = tensor([
    [1, 2, 3],
    [4, 5, 6],
    [7, 8, 9],
    [10, 11, 12],
  ]).t();
  model.loadStateDict({ 'fc1.weight': transposed }, { strict: false });
  expect(model.fc1.weight.toArray()).toEqual([
    [1, 4, 7, 10],
    [2, 5, 8, 11],
    [3, 6, 9, 12],
  ]);
});

test("a module's own tensors may change places", () => {
  const pair = new nn.Sequential(new nn.Linear(2, 2, { bias: false }), new nn.Linear(2, 2, { bias: false }));
  const { '0.weight': first, '1.weight': second } = pair.stateDict() as Record<string, Tensor>;
  const [a, b] = [first?.toArray(), second?.toArray()];
  pair.loadStateDict({ '0.weight': second as Tensor, '1.weight': first as Tensor });
  expect([pair.layers[0].weight.toArray(), pair.layers[1].weight.toArray()]).toEqual([b, a]);
});

test('a value that backward needs is missed', () => {
  const model = new Net();
  const loss = model.forward(zeros([1, 4])).sum();
  model.loadStateDict(new Net().stateDict());
  expect(() => loss.backward()).toThrow(StateError);
});

describe('what does not fit', () => {
  /** Loads, expects an error, and that nothing changed. */
  function refused(change: (state: Record<string, unknown>) => void, options?: { strict: boolean }): Error {
    const model = new Net();
    const before = Object.values(model.stateDict()).map((value) => value.toArray());
    const state: Record<string, unknown> = new Net().stateDict();
    change(state);
    let error: unknown;
    try {
      model.loadStateDict(state as Record<string, Tensor>, options);
    } catch (thrown) {
      error = thrown;
    }
    expect(Object.values(model.stateDict()).map((value) => value.toArray())).toEqual(before);
    return error as Error;
  }

  test('is listed in one message', () => {
    const error = refused((state) => {
      delete state['fc1.bias'];
      delete state.mean;
      state.extra = zeros([1]);
      state['fc2.weight'] = zeros([2, 4]);
      state.count = zeros([]);
      state['fc2.bias'] = [1, 2];
    });
    expect(error).toBeInstanceOf(StateError);
    expect(error.message).toBe(`loadStateDict: this state dict does not fit Net, nothing was loaded
  unexpected: extra
  missing: mean, fc1.bias
  count: expected int32, got float32
  fc2.weight: expected shape [2, 3], got [2, 4]
  fc2.bias: expected a tensor, got an array of 2`);
  });

  test('is a ShapeError if it is shapes alone', () => {
    const error = refused((state) => {
      state['fc2.weight'] = zeros([2, 4]);
    });
    expect(error).toBeInstanceOf(ShapeError);
    expect(error.message).toContain('fc2.weight: expected shape [2, 3], got [2, 4]');
  });

  test('is refused for shapes even if not strict', () => {
    const error = refused(
      (state) => {
        state['fc2.weight'] = zeros([2, 4]);
      },
      { strict: false },
    );
    expect(error).toBeInstanceOf(ShapeError);
  });

  test('may be disposed or no state dict at all', () => {
    const error = refused((state) => {
      const gone = zeros([2, 3]);
      gone[Symbol.dispose]();
      state['fc2.weight'] = gone;
    });
    expect(error.message).toContain('fc2.weight: its buffer was detached or disposed');
    for (const wrong of [null, undefined, 3, 'x', zeros([2])]) {
      expect(() => new Net().loadStateDict(wrong as never)).toThrow(ArgumentError);
    }
    expect(() => new Net().loadStateDict({}, { strickt: false } as never)).toThrow(
      'unknown option "strickt"',
    );
    expect(() => new Net().loadStateDict({}, false as never)).toThrow(ArgumentError);
  });

  test('is told if not strict', () => {
    const model = new Net();
    const result = model.loadStateDict(
      { 'fc1.bias': tensor([1, 2, 3]), extra: zeros([1]) },
      { strict: false },
    );
    expect(result).toEqual({
      missing: ['mean', 'count', 'fc1.weight', 'fc2.weight', 'fc2.bias'],
      unexpected: ['extra'],
    });
    expect(model.fc1.bias?.toArray()).toEqual([1, 2, 3]);
  });
});

test('any name of a tied tensor will do', () => {
  class Tied extends nn.Module {
    encoder = new nn.Linear(2, 2);
    decoder = this.encoder;
    head = new nn.Linear(2, 2, { bias: false });
    constructor() {
      super();
      this.head.weight = this.encoder.weight;
    }
    forward(x: Tensor): Tensor {
      return x;
    }
  }
  const weight = tensor([
    [1, 2],
    [3, 4],
  ]);
  for (const name of ['encoder.weight', 'decoder.weight', 'head.weight']) {
    const model = new Tied();
    const result = model.loadStateDict({ [name]: weight, 'decoder.bias': zeros([2]) });
    expect(result).toEqual({ missing: [], unexpected: [] });
    expect(model.encoder.weight.toArray(), name).toEqual([
      [1, 2],
      [3, 4],
    ]);
  }
});
