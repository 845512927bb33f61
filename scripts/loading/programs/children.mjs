/** Trains in processes that were forked, spawned, executed and made by `cluster`, all at once; prints what they print. */
import { execFile, fork, spawn } from 'node:child_process';
import cluster from 'node:cluster';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import 'ferrograd'; // loaded here too: a child inherits nothing of it

const program = fileURLToPath(new URL('train.mjs', import.meta.url));

/** @param {import('node:child_process').ChildProcess} child */
async function printed(child) {
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (/** @type {string} */ part) => {
    text += part;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`exit code ${code}`);
  return text;
}

cluster.setupPrimary({ exec: program, silent: true });

/** Its channel keeps a process of the cluster alive until the primary lets go of it. */
function clustered() {
  const worker = cluster.fork();
  worker.process.stdout?.once('data', () => worker.disconnect());
  return printed(worker.process);
}

const lines = await Promise.all([
  printed(fork(program, [], { silent: true })),
  printed(spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] })),
  promisify(execFile)(process.execPath, [program]).then(({ stdout }) => stdout),
  clustered(),
  clustered(),
]);
process.stdout.write(lines.join(''));
