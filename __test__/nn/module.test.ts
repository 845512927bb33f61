import { inspect } from 'node:util';
import { ArgumentError, nn, type Tensor, tensor, zeros } from 'ferrograd';
import { describe, expect, test } from 'vitest';

class Net extends nn.Module {
  fc1 = new nn.Linear(4, 3);
  drop = new nn.Dropout(0.2);
  fc2: nn.Linear = new nn.Linear(3, 2, { bias: false });
  forward(x: Tensor): Tensor {
    return this.fc2.forward(this.drop.forward(this.fc1.forward(x).relu()));
  }
}

/** Everything that can be in a field. */
class Zoo extends nn.Module {
  constant = zeros([7]);
  list = [new nn.Linear(1, 2), [new nn.Linear(2, 3, { bias: false })]];
  scale = new nn.Parameter(zeros([5]));
  named = { left: new nn.ReLU(), right: { deep: new nn.Linear(3, 1, { bias: false }) } };
  weights = [new nn.Parameter(zeros([1])), new nn.Parameter(zeros([2]))];
  mean: Tensor = this.registerBuffer('mean', zeros([6]));
  scratch = this.registerBuffer('scratch', zeros([8]), { persistent: false });
  nothing = null;
  text = 'text';
  map = new Map([['a', new nn.Linear(1, 1)]]);
  forward(x: Tensor): Tensor {
    return x;
  }
}

const names = (model: nn.Module) => model.namedParameters().map(([name]) => name);

describe('what a module is made of', () => {
  test('parameters have the names and the order of PyTorch', () => {
    const model = new Net();
    expect(names(model)).toEqual(['fc1.weight', 'fc1.bias', 'fc2.weight']);
    expect(model.parameters()).toEqual([model.fc1.weight, model.fc1.bias, model.fc2.weight]);
    expect(model.namedModules().map(([name]) => name)).toEqual(['', 'fc1', 'drop', 'fc2']);
    expect(model.modules()).toEqual([model, model.fc1, model.drop, model.fc2]);
    expect(model.namedChildren().map(([name]) => name)).toEqual(['fc1', 'drop', 'fc2']);
    expect(model.children()).toEqual([model.fc1, model.drop, model.fc2]);
  });

  test("its own parameters come before its modules', and containers are looked into", () => {
    const zoo = new Zoo();
    expect(names(zoo)).toEqual([
      'scale',
      'weights.0',
      'weights.1',
      'list.0.weight',
      'list.0.bias',
      'list.1.0.weight',
      'named.right.deep.weight',
    ]);
    expect(zoo.namedBuffers().map(([name]) => name)).toEqual(['mean', 'scratch']);
    expect(zoo.buffers()).toEqual([zoo.mean, zoo.scratch]);
  });

  test('a replaced layer, parameter or buffer is found', () => {
    const model = new Net();
    model.parameters();
    model.fc2 = new nn.Linear(3, 9);
    expect(names(model)).toEqual(['fc1.weight', 'fc1.bias', 'fc2.weight', 'fc2.bias']);
    const zoo = new Zoo();
    zoo.mean = zeros([9]);
    expect(zoo.stateDict().mean?.shape).toEqual([9]);
  });

  test('tied modules and parameters count once', () => {
    class Tied extends nn.Module {
      encoder = new nn.Linear(3, 3);
      decoder = this.encoder;
      head = new nn.Linear(3, 3, { bias: false });
      constructor() {
        super();
        this.head.weight = this.encoder.weight;
      }
      forward(x: Tensor): Tensor {
        return this.head.forward(this.decoder.forward(this.encoder.forward(x)));
      }
    }
    const tied = new Tied();
    expect(names(tied)).toEqual(['encoder.weight', 'encoder.bias']);
    expect(tied.modules()).toEqual([tied, tied.encoder, tied.head]);
    expect(tied.children()).toEqual([tied.encoder, tied.head]);
    expect(Object.keys(tied.stateDict())).toEqual(['encoder.weight', 'encoder.bias']);
    expect(nn.summary(tied, [2, 3]).parameters).toBe(12);
  });

  test('modules that know each other do not hang', () => {
    class Crowd extends nn.Module {
      others: nn.Module[] = [];
      weight = new nn.Parameter(zeros([2]));
      forward(x: Tensor): Tensor {
        return x;
      }
    }
    const crowd = Array.from({ length: 40 }, () => new Crowd());
    for (const one of crowd) one.others = crowd;
    const [first] = crowd as [Crowd];
    expect(first.parameters()).toHaveLength(40);
    expect(first.train().modules()).toHaveLength(40);
    expect(first.toString().length).toBeLessThan(2e6);
    expect(first.loadStateDict(first.stateDict())).toEqual({ missing: [], unexpected: [] });
    const unknown = `${'others.1.'.repeat(50)}none`;
    expect(() => first.loadStateDict({ ...first.stateDict(), [unknown]: zeros([2]) })).toThrow(
      /unexpected: others/,
    );
  });

  test('objects that contain themselves do not hang', () => {
    class Loop extends nn.Module {
      loop: Record<string, unknown> = { layer: new nn.Linear(1, 1, { bias: false }) };
      forward(x: Tensor): Tensor {
        return x;
      }
    }
    const loop = new Loop();
    loop.loop.self = loop.loop;
    expect(names(loop)).toEqual(['loop.layer.weight']);
  });

  test('Sequential and ModuleList number their modules', () => {
    const model = new nn.Sequential(new nn.Linear(4, 3), new nn.ReLU(), new nn.Linear(3, 2));
    expect(names(model)).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
    expect(model.length).toBe(3);
    expect(model.layers[2]).toBe(model[2]);
    expect([...model]).toEqual(model.children());
    expect(model.forward(zeros([5, 4])).shape).toEqual([5, 2]);

    const list = new nn.ModuleList<nn.Linear>([new nn.Linear(1, 2)]).append(new nn.Linear(2, 3));
    expect(names(list)).toEqual(['0.weight', '0.bias', '1.weight', '1.bias']);
    expect(() => list.forward()).toThrow('a list has no forward');
    expect(() => list.append(3 as never)).toThrow(ArgumentError);
    expect(() => new nn.Sequential(3 as never)).toThrow('Sequential: expected modules, got 3');
  });
});

describe('registerBuffer', () => {
  test('refuses names that are taken or no names', () => {
    const zoo = new Zoo();
    for (const name of ['forward', 'scale', 'mean', '', 'a.b', 3 as never]) {
      expect(() => zoo.registerBuffer(name, zeros([1]))).toThrow(ArgumentError);
    }
    expect(() => zoo.registerBuffer('fresh', 3 as never)).toThrow('expected a tensor, got 3');
    expect('fresh' in zoo).toBe(false);
  });
});

describe('modes', () => {
  test('train and eval reach all modules', () => {
    const model = new Net();
    expect(model.modules().every(({ training }) => training)).toBe(true);
    expect(model.eval()).toBe(model);
    expect(model.modules().some(({ training }) => training)).toBe(false);
    model.train();
    expect(model.drop.training).toBe(true);
    expect(() => model.train('yes' as never)).toThrow(ArgumentError);
  });

  test('requiresGrad_ freezes', () => {
    const model = new Net();
    model.fc1.requiresGrad_(false);
    expect(model.parameters().map(({ requiresGrad }) => requiresGrad)).toEqual([false, false, true]);
    model
      .forward(zeros([1, 4]))
      .sum()
      .backward();
    expect(model.fc1.weight.grad).toBeNull();
    expect(model.fc2.weight.grad).not.toBeNull();
  });
});

describe('Parameter', () => {
  test('shares storage and requires a gradient', () => {
    const data = tensor([1, 2]);
    const parameter = new nn.Parameter(data);
    data.fill_(3);
    expect(parameter.toArray()).toEqual([3, 3]);
    expect(parameter.requiresGrad).toBe(true);
    expect(new nn.Parameter(tensor([1], { dtype: 'int32' }), { requiresGrad: false }).dtype).toBe('int32');
    expect(() => new nn.Parameter(tensor([1], { dtype: 'int32' }))).toThrow(
      'only float32 tensors have gradients',
    );
    expect(() => new nn.Parameter(3 as never)).toThrow(ArgumentError);
    expect(() => new nn.Parameter(data, false as never)).toThrow('Parameter: expected options');
  });

  test('is made contiguous', () => {
    const parameter = new nn.Parameter(
      tensor([
        [1, 2],
        [3, 4],
      ]).t(),
    );
    expect(parameter.isContiguous()).toBe(true);
    expect(parameter.toArray()).toEqual([
      [1, 3],
      [2, 4],
    ]);
  });
});

describe('as text', () => {
  test('a model is drawn as PyTorch does', () => {
    class Deep extends nn.Module {
      net = new Net();
      tail = new nn.Sequential(new nn.LeakyReLU(0.1), new nn.GELU(), new nn.GELU({ approximate: 'tanh' }));
      layers = [new nn.Softmax(-1), new nn.Flatten(), new nn.Identity()];
      forward(x: Tensor): Tensor {
        return x;
      }
    }
    const text = `Deep(
  (net): Net(
    (fc1): Linear(4, 3)
    (drop): Dropout(0.2)
    (fc2): Linear(3, 2, { bias: false })
  )
  (tail): Sequential(
    (0): LeakyReLU(0.1)
    (1): GELU()
    (2): GELU({ approximate: 'tanh' })
  )
  (layers.0): Softmax(-1)
  (layers.1): Flatten()
  (layers.2): Identity()
)`;
    const model = new Deep();
    expect(String(model)).toBe(text);
    expect(inspect(model)).toBe(text);
    expect(inspect({ model: new nn.Linear(2, 3) })).toContain('model: Linear(2, 3)');
  });

  test("extraRepr is a user's to write", () => {
    class Scaled extends nn.Module {
      protected override extraRepr(): string {
        return 'factor=2';
      }
      forward(x: Tensor): Tensor {
        return x;
      }
    }
    expect(`${new Scaled()}`).toBe('Scaled(factor=2)');
  });

  test('tied modules and cycles end', () => {
    class Ring extends nn.Module {
      next: Ring | undefined;
      forward(x: Tensor): Tensor {
        return x;
      }
    }
    const ring = new Ring();
    ring.next = ring;
    expect(`${ring}`).toBe('Ring(\n  (next): Ring(…)\n)');
  });
});

describe('summary', () => {
  test('lists outputs, parameters and memory', () => {
    const model = new Net();
    model.fc1.eval();
    model.fc1.requiresGrad_(false);
    const summary = nn.summary(model, [64, 4]);
    expect(summary.layers).toEqual([
      { name: '', type: 'Net', outputShape: [64, 2], parameters: 0 },
      { name: 'fc1', type: 'Linear', outputShape: [64, 3], parameters: 15 },
      { name: 'drop', type: 'Dropout', outputShape: [64, 3], parameters: 0 },
      { name: 'fc2', type: 'Linear', outputShape: [64, 2], parameters: 6 },
    ]);
    expect(summary).toMatchObject({ parameters: 21, trainableParameters: 6, bytes: 84 });
    expect(inspect(summary)).toBe(`Layer             Output   Parameters
─────────────────────────────────────
Net               [64, 2]           0
  fc1 (Linear)    [64, 3]          15
  drop (Dropout)  [64, 3]           0
  fc2 (Linear)    [64, 2]           6
─────────────────────────────────────
Parameters: 21, 15 of them frozen
Memory: 84 B`);
  });

  test('leaves the model as it was', () => {
    const model = new Net();
    model.fc1.eval();
    const own = (x: Tensor) => x.mul(2);
    const patched = Object.assign(new nn.Identity(), { forward: own });
    const outer = new nn.Sequential(model, patched);
    nn.summary(outer, [2, 4]);
    expect([model.training, model.fc1.training, model.drop.training]).toEqual([true, false, true]);
    expect(Object.keys(model)).not.toContain('forward');
    expect(patched.forward).toBe(own);
    expect(() => nn.summary(outer, [2, 5])).toThrow(
      '0.fc1: expected input [*, 4], got [2, 5] (layer Linear(4, 3))',
    );
    expect([model.training, model.fc1.training]).toEqual([true, false]);
    expect(patched.forward).toBe(own);
    expect(Object.hasOwn(model, 'forward')).toBe(false);
  });

  test('refuses nonsense', () => {
    expect(() => nn.summary({} as never, [1])).toThrow(ArgumentError);
    expect(() => nn.summary(new Net(), [-1, 4])).toThrow('sizes must be whole numbers');
    expect(() => nn.summary(new Net(), [1, 4], { device: 'gpu' } as never)).toThrow(
      'unknown option "device"',
    );
  });
});
