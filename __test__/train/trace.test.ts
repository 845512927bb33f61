/** Tracing is never silently wrong: what cannot be compiled runs as the explicit loop does, and says so. */
import {
  DataLoader,
  Generator,
  manualSeed,
  nn,
  noGrad,
  optim,
  predictSync,
  rand,
  randn,
  StateError,
  type Tensor,
  TensorDataset,
  tensor,
  train,
  zeros,
} from 'ferrograd';
import { beforeEach, describe, expect, test } from 'vitest';
import { distance, explicitLoop, warningsOf, weights } from './digits.js';

const criterion = new nn.CrossEntropyLoss();

beforeEach(() => {
  manualSeed(2);
});

function data(shuffle = true) {
  const labels = Int32Array.from({ length: 40 }, (_, i) => i % 3);
  return new DataLoader(new TensorDataset(randn([40, 6]), tensor(labels)), { batchSize: 16, shuffle });
}

abstract class Net extends nn.Module {
  first = new nn.Linear(6, 8);
  last = new nn.Linear(8, 3);
  forward(x: Tensor): Tensor {
    return this.last.forward(this.hidden(this.first.forward(x)));
  }
  abstract hidden(x: Tensor): Tensor;
}

let outside = 0;
const generator = new Generator(8);

/** Nets whose forward no plan can repeat; what the warning says of each. */
const impure: Record<string, [new () => Net, RegExp]> = {
  'a counter in a field': [
    class extends Net {
      calls = 0;
      hidden(x: Tensor) {
        return x.mul(1 + 0.1 * (this.calls++ % 3));
      }
    },
    /changes the model, in calls/,
  ],
  'a counter that has no effect yet': [
    class extends Net {
      seen = { batches: 0 };
      hidden(x: Tensor) {
        return this.seen.batches++ > 3 ? x.tanh() : x.relu();
      }
    },
    /changes the model, in seen\.batches/,
  ],
  'a counter elsewhere': [
    class extends Net {
      hidden(x: Tensor) {
        return outside++ % 2 ? x.tanh() : x.relu();
      }
    },
    /computes (relu|tanh) in one call and (relu|tanh) in another/,
  ],
  'a number that varies': [
    class extends Net {
      hidden(x: Tensor) {
        return x.mul(1 + (outside++ % 5));
      }
    },
    /uses a tensor of shape \[\] that is not the same in every call/,
  ],
  'random numbers': [
    class extends Net {
      hidden(x: Tensor) {
        return x.add(rand([8]).mul(0.1));
      }
    },
    /draws random numbers other than for dropout/,
  ],
  'random numbers of its own generator': [
    class extends Net {
      hidden(x: Tensor) {
        return x.add(rand([8], { generator }).mul(0.1));
      }
    },
    /draws random numbers other than for dropout/,
  ],
  'a value read with item()': [
    class extends Net {
      hidden(x: Tensor) {
        return x.mean().item() > 0 ? x.relu() : x.tanh();
      }
    },
    /looks at the elements of a tensor, with item\(\)/,
  ],
  'values read with toArray(), in a try': [
    class extends Net {
      hidden(x: Tensor) {
        try {
          return x.mul((x.toArray() as number[][]).length / 10);
        } catch {
          return x;
        }
      }
    },
    /looks at the elements of a tensor, with data/,
  ],
  'the data of a parameter': [
    class extends Net {
      hidden(x: Tensor) {
        return x.mul(1 + Math.abs(this.last.weight.data[0] as number));
      }
    },
    /looks at the elements of a tensor, with data/,
  ],
  'the gradient of a detached tensor': [
    class extends Net {
      hidden(x: Tensor) {
        const leaf = x.detach();
        leaf.requiresGrad = true;
        return x.add(leaf.mul(2));
      }
    },
    /wants the gradient of what it has detached, or of a part of the batch/,
  ],
  'a tensor that shares memory with a parameter': [
    class extends Net {
      shadow = this.first.bias?.detach() as Tensor;
      hidden(x: Tensor) {
        return x.add(this.shadow);
      }
    },
    /uses a tensor that shares memory with a parameter/,
  ],
  'parameters that share memory': [
    class extends Net {
      also = new nn.Parameter(this.first.bias?.detach() as Tensor);
      hidden(x: Tensor) {
        return x.add(this.also);
      }
    },
    /has parameters that share memory/,
  ],
  'a running mean': [
    class extends Net {
      mean = this.registerBuffer('mean', zeros([8]));
      hidden(x: Tensor) {
        noGrad(() => this.mean.copy_(this.mean.mul(0.9).add(x.mean(0).mul(0.1))));
        return x.sub(this.mean);
      }
    },
    /changes a tensor in place, with copy_/,
  ],
  'a buffer that is filled': [
    class extends Net {
      step = this.registerBuffer('step', zeros([1]));
      hidden(x: Tensor) {
        noGrad(() => this.step.fill_(0.5));
        return x.add(this.step);
      }
    },
    /changes a tensor in place, with fill_/,
  ],
  'a prediction of its own': [
    class extends Net {
      hidden(x: Tensor) {
        return x.mul(predictSync(this.last, zeros([1, 8])).mean());
      }
    },
    /calls predictSync/,
  ],
  'a list that grows': [
    class extends Net {
      sizes: number[] = [];
      hidden(x: Tensor) {
        this.sizes.push(x.size);
        return x.mul(1 / this.sizes.length);
      }
    },
    /changes the model, in sizes\.\d/,
  ],
  'an activation that is kept': [
    class extends Net {
      kept: Tensor | undefined;
      hidden(x: Tensor) {
        this.kept = x;
        return x.relu();
      }
    },
    /changes the model, in kept/,
  ],
};

describe('what no plan can repeat runs as the explicit loop', () => {
  test.each(Object.entries(impure))('%s', async (_, [Class, reason]) => {
    const start = () => {
      manualSeed(4);
      generator.manualSeed(8);
      outside = 0;
      const model = new Class();
      // Not all of them can be optimized: two of one memory cannot.
      const params = [...model.first.parameters(), ...model.last.parameters()];
      return { model, optimizer: new optim.SGD(params, { lr: 0.1 }), batches: data() };
    };
    const explicit = start();
    const expected = await explicitLoop(explicit.model, explicit.batches, {
      loss: criterion,
      optimizer: explicit.optimizer,
      epochs: 2,
    });
    const next = rand([2]).toArray();
    const reachesOut = outside > 0; // what lives outside of the model cannot be given back: tracing moves it on

    const { model, optimizer, batches } = start();
    const run = train(model, batches, { loss: criterion, optimizer, epochs: 2 });
    const warnings = await warningsOf(async () => {
      const { epochs, eager } = await run;
      expect(eager).toMatch(reason);
      expect(epochs).toHaveLength(2);
      if (!reachesOut) {
        epochs.forEach(({ batchLosses }, i) => {
          expect([...batchLosses]).toEqual(expected[i]);
        });
        expect(weights(model)).toEqual(weights(explicit.model));
      }
    });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(reason);
    expect(rand([2]).toArray()).toEqual(next);
    expect(run.explain()).toMatch(/runs step by step in JavaScript: its forward/);
  });

  test('nothing is left of tracing in the model, and nothing that was not computed is taken for a value', async () => {
    class Keeping extends nn.Module {
      layer = new nn.Linear(6, 3);
      forward(x: Tensor): Tensor {
        const y = this.layer.forward(x);
        leaked.push(y);
        return y;
      }
    }
    const leaked: Tensor[] = [];
    const model = new Keeping();
    await train(model, data(), {
      loss: criterion,
      optimizer: new optim.SGD(model.parameters()),
      fallback: false,
    });
    expect(leaked.length).toBe(4); // two types of batches, twice
    for (const tensor of leaked) expect(() => tensor.toArray()).toThrow(StateError);
  });

  test('and is refused where there must be no fallback', async () => {
    const [Class] = impure['random numbers'] as [new () => Net, RegExp];
    const model = new Class();
    const optimizer = new optim.SGD(model.parameters());
    const run = train(model, data(), { loss: criterion, optimizer, fallback: false });
    await expect(run).rejects.toThrow(StateError);
    await expect(run).rejects.toThrow(
      'draws random numbers other than for dropout, so it cannot be compiled',
    );
  });
});

describe('each epoch is traced anew', () => {
  test('a model that becomes another one goes on in JavaScript', async () => {
    class Changing extends nn.Module {
      first = new nn.Linear(6, 8);
      last = new nn.Linear(8, 3);
      activation: 'relu' | 'tanh' = 'relu';
      forward(x: Tensor): Tensor {
        return this.last.forward(this.first.forward(x)[this.activation]());
      }
    }
    const model = new Changing();
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
    const batches = data(false);
    const run = train(model, batches, { loss: criterion, optimizer, epochs: 3 });
    const copy = new Changing();
    const twin = new optim.SGD(copy.parameters(), { lr: 0.1, momentum: 0.9 });
    const warnings = await warningsOf(async () => {
      for await (const { epoch } of run) {
        if (epoch !== 2) continue;
        model.activation = 'tanh';
        copy.loadStateDict(model.stateDict());
        twin.loadStateDict(optimizer.stateDict()); // copies, as loadStateDict does
      }
    });
    expect((await run).eager).toMatch(/computes relu in one call and tanh in another/);
    expect(warnings).toHaveLength(1);
    // The third epoch is that of the explicit loop, with momentum, from where the plans had come.
    expect(distance(weights(model), weights(copy))).toBeGreaterThan(0);
    copy.activation = 'tanh';
    await explicitLoop(copy, batches, { loss: criterion, optimizer: twin, epochs: 1 });
    expect(weights(model)).toEqual(weights(copy));
  });

  test.each([
    ['a Float32Array', () => Float32Array.of(1, 1, 1, 1, 0, 0, 0, 0)],
    ['a Buffer', () => Buffer.from([1, 1, 1, 1, 0, 0, 0, 0])],
  ])('a captured constant that is written to: %s', async (_, make) => {
    const mask = tensor(make());
    class Masked extends Net {
      hidden(x: Tensor) {
        return x.mul(mask);
      }
    }
    const model = new Masked();
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
    const run = train(model, data(), { loss: criterion, optimizer, epochs: 2 });
    await warningsOf(async () => {
      for await (const { epoch } of run) if (epoch === 1) mask.data[7] = 1;
    });
    expect((await run).eager).toMatch(/uses a tensor of shape \[8\] that is not the same in every call/);
  });
});

/** Nets in which gradients stop somewhere. */
const stopped: Record<string, new () => Net> = {
  'a detached activation': class extends Net {
    hidden(x: Tensor) {
      return x.div(x.abs().mean().detach().add(1));
    }
  },
  'the same value, with and without': class extends Net {
    hidden(x: Tensor) {
      return x.mul(x.detach()).add(x.detach().tanh());
    }
  },
  'a detached view': class extends Net {
    hidden(x: Tensor) {
      return x.add(x.t().detach().t()).sub(x.slice(1, 0, 1).detach());
    }
  },
  'part of it under noGrad': class extends Net {
    hidden(x: Tensor) {
      return x.div(noGrad(() => x.abs().mean().add(1)));
    }
  },
  'a whole layer under noGrad': class extends Net {
    hidden(x: Tensor) {
      return x.add(noGrad(() => this.first.weight.sum(1).relu()));
    }
  },
  'everything before the last layer': class extends Net {
    hidden(x: Tensor) {
      return x.relu().detach();
    }
  },
  'a detached weight': class extends Net {
    hidden(x: Tensor) {
      return x.add(this.first.forward(zeros([1, 6]).add(this.first.weight.detach().mean(0))).tanh());
    }
  },
  'a frozen layer': class extends Net {
    constructor() {
      super();
      for (const parameter of this.first.parameters()) parameter.requiresGrad = false;
    }
    hidden(x: Tensor) {
      return x.relu();
    }
  },
  'a frozen weight with a bias that learns': class extends Net {
    constructor() {
      super();
      this.first.weight.requiresGrad = false;
    }
    hidden(x: Tensor) {
      return x.tanh().mul(this.first.weight.mean(1));
    }
  },
};

describe.each([
  ['sgd', (parameters: nn.Parameter[]) => new optim.SGD(parameters, { lr: 0.1, weightDecay: 0.01 })],
  ['adam', (parameters: nn.Parameter[]) => new optim.Adam(parameters, { lr: 0.02 })],
])('where gradients stop, a plan is the explicit loop: %s', (_, makeOptimizer) => {
  test.each(Object.entries(stopped))('%s', async (_, Class) => {
    const start = () => {
      manualSeed(4);
      const model = new Class();
      return { model, optimizer: makeOptimizer(model.parameters()), batches: data() };
    };
    const explicit = start();
    const before = weights(explicit.model);
    const expected = await explicitLoop(explicit.model, explicit.batches, {
      loss: criterion,
      optimizer: explicit.optimizer,
      epochs: 3,
    });
    const { model, optimizer, batches } = start();
    const { epochs } = await train(model, batches, {
      loss: criterion,
      optimizer,
      epochs: 3,
      fallback: false,
    });
    epochs.forEach(({ batchLosses }, i) => {
      expect(distance(batchLosses, expected[i] as number[])).toBeLessThan(1e-5);
    });
    expect(distance(weights(model), weights(explicit.model))).toBeLessThan(1e-5);
    expect(distance(weights(model), before)).toBeGreaterThan(1e-3);
    // What got no gradient has not moved at all.
    const moved = (one: nn.Module) => {
      const now = weights(one);
      return now.map((weight, i) => weight !== before[i]);
    };
    expect(moved(model)).toEqual(moved(explicit.model));
  });
});

test('a change of what is detached is noticed', async () => {
  class Warming extends Net {
    cut = true;
    hidden(x: Tensor) {
      return (this.cut ? x.detach() : x).tanh();
    }
  }
  const model = new Warming();
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
  const run = train(model, data(), { loss: criterion, optimizer, epochs: 2 });
  await warningsOf(async () => {
    for await (const { epoch } of run) if (epoch === 1) model.cut = false;
  });
  expect((await run).eager).toMatch(/does not compute the same in every call/);
});

describe('a parameter that the model does not list', () => {
  test('is an error that names its shape', async () => {
    class Hidden extends Net {
      readonly #scale = new nn.Parameter(zeros([8]).add(1));
      hidden(x: Tensor) {
        return x.mul(this.#scale);
      }
    }
    const model = new Hidden();
    const run = train(model, data(), { loss: criterion, optimizer: new optim.SGD(model.parameters()) });
    await expect(run).rejects.toThrow(StateError);
    await expect(run).rejects.toThrow(
      'train: forward uses a parameter of shape [8] that model.parameters() does not list',
    );
  });

  test('also where it was used under noGrad first', async () => {
    class Hidden extends Net {
      readonly #scale = new nn.Parameter(zeros([8]).add(1));
      hidden(x: Tensor) {
        return x.mul(noGrad(() => x.add(this.#scale))).mul(this.#scale);
      }
    }
    const model = new Hidden();
    const run = train(model, data(), { loss: criterion, optimizer: new optim.SGD(model.parameters()) });
    await expect(run).rejects.toThrow('uses a parameter of shape [8] that model.parameters() does not list');
  });

  test('also where it was used before the trace', async () => {
    const factor = tensor([2, 3], { requiresGrad: true });
    const computed = factor.mul(2).sum();
    class Outer extends Net {
      hidden(x: Tensor) {
        return x.mul(computed);
      }
    }
    const model = new Outer();
    const run = train(model, data(), { loss: criterion, optimizer: new optim.SGD(model.parameters()) });
    await expect(run).rejects.toThrow('uses a tensor that requires a gradient of shape [2]');
  });
});

test('what is made in the first call and kept is no obstacle', async () => {
  class Lazy extends Net {
    mask: Tensor | undefined;
    hidden(x: Tensor) {
      this.mask ??= tensor([1, 1, 1, 1, 2, 2, 2, 2]).mul(0.5);
      return x.mul(this.mask);
    }
  }
  const model = new Lazy();
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
  const { eager } = await train(model, data(), { loss: criterion, optimizer, epochs: 2 });
  expect(eager).toBeNull();
  expect(model.mask?.toArray()).toEqual([0.5, 0.5, 0.5, 0.5, 1, 1, 1, 1]);
});
