/** Threads and processes: many, and ended while they train. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { Failure } from '../../command.js';
import { expectLosses } from '../project.js';
import { expect } from '../scenario.js';

/** Workers at once. */
const AT_ONCE = 16;

/** How much larger a process may be at its end than early on, in MB: the heap breathes, 16 workers make it breathe more. */
const FLAT = 80;

/** @typedef {import('../scenario.js').Scenario} Scenario */

/** @type {Scenario} */
async function workers(workshop, { rounds }) {
  const project = await workshop.installed();
  const printed = await project.run([process.execPath, 'workers.mjs', String(rounds), String(AT_ONCE)], {
    seconds: 3600,
  });
  const { workers, training, failed, early, late } = JSON.parse(printed);
  expect('no worker to fail', failed === 0, `${failed} that did`);
  expect(`memory to stay within ${FLAT} MB`, late - early < FLAT, `${early} MB, then ${late} MB`);
  return `${workers} workers, ${AT_ONCE} at once, ${training} terminated while training; ${early} MB early, ${late} MB late`;
}

/**
 * Ends a program that trains in so many processes; `ending` says how, and what is to be seen of it.
 *
 * @param {string[]} args of endless.mjs, less the milliseconds
 * @param {(ended: { code: number | null, signal: string | null, stderr: string }) => boolean} isRight
 * @param {NodeJS.Signals} [signal] sent after the random time, where the program does not end itself
 * @returns {Scenario}
 */
const ending =
  (args, isRight, signal) =>
  async (workshop, { rounds }) => {
    const project = await workshop.installed();
    for (let round = 0; round < rounds; round++) {
      const milliseconds = Math.floor(Math.random() * 60);
      const all = ['endless.mjs', ...args, ...(signal ? [] : [String(milliseconds)])];
      const child = spawn(process.execPath, all, {
        cwd: project.folder,
        env: project.env,
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: 60_000,
        killSignal: 'SIGKILL',
      });
      let stderr = '';
      child.stderr.setEncoding('utf8').on('data', (text) => {
        stderr += text;
      });
      const closed = once(child, 'close');
      if (signal) {
        await Promise.race([once(child.stdout, 'data'), closed]);
        await setTimeout(milliseconds);
        child.kill(signal);
      }
      const [code, by] = await closed;
      if (!isRight({ code, signal: by, stderr })) {
        throw new Failure(
          `process ${round + 1} ended with ${by ?? `exit code ${code}`}\n    ${stderr.trim()}`,
        );
      }
    }
    return `${rounds} processes`;
  };

/** @type {Scenario} */
async function children(workshop) {
  const project = await workshop.installed();
  expectLosses(await project.run([process.execPath, 'children.mjs']), 5);
  return 'fork, spawn, execFile and cluster at once, losses equal';
}

/** @type {Scenario} */
async function exitInWorkers(workshop, { rounds }) {
  const project = await workshop.installed();
  project.write(
    'exits.mjs',
    `import { once } from 'node:events';
    import { Worker } from 'node:worker_threads';
    for (let i = 0; i < ${rounds}; i++) {
      const argv = [i % 2 ? 'train' : 'explicit', 'exit', String(i % 29)];
      const [code] = await once(new Worker(new URL('endless.mjs', import.meta.url), { argv }), 'exit');
      if (code !== 7) throw new Error('exit code ' + code);
    }`,
  );
  await project.run([process.execPath, 'exits.mjs'], { seconds: 1800 });
  return `${rounds} workers`;
}

/** @type {Record<string, Scenario>} */
export const processes = {
  'worker_threads terminated at random': workers,
  'worker_threads process.exit in a worker': exitInWorkers,
  'child_process fork, spawn, cluster': children,
  'process.exit while train runs': ending(['train', 'exit'], ({ code }) => code === 7),
  'process.exit in the explicit loop': ending(['explicit', 'exit'], ({ code }) => code === 7),
  'uncaught error while train runs': ending(
    ['train', 'throw'],
    ({ code, stderr }) => code === 1 && stderr.includes('Error: thrown while training'),
  ),
  'SIGINT while train runs': ending(['train'], ({ signal }) => signal === 'SIGINT', 'SIGINT'),
  'SIGTERM in the explicit loop': ending(['explicit'], ({ signal }) => signal === 'SIGTERM', 'SIGTERM'),
};
