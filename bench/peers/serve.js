/** The line protocol of README.md, for peers in JavaScript, and the numbers that all peers compute with. */
import { createInterface } from 'node:readline';

/**
 * @typedef {{ seconds: number, runs?: number, parts?: Record<string, number> }} Turn what a `run` is answered with
 * @typedef {{ check: number, run: (times: number) => unknown }} Repeated `run` repeats the work; it may return a promise
 * @typedef {{ check: number, measure: (times: number) => Promise<Turn> }} Measured `measure` warms up, and times itself
 * @typedef {Repeated | Measured} Opened
 * @typedef {(program: any) => Opened | undefined | Promise<Opened | undefined>} Open
 */

/**
 * Answers requests until the input ends.
 *
 * @param {Record<string, unknown>} about
 * @param {Record<string, Open>} programs by name; one that is missing, or gives undefined, this peer cannot do
 */
export async function serve(about, programs) {
  /** @param {object} answer */
  const reply = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
  reply({ about });
  /** @type {Opened | undefined} */
  let opened;
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    if (request.open) {
      opened = undefined;
      opened = await programs[request.open.program]?.(request.open);
      reply(opened ? { ready: opened.check } : { cannot: 'has no such program' });
    } else if (opened) {
      reply(await ('measure' in opened ? opened.measure(request.run) : timed(opened.run, request.run)));
    }
  }
}

/**
 * @param {Repeated['run']} run
 * @param {number} times
 * @returns {Promise<Turn>}
 */
async function timed(run, times) {
  await run(1); // its code and data were away while others had their turn
  const start = performance.now();
  await run(times);
  return { seconds: (performance.now() - start) / 1000 };
}

/** @param {() => unknown} work */
export const repeat = (work) => (/** @type {number} */ times) => {
  for (let i = 0; i < times; i++) work();
};

/**
 * The numbers that every peer fills its arrays with, so that results can be compared: from −0.5 to 0.5.
 *
 * @param {number} n
 * @param {number} seed
 */
export function filled(n, seed) {
  return Float32Array.from({ length: n }, (_, i) => ((i * 37 + seed * 11) % 101) / 101 - 0.5);
}

/**
 * Weights of the dense layers: [out, in], of a size that keeps activations near those of the input. Biases are zero.
 *
 * @param {readonly number[]} layers
 */
export function weights(layers) {
  return layers.slice(1).map((outputs, i) => {
    const inputs = /** @type {number} */ (layers[i]);
    return filled(outputs * inputs, i).map((x) => (2 * x) / Math.sqrt(inputs));
  });
}

/** Steps, in the order of the data, by whose mean loss the peers are compared. */
export const CHECKED_STEPS = 10;
