/** Test runners that isolate files: in threads, in processes, in contexts of their own. */
import { npm } from '../../binaries/tools.js';
import { expect } from '../scenario.js';

/** @typedef {import('../scenario.js').Scenario} Scenario */

const VITEST = ['vitest@~4.1.12'];
const JEST = ['jest@^30.5.0'];

/** Test files, each isolated from the others. */
const FILES = 6;

/**
 * What each file tests: training, and that nothing of JavaScript's built-in classes is taken for another context's.
 * `{test}` and `{load}` are how the runner has them.
 */
const body = `
test('train', async () => {
  const model = new nn.Sequential(new nn.Linear(4, 16), new nn.Dropout(0.1), new nn.Tanh(), new nn.Linear(16, 2));
  const optimizer = new optim.Adam(model.parameters());
  const loader = new DataLoader(new TensorDataset(randn([256, 4]), randn([256, 2])), { batchSize: 32 });
  const { completed } = await train(model, loader, { loss: new nn.MSELoss(), optimizer, epochs: 20 });
  expect(completed).toBe(true);
  const output = await predict(model, randn([3, 4]));
  expect(output.shape).toEqual([3, 2]);
});
test('errors of native code have their classes', async () => {
  expect(() => ones([2, 3]).matmul(ones([2, 3]))).toThrow(ShapeError);
  const loss = new nn.CrossEntropyLoss();
  expect(() => loss.forward(zeros([1, 3]), tensor([9], { dtype: 'int32' }))).toThrow(IndexError);
});
test('typed arrays are known by their type', () => {
  expect(tensor(new Int32Array([1, 2])).dtype).toBe('int32');
  expect(tensor(Buffer.from([1, 2])).dtype).toBe('uint8');
  expect(tensor(new Float32Array([0.5])).dtype).toBe('float32');
});
test('save and load', async () => {
  const file = path.join(os.tmpdir(), 'ferrograd-' + process.pid + '-' + Math.random() + '.safetensors');
  await save({ x: ones([2]) }, file);
  expect((await load(file)).x.data).toEqual(ones([2]).data);
  fs.rmSync(file);
  await expect(load(file)).rejects.toThrow(DataError);
});`;
const names =
  'DataError, DataLoader, IndexError, ShapeError, TensorDataset, load, nn, ones, optim, predict, randn, save, tensor, train, zeros';

const modules = ['fs', 'os', 'path'];
const asModule = `import { ${names} } from 'ferrograd';
${modules.map((name) => `import ${name} from 'node:${name}';`).join('\n')}`;
const asCommonJs = `const { ${names} } = require('ferrograd');
${modules.map((name) => `const ${name} = require('node:${name}');`).join('\n')}`;

/** @param {string} pool @returns {Scenario} */
const vitest = (pool) => async (workshop) => {
  const modules = await npm('vitest', VITEST);
  const project = await workshop.installed({ inside: `${modules}/..` });
  for (let i = 0; i < FILES; i++) {
    project.write(`tests/${i}.test.mjs`, `import { expect, test } from 'vitest';\n${asModule}\n${body}`);
  }
  project.write('vitest.config.mjs', "export default { test: { include: ['tests/*.test.mjs'] } };");
  const args = ['run', '--root', project.folder, '--pool', pool, '--isolate', '--reporter=json'];
  const report = JSON.parse(await project.run([process.execPath, `${modules}/vitest/vitest.mjs`, ...args]));
  expect(`${FILES * 4} tests to pass`, report.numPassedTests === FILES * 4, `${report.numPassedTests}`);
  return `${FILES} files`;
};

/** @param {string[]} options @param {'commonjs' | 'module'} [type] @returns {Scenario} */
const jest =
  (options, type = 'commonjs') =>
  async (workshop) => {
    const modules = await npm('jest', JEST);
    const project = await workshop.installed({ inside: `${modules}/..`, type });
    project.write('jest.config.json', { rootDir: '.', testEnvironment: 'node', transform: {} });
    for (let i = 0; i < FILES; i++) {
      const again = `
test('after the registry of modules is reset, there is a second instance', () => {
  jest.resetModules();
  const second = require('ferrograd');
  expect(second.Tensor).not.toBe(ones([1]).constructor);
  expect(second.ones([2]).add(1).data).toEqual(ones([2]).add(1).data);
});`;
      if (type === 'module') project.write(`tests/${i}.test.js`, `${asModule}\n${body}`);
      else project.write(`tests/${i}.test.js`, `${asCommonJs}\n${body}\n${again}`);
    }
    const flags = type === 'module' ? ['--experimental-vm-modules', '--no-warnings'] : [];
    const args = [...flags, `${modules}/jest/bin/jest.js`, '--json', ...options];
    const report = JSON.parse(await project.run([process.execPath, ...args]));
    const tests = FILES * (type === 'module' ? 4 : 5);
    expect(`${tests} tests to pass`, report.numPassedTests === tests, `${report.numPassedTests}`);
    return `${FILES} files${options.includes('--runInBand') ? ' in one process' : ''}`;
  };

/** @type {Record<string, Scenario>} */
export const testRunners = {
  'vitest forks': vitest('forks'),
  'vitest threads': vitest('threads'),
  'vitest vmThreads': vitest('vmThreads'),
  'jest processes': jest(['--maxWorkers=2']),
  'jest threads': jest(['--maxWorkers=2', '--workerThreads']),
  'jest in band': jest(['--runInBand']),
  'jest ES modules': jest(['--maxWorkers=2'], 'module'),
};
