import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ArgumentError, nn, optim, StateError, type Tensor, tensor, zeros } from 'ferrograd';
import { describe, expect, test } from 'vitest';

/** What fixtures/make_optimizers.py writes. */
interface Fixtures {
  start: number[];
  cases: {
    name: 'Adam' | 'AdamW';
    options: optim.AdamOptions;
    values: number[][];
    state: Record<string, number[]>;
  }[];
}

const fixtures: Fixtures = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/optimizers.json'), 'utf8'),
);

const gradient = (step: number, length: number) =>
  tensor(Array.from({ length }, (_, i) => Math.sin(0.7 * step + i)));

function steps(param: Tensor, optimizer: optim.Adam | optim.AdamW, from: number, to: number): number[][] {
  return Array.from({ length: to - from }, (_, i) => {
    param.grad = gradient(from + i, param.size) as never;
    optimizer.step();
    return param.toArray() as number[];
  });
}

function expectClose(found: readonly number[], expected: readonly number[]): void {
  expect(found).toHaveLength(expected.length);
  found.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i] as number, 6);
  });
}

describe('steps and state are those of PyTorch', () => {
  test.each(fixtures.cases)('$name $options', ({ name, options, values, state }) => {
    const param = new nn.Parameter(tensor(fixtures.start));
    const optimizer = new optim[name]([param], options);
    steps(param, optimizer, 0, values.length).forEach((found, i) => {
      expectClose(found, values[i] as number[]);
    });
    const { step, ...buffers } = optimizer.stateDict().state[0] as Record<string, Tensor>;
    expect(step?.item()).toBe(values.length);
    expect(Object.keys(buffers)).toEqual(Object.keys(state));
    for (const [key, buffer] of Object.entries(buffers)) {
      expectClose(buffer.toArray() as number[], state[key] as number[]);
    }
  });

  test('the presets too', () => {
    const params = [new nn.Parameter(zeros([1]))];
    const presets = { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, amsgrad: false, maximize: false };
    expect(new optim.Adam(params).paramGroups[0]).toMatchObject({ ...presets, weightDecay: 0 });
    expect(new optim.AdamW(params).paramGroups[0]).toMatchObject({ ...presets, weightDecay: 0.01 });
  });
});

test('options may be changed between steps, in place too', () => {
  const change = (after: (group: { betas: [number, number]; lr: number }) => void): unknown => {
    const param = new nn.Parameter(tensor([1, 2, 3]));
    const optimizer = new optim.Adam([param], { lr: 0.1, betas: [0.9, 0.9] });
    steps(param, optimizer, 0, 2);
    after(optimizer.paramGroups[0] as unknown as { betas: [number, number]; lr: number });
    return steps(param, optimizer, 2, 4);
  };
  const unchanged = change(() => {});
  const replaced = change((group) => {
    group.betas = [0.5, 0.9];
  });
  expect(replaced).not.toEqual(unchanged);
  expect(
    change(({ betas }) => {
      betas[0] = 0.5;
    }),
  ).toEqual(replaced);
});

test('a state goes on in another optimizer as in the first', () => {
  for (const options of [{ lr: 0.1 }, { lr: 0.1, amsgrad: true, betas: [0.5, 0.5] as const }]) {
    const param = new nn.Parameter(tensor([1, 2, 3]));
    const first = new optim.AdamW([param], options);
    steps(param, first, 0, 3);
    const copy = new nn.Parameter(param.detach().clone());
    const second = new optim.AdamW([copy], { lr: 7 });
    second.loadStateDict(first.stateDict());
    expect(second.paramGroups[0]).toMatchObject(options);
    expect(steps(copy, second, 3, 6)).toEqual(steps(param, first, 3, 6));
    const { state, paramGroups } = first.stateDict();
    const { expAvgSq: _, ...incomplete } = state[0] as Record<string, Tensor>;
    expect(() => second.loadStateDict({ state: { 0: incomplete }, paramGroups })).toThrow(StateError);
  }
});

test('each parameter counts its own steps', () => {
  const [early, late] = [new nn.Parameter(tensor([1])), new nn.Parameter(tensor([1]))];
  const optimizer = new optim.Adam([early, late], { lr: 0.1 });
  steps(early, optimizer, 0, 1);
  early.grad = null;
  steps(late, optimizer, 0, 1); // its first: corrected as such, not as the second
  expect(late.item()).toBe(early.item());
});

describe('what makes no sense', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['a negative rate', { lr: -0.1 }, 'learning rate: -0.1'],
    ['a negative eps', { eps: -1 }, 'eps: -1'],
    ['a negative weight decay', { weightDecay: -1 }, 'weight decay: -1'],
    ['one beta', { betas: 0.9 }, 'betas must be two numbers, got 0.9'],
    ['three betas', { betas: [0.9, 0.9, 0.9] }, 'betas must be two numbers, got an array of 3'],
    ['text as beta', { betas: ['0.9', 0.9] }, 'betas[0] must be a finite number, got "0.9"'],
    ['NaN as beta', { betas: [0.9, Number.NaN] }, 'betas[1] must be a finite number, got NaN'],
    ['a negative beta', { betas: [-0.1, 0.9] }, 'beta at index 0: -0.1'],
    ['a beta of 1', { betas: [0.9, 1] }, 'beta at index 1: 1'],
    ['a number for a flag', { amsgrad: 1 }, 'amsgrad must be true or false, got 1'],
    ['an option of SGD', { momentum: 0.9 }, 'unknown option "momentum", expected lr, betas, eps'],
  ])('%s is refused', (_, options, message) => {
    for (const name of ['Adam', 'AdamW'] as const) {
      const make = () => new optim[name]([new nn.Parameter(zeros([1]))], options);
      expect(make).toThrow(ArgumentError);
      expect(make).toThrow(message);
      expect(make).toThrow(`${name}: `);
    }
  });
});
