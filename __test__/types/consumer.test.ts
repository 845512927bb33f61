/** What a user's compiler says: in strict mode, of the declarations too, and in which words. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

// Inside the checkout, where 'ferrograd' is the package itself.
const folder = mkdtempSync(fileURLToPath(new URL('consumer-', import.meta.url)));
afterAll(() => rmSync(folder, { recursive: true }));

/** What tsc prints about a program; nothing if it has no objection. */
function compile(name: string, program: string, module: 'nodenext' | 'commonjs' = 'nodenext'): string {
  const file = join(folder, name);
  writeFileSync(file, program);
  const tsc = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));
  const options = `--ignoreConfig --noEmit --strict --exactOptionalPropertyTypes --noUncheckedIndexedAccess
    --noImplicitOverride --noPropertyAccessFromIndexSignature --skipLibCheck false --pretty false
    --target es2022 --lib es2022,esnext.disposable --types node --moduleResolution
    ${module === 'nodenext' ? 'nodenext' : 'bundler'} --module ${module}`;
  try {
    execFileSync(process.execPath, [tsc, ...options.split(/\s+/), file], { encoding: 'utf8', stdio: 'pipe' });
    return '';
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

const seed = `
import { DataLoader, Tensor, datasets, nn, optim, transforms } from 'ferrograd';

const trainData = await datasets.MNIST({ root: './data', train: true, download: true, transform: transforms.toTensor() });
const trainLoader = new DataLoader(trainData, { batchSize: 64, shuffle: true });

class Net extends nn.Module {
  fc1 = new nn.Linear(28 * 28, 128);
  fc2 = new nn.Linear(128, 10);
  forward(x: Tensor): Tensor {
    x = x.view(-1, 28 * 28);
    x = this.fc1.forward(x);
    return this.fc2.forward(x);
  }
}

const model = new Net();
const criterion = new nn.CrossEntropyLoss();
const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 });

for (let epoch = 0; epoch < 10; epoch++) {
  let runningLoss = 0;
  for (const [inputs, labels] of trainLoader) {
    optimizer.zeroGrad();
    const outputs = model.forward(inputs);
    const loss = criterion.forward(outputs, labels);
    loss.backward();
    optimizer.step();
    runningLoss += loss.item();
  }
  console.log(\`Epoch \${epoch + 1}, Loss: \${runningLoss / trainLoader.length}\`);
}
console.log('Finished Training');
`;

test('the program of every tutorial compiles as it stands', () => {
  expect(compile('seed.mts', seed)).toBe('');
});

test('the declarations are sound for CommonJS', () => {
  const program = `import { nn, zeros } from 'ferrograd';
export const y = new nn.Linear(3, 2).forward(zeros([5, 3]));`;
  expect(compile('common.cts', program)).toBe('');
  expect(compile('bundled.ts', program, 'commonjs')).toBe('');
});

test('a Sequential whose layers do not fit is one short error that names both numbers', () => {
  const message = compile(
    'misfit.mts',
    `import { nn } from 'ferrograd';
new nn.Sequential(new nn.Linear(784, 128), new nn.ReLU(), new nn.Linear(64, 10));`,
  );
  expect(message.match(/error TS/g)).toHaveLength(1);
  expect(message).toContain("Argument of type 'Linear<64, 10>' is not assignable");
  expect(message).toContain('a layer that takes 128 features, as the one before it gives; this one takes 64');
  expect(message.length).toBeLessThan(500);
});

test('so is an input that a layer does not take', () => {
  const message = compile(
    'input.mts',
    `import { nn, zeros } from 'ferrograd';
new nn.Linear(784, 128).forward(zeros([64, 100]));`,
  );
  expect(message.match(/error TS/g)).toHaveLength(1);
  expect(message).toContain("Type '[64, 100]' is not assignable to type '[64, 784]'");
});
