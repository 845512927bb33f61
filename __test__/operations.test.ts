/**
 * Every operation against PyTorch: values and gradients as fixtures/make_fixtures.py wrote them down.
 *
 * Whole numbers, truth values, shapes, types, NaN, infinities and, in results, the sign of zero must be the same.
 * Floats may differ from PyTorch's float64 by RELATIVE of themselves, by ABSOLUTE of the largest in the tensor, which
 * sums with cancellation need, and by FACTOR of PyTorch's own float32 error where that is larger still.
 */
import { readFileSync } from 'node:fs';
import * as ferrograd from 'ferrograd';
import { type DType, nn, Tensor, tensor } from 'ferrograd';
import { describe, expect, test } from 'vitest';

const RELATIVE = 2e-6;
const ABSOLUTE = 5e-7;
const FACTOR = 4;

type Encoded = number | boolean | 'NaN' | 'Infinity' | '-Infinity' | '-0';

interface Values {
  dtype: DType;
  shape: number[];
  data: Encoded[];
  /** How far PyTorch's float32 is from its float64, where that is a lot. */
  error?: number;
}

interface Case {
  /** TypeScript, over the inputs and the exports of the package. */
  expression: string;
  inputs: Record<string, Values>;
  results: Values[];
  gradients: Record<string, Values>;
}

interface Fixtures {
  torch: string;
  /** The gradient of element i of a result is `upstream[i % 5]`. */
  upstream: number[];
  operations: Record<string, Case[]>;
}

const fixtures: Fixtures = JSON.parse(
  readFileSync(new URL('fixtures/operations.json', import.meta.url), 'utf8'),
);

/** A linear layer of these very weights. */
function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const [outputs, inputs] = weight.shape as [number, number];
  const layer = new nn.Linear(inputs, outputs, { bias: bias !== undefined });
  return Object.assign(layer, bias ? { weight, bias } : { weight }).forward(x);
}

const scope = { ...ferrograd, linear };

function evaluate(expression: string, inputs: Record<string, Tensor>): Tensor[] {
  const names = { ...scope, ...inputs };
  const result = new Function(...Object.keys(names), `return ${expression};`)(...Object.values(names));
  if (result instanceof Tensor) return [result];
  return Array.isArray(result) ? result : [result.values, result.indices];
}

function inputOf({ dtype, shape, data }: Values): Tensor {
  const numbers = data.map(Number);
  return tensor(numbers, { dtype, shape, requiresGrad: dtype === 'float32' });
}

function upstream(result: Tensor): Tensor {
  const { length } = fixtures.upstream;
  const values = Float32Array.from(
    { length: result.size },
    (_, i) => fixtures.upstream[i % length] as number,
  );
  return tensor(values, { shape: result.shape });
}

/** What is wrong with `got`, if anything. The sign of a zero counts if `signed`. */
function difference(what: string, got: Tensor | null, expected: Values, signed: boolean): string[] {
  if (!got) return [`${what} is null`];
  const { dtype, shape, error = 0 } = expected;
  if (got.dtype !== dtype || `${got.shape}` !== `${shape}`) {
    return [`${what} is ${got.dtype} [${got.shape}], expected ${dtype} [${shape}]`];
  }
  const { data } = got;
  const numbers = expected.data.map(Number);
  const largest = numbers.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 0);
  return numbers.flatMap((number, i) => {
    const element = data[i] as number;
    const wanted = dtype === 'float32' ? Math.fround(number) : number;
    const tolerance =
      dtype === 'float32' ? RELATIVE * Math.abs(wanted) + ABSOLUTE * largest + FACTOR * error : 0;
    const zeros = element === 0 && wanted === 0;
    const same = zeros ? !signed || Object.is(element, wanted) : Object.is(element, wanted);
    const near = !zeros && Math.abs(element - wanted) <= tolerance;
    const text = (x: number) => (Object.is(x, -0) ? '-0' : String(x));
    return same || near ? [] : [`${what}[${i}] is ${text(element)}, expected ${text(wanted)}`];
  });
}

function run({ expression, inputs, results, gradients }: Case): string[] {
  const tensors = Object.fromEntries(Object.entries(inputs).map(([name, values]) => [name, inputOf(values)]));
  const got = evaluate(expression, tensors);
  const wrong = got.length === results.length ? [] : [`${got.length} results, expected ${results.length}`];
  results.forEach((expected, i) => {
    wrong.push(
      ...difference(results.length > 1 ? `result ${i}` : 'result', got[i] as Tensor, expected, true),
    );
  });
  for (const result of got) if (result.requiresGrad) result.backward(upstream(result));
  for (const [name, expected] of Object.entries(gradients)) {
    wrong.push(...difference(`gradient of ${name}`, tensors[name]?.grad ?? null, expected, false));
  }
  const before = Object.entries(tensors).flatMap(([name, x]) =>
    difference(name, x, inputs[name] as Values, true),
  );
  return [...wrong, ...before];
}

describe(`as PyTorch ${fixtures.torch} computes:`, () => {
  test.each(Object.entries(fixtures.operations))('%s', (_, cases) => {
    const wrong = cases.flatMap((one) => {
      const where = `${one.expression} of ${Object.values(one.inputs).map(({ dtype, shape }) => `${dtype} [${shape}]`)}`;
      try {
        return run(one).map((text) => `${where}: ${text}`);
      } catch (error) {
        return [`${where}: ${error}`];
      }
    });
    expect(wrong).toEqual([]);
  });
});
