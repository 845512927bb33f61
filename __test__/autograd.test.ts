/** Gradients in the explicit loop: what `backward` reaches, adds up, refuses and leaves alone. */
import {
  ArgumentError,
  DtypeError,
  noGrad,
  ones,
  ShapeError,
  StateError,
  type Tensor,
  tensor,
  where,
  zeros,
} from 'ferrograd';
import { describe, expect, test } from 'vitest';

function leaf(data: number | number[] | number[][]): Tensor {
  return tensor(data, { requiresGrad: true }) as Tensor;
}

/** As `grad` is now: TypeScript takes it for null for as long as it sees no other assignment. */
const gradOf = ({ grad }: Tensor) => grad;

/** A leaf of so many elements that it has a buffer of its own, which can be transferred to another thread. */
function large(): Tensor {
  return ones([1000], { requiresGrad: true });
}

function detachBuffer({ data: { buffer } }: Tensor): void {
  structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
}

describe('backward', () => {
  test('adds to the gradient that is there', () => {
    const x = leaf([1, 2]);
    x.mul(3).sum().backward();
    x.mul(x).sum().backward();
    expect(x.grad?.toArray()).toEqual([5, 7]);
  });

  test('may be called again on the same tensor', () => {
    const x = leaf(3);
    const y = x.mul(x);
    y.backward();
    y.backward();
    expect(x.grad?.item()).toBe(12);
  });

  test('takes the gradient of a result that is no scalar, strided or not', () => {
    const x = leaf([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    x.mul(x).backward(
      tensor([
        [1, 0],
        [0, 1],
        [1, 1],
      ]).t(),
    );
    expect(x.grad?.toArray()).toEqual([
      [2, 0, 6],
      [0, 10, 12],
    ]);
  });

  test('of a leaf gives it the gradient itself', () => {
    const x = leaf([1, 2]);
    x.backward(tensor([5, 6]));
    x.backward(tensor([1, 1]));
    expect(x.grad?.toArray()).toEqual([6, 7]);
    const one = leaf(1);
    one.backward();
    expect(one.grad?.item()).toBe(1);
  });

  test('adds up what comes along several ways', () => {
    const x = leaf(2);
    const a = x.mul(3);
    const b = a.add(x);
    const c = a.mul(b); // 3x · 4x
    c.add(a).backward();
    expect(x.grad?.item()).toBe(2 * 12 * 2 + 3);
  });

  test('goes once through shared subexpressions, however many ways there are', () => {
    const x = leaf(1);
    let y = x as Tensor;
    for (let i = 0; i < 30; i++) y = y.add(y);
    y.backward();
    expect(x.grad?.item()).toBe(2 ** 30);
  });

  test('goes through chains of any length', () => {
    const x = leaf(1);
    let y = x as Tensor;
    for (let i = 0; i < 10_000; i++) y = y.mul(1);
    y.backward();
    expect(x.grad?.item()).toBe(1);
  });

  test('reaches a tensor through its views', () => {
    const x = leaf([
      [1, 2],
      [3, 4],
    ]);
    const rows = x.t().split(1) as [Tensor, Tensor];
    rows[0].mul(rows[1]).sum().backward();
    expect(x.grad?.toArray()).toEqual([
      [2, 1],
      [4, 3],
    ]);
  });

  test('leaves what needs no gradient without one', () => {
    const [x, y] = [leaf([1, 2]), tensor([3, 4])];
    x.mul(y).sum().backward();
    expect(x.grad?.toArray()).toEqual([3, 4]);
    expect(y.grad).toBeNull();
  });

  test('leaves a tensor alone that was frozen since', () => {
    const [x, y] = [leaf(2), leaf(3)];
    const product = x.mul(y);
    x.requiresGrad = false;
    product.backward();
    expect([x.grad, y.grad?.item()]).toEqual([null, 2]);
  });

  test('sends no gradient through comparisons, conversions to integers and indices', () => {
    const x = leaf([1, 2]);
    expect(x.gt(1).requiresGrad).toBe(false);
    expect(x.to('int32').requiresGrad).toBe(false);
    expect(x.argmax().requiresGrad).toBe(false);
    where(x.gt(1), x, 0).sum().backward();
    expect(x.grad?.toArray()).toEqual([0, 1]);
  });

  describe('refuses', () => {
    test('a result that is no scalar, without its gradient', () => {
      const x = leaf([1, 2]);
      expect(() => x.mul(2).backward()).toThrow(ShapeError);
      expect(() => x.mul(2).backward()).toThrow('this tensor has shape [2]');
    });

    test('a gradient of another shape or type, or that is no tensor', () => {
      const x = leaf([1, 2]);
      const y = x.mul(2);
      expect(() => y.backward(tensor([1, 2, 3]))).toThrow('float32 gradient of shape [2], got float32 [3]');
      expect(() => y.backward(tensor([1, 2], { dtype: 'int32' }))).toThrow(ShapeError);
      expect(() => y.backward(1 as never)).toThrow(ArgumentError);
      expect(() => y.backward(null as never)).toThrow(ArgumentError);
      expect(x.grad).toBeNull();
    });

    test('what depends on nothing that requires one', () => {
      expect(() => tensor(1).backward()).toThrow(StateError);
      expect(() => noGrad(() => leaf(1).mul(2)).backward()).toThrow(StateError);
      expect(() => leaf(1).mul(2).detach().backward()).toThrow(StateError);
    });

    test('a buffer that went to another thread, and leaves all gradients as they were', () => {
      const [x, y] = [large(), large()];
      x.sum().backward();
      const product = x.mul(y);
      detachBuffer(y);
      expect(() => product.sum().backward()).toThrow(StateError);
      expect([x.grad?.data[0], y.grad]).toEqual([1, null]);
    });

    test('a gradient whose buffer went to another thread', () => {
      const x = large();
      x.sum().backward();
      detachBuffer(x.grad as Tensor);
      expect(() => x.sum().backward()).toThrow(StateError);
      x.grad = null;
      x.sum().backward();
      expect(gradOf(x)?.data[0]).toBe(1);
    });

    test('gradients of two tensors that share memory', () => {
      const [x, y, shared] = [leaf([1, 2]), leaf([3, 4]), tensor([0, 0, 0])];
      x.grad = shared.slice(0, 0, 2);
      y.grad = shared.slice(0, 1, 3);
      expect(() => x.mul(y).sum().backward()).toThrow(StateError);
      expect(shared.toArray()).toEqual([0, 0, 0]);
    });
  });
});

describe('grad', () => {
  test('is null before backward, and when it was set to null', () => {
    const x = leaf([1, 2]);
    expect(x.grad).toBeNull();
    x.sum().backward();
    x.grad = null;
    expect(x.grad).toBeNull();
  });

  test('is the same object until it is set to null', () => {
    const x = leaf([1, 2]);
    x.sum().backward();
    const held = x.grad;
    x.sum().backward();
    expect(x.grad).toBe(held);
    expect(held?.toArray()).toEqual([2, 2]);
  });

  test('that somebody holds stays as it is after it was set to null', () => {
    const x = leaf([1, 2]);
    x.sum().backward();
    const held = x.grad;
    x.grad = null;
    x.mul(3).sum().backward();
    expect([held?.toArray(), gradOf(x)?.toArray()]).toEqual([
      [1, 1],
      [3, 3],
    ]);
  });

  test('that nobody has seen starts anew after it was set to null', () => {
    const x = leaf([1, 2]);
    x.mul(7).sum().backward();
    x.grad = null;
    x.mul(3).sum().backward();
    expect(gradOf(x)?.toArray()).toEqual([3, 3]);
  });

  test('can be set, and backward adds to it', () => {
    const x = leaf([
      [1, 2],
      [3, 4],
    ]);
    x.grad = tensor([
      [10, 20],
      [30, 40],
    ]).t();
    x.sum().backward();
    expect(x.grad?.toArray()).toEqual([
      [11, 31],
      [21, 41],
    ]);
  });

  test('refuses what is not a gradient of the tensor', () => {
    const x = leaf([1, 2]);
    expect(() => {
      x.grad = tensor([1, 2, 3]) as never;
    }).toThrow(ShapeError);
    expect(() => {
      x.grad = tensor([1, 2], { dtype: 'int32' });
    }).toThrow(ShapeError);
    expect(() => {
      x.grad = 1 as never;
    }).toThrow(ArgumentError);
    expect(() => {
      x.grad = undefined as never;
    }).toThrow(ArgumentError);
    expect(x.grad).toBeNull();
  });

  test('may itself take part in what is differentiated', () => {
    const x = leaf([1, 2]);
    x.mul(x).sum().backward(); // 2x
    const gradient = x.grad as Tensor;
    x.mul(gradient).backward(gradient); // adds grad², of the gradient as it was
    expect(gradient.toArray()).toEqual([2 + 4, 4 + 16]);
  });

  test('is of floats only, and of a leaf can be turned off', () => {
    expect(() => tensor([1], { dtype: 'int32', requiresGrad: true })).toThrow(DtypeError);
    const x = leaf(1);
    const y = x.mul(2);
    expect(() => {
      y.requiresGrad = false;
    }).toThrow(StateError);
    expect([x.requiresGrad, y.requiresGrad]).toEqual([true, true]);
    x.requiresGrad = false;
    expect(x.mul(2).requiresGrad).toBe(false);
  });
});

describe('a change in place', () => {
  const change = (x: Tensor) => noGrad(() => x.fill_(9));

  test.each<[string, (x: Tensor) => Tensor]>([
    ['of an input', (x) => x.mul(x)],
    ['of an input that was read through a view', (x) => x.t().mul(2).mul(x)],
    ['of an input that was read through detach()', (x) => leaf(2).mul(x.detach())],
  ])('%s that the derivative reads is a StateError', (_, f) => {
    const x = leaf([1, 2]);
    const y = f(x).sum();
    change(x);
    expect(() => y.backward()).toThrow(StateError);
    expect(() => y.backward()).toThrow('the derivative of mul needs');
    expect(x.grad).toBeNull();
  });

  test('of a result that the derivative reads is a StateError', () => {
    const x = leaf([1, 2]);
    const y = x.exp();
    change(y);
    expect(() => y.sum().backward()).toThrow('the derivative of exp needs');
  });

  test('of a gradient that the derivative reads is a StateError', () => {
    const x = leaf([1, 2]);
    x.sum().backward();
    const weighted = leaf([3, 4]).mul(x.grad as Tensor);
    x.sum().backward();
    expect(() => weighted.sum().backward()).toThrow(StateError);
  });

  test('of what no derivative reads is none', () => {
    const x = leaf([1, 2]);
    const y = x.add(1).sum();
    change(x);
    y.backward();
    expect(x.grad?.toArray()).toEqual([1, 1]);
  });

  test('of a copy is none', () => {
    const x = leaf([1, 2]);
    const y = x.clone();
    const z = y.mul(y).sum();
    change(x);
    z.backward();
    expect(x.grad?.toArray()).toEqual([2, 4]);
  });

  test('needs noGrad where a gradient is required', () => {
    const x = leaf([1, 2]);
    expect(() => x.fill_(0)).toThrow(StateError);
    expect(() => x.copy_(tensor([3, 4]))).toThrow('under noGrad only');
    expect(x.toArray()).toEqual([1, 2]);
  });

  test('shows through all views', () => {
    const x = leaf([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const views = [x.t(), x.slice(1, 0, 3, 2), x.view(6), x.detach(), x.unsqueeze(0).expand(2, 2, 3)];
    noGrad(() => x.copy_(zeros([2, 3])));
    for (const view of views) expect(new Set(view.data)).toEqual(new Set([0]));
  });
});

describe('noGrad', () => {
  test('records nothing, and gives the result of its function', () => {
    const x = leaf([1, 2]);
    const y = noGrad(() => x.mul(2));
    expect([y.requiresGrad, y.toArray()]).toEqual([false, [2, 4]]);
  });

  test('ends with its function, also where that throws, and may be nested', () => {
    const x = leaf([1, 2]);
    noGrad(() => noGrad(() => x.mul(2)));
    expect(() =>
      noGrad(() => {
        throw new RangeError('mine');
      }),
    ).toThrow(RangeError);
    expect(x.mul(2).requiresGrad).toBe(true);
    expect(noGrad(() => [noGrad(() => x.mul(2)), x.mul(2)].map((y) => y.requiresGrad))).toEqual([
      false,
      false,
    ]);
  });

  test('refuses what is async, which would end after it', () => {
    expect(() => noGrad(async () => 1)).toThrow(ArgumentError);
    expect(leaf(1).mul(2).requiresGrad).toBe(true);
  });
});

test('detach shares storage and stops gradients', () => {
  const x = leaf([1, 2]);
  const y = x.mul(2).detach();
  expect(y.requiresGrad).toBe(false);
  x.mul(y).sum().backward();
  expect(x.grad?.toArray()).toEqual([2, 4]);
  const z = x.detach();
  z.data[0] = 9;
  expect(x.toArray()).toEqual([9, 2]);
});

test('a step lets go of what it computed: tensors that are kept stay readable', () => {
  const x = leaf([1, 2]);
  const kept: Tensor[] = [];
  for (let step = 0; step < 100; step++) {
    x.grad = null;
    const y = x.mul(step).sum();
    y.backward();
    kept.push(y, x.grad as unknown as Tensor);
  }
  kept.forEach((tensor, i) => {
    const step = Math.floor(i / 2);
    expect(tensor.toArray()).toEqual(i % 2 === 0 ? 3 * step : [step, step]);
  });
});
