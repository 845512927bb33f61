/**
 * ferrograd in a realm of its own, as Jest and vitest's vm pools load it: what native code and Node.js make is of another
 * one, and foreign to `instanceof`.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import type * as Ferrograd from 'ferrograd';
import { expect, test } from 'vitest';

const require = createRequire(import.meta.url);

/** Loads the package in a new realm, with everything of it but the binary. */
function loadInRealm(): typeof Ferrograd {
  const context = createContext();
  // What is Node's, not JavaScript's, comes from outside.
  const own = new Set(runInContext('Object.getOwnPropertyNames(globalThis)', context) as string[]);
  for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(globalThis))) {
    if (!own.has(name)) Object.defineProperty(context, name, property);
  }
  const modules = new Map<string, { exports: unknown }>();
  const load = (file: string): unknown => {
    const known = modules.get(file);
    if (known) return known.exports;
    const module = { exports: {} };
    modules.set(file, module);
    const nodes = createRequire(file);
    const requireHere = (name: string) => {
      const resolved = nodes.resolve(name);
      return resolved.endsWith('.js') ? load(resolved) : nodes(name);
    };
    const source = `(function (exports, require, module, __filename, __dirname) {${readFileSync(file, 'utf8')}\n})`;
    const run = runInContext(source, context, { filename: file });
    run(module.exports, requireHere, module, file, dirname(file));
    return module.exports;
  };
  return load(require.resolve('ferrograd')) as typeof Ferrograd;
}

const { DataLoader, TensorDataset, nn, ones, optim, predict, randn, tensor, train, zeros, ...realm } =
  loadInRealm();

test('it is another realm', () => {
  expect(ones([1]).data).not.toBeInstanceOf(Float32Array);
  expect(ones([1]).constructor).not.toBe(require('ferrograd').Tensor);
});

test('errors of native code have their classes', () => {
  const caught = (fn: () => unknown) => {
    try {
      return fn();
    } catch (error) {
      return error;
    }
  };
  expect(caught(() => ones([2, 3]).matmul(ones([2, 3] as number[])))).toBeInstanceOf(realm.ShapeError);
  const loss = new nn.CrossEntropyLoss();
  const labels = tensor([9], { dtype: 'int32' });
  expect(caught(() => loss.forward(zeros([1, 3]), labels))).toBeInstanceOf(realm.IndexError);
});

test.each([
  [new Int32Array([1, 2]), 'int32'],
  [new BigInt64Array([1n, 2n]), 'int32'],
  [new Uint8Array([1, 2]), 'uint8'],
  [Buffer.from([1, 2]), 'uint8'],
  [new Float32Array([1, 2]), 'float32'],
  [new Float64Array([1, 2]), 'float32'],
])('typed arrays of elsewhere are known by their type: %o', (array, dtype) => {
  const x = tensor(array as Float32Array);
  expect(x.dtype).toBe(dtype);
  expect([...x.data]).toEqual([1, 2]);
});

test('an ImageDataset is made of arrays of elsewhere', () => {
  const data = new realm.ImageDataset({
    images: Buffer.from([1, 2, 3, 4]),
    itemShape: [1, 2],
    labels: new Int32Array([0, 1]),
  });
  expect(data.length).toBe(2);
});

test('it trains and predicts', async () => {
  const model = new nn.Linear(4, 2);
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
  const loader = new DataLoader(new TensorDataset(randn([8, 4]), randn([8, 2])), { batchSize: 4 });
  const { completed } = await train(model, loader, { loss: new nn.MSELoss(), optimizer, epochs: 2 });
  expect(completed).toBe(true);
  expect((await predict(model, randn([3, 4]))).shape).toEqual([3, 2]);
});
