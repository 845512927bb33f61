/**
 * `npm start`: installs and builds what is missing, then trains the example network on MNIST. All arguments go to
 * examples/mnist.ts: `npm start -- --epochs 2`, `npm start -- --help`.
 */
import { spawn } from 'node:child_process';
import { build } from './build.js';
import { root, script } from './command.js';

await script(async () => {
  await build();
  const args = ['--import', 'tsx', 'examples/mnist.ts', ...process.argv.slice(2)];
  const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' });
  // A terminal sends Ctrl-C to both processes: the example decides what it means. Others signal this one alone.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  process.exitCode = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
});
