// @ts-check
/** Batches for libraries whose own gathering would be slower than this: shuffled rows, copied and scaled. */
import { readFileSync } from 'node:fs';
import { filled } from '../serve.js';

/**
 * @param {import('../../case.js').Train} program
 * @param {boolean} shuffle
 * @returns {Generator<{ x: Float32Array, y: Int32Array, rows: number }, never>} `x` and `y` are the caller's
 */
export function* batches({ data, batch, layers }, shuffle) {
  const features = /** @type {number} */ (layers[0]);
  if (!data) {
    const classes = /** @type {number} */ (layers.at(-1));
    const y = Int32Array.from({ length: batch }, (_, i) => i % classes);
    for (;;) yield { x: filled(batch * features, 3), y, rows: batch };
  }
  const pixels = readFileSync(data.images).subarray(0, data.count * features);
  const images = Float32Array.from(pixels, (byte) => byte / 255);
  const file = readFileSync(data.labels);
  const labels = new Int32Array(file.buffer, file.byteOffset, data.count);
  const order = Int32Array.from(labels, (_, i) => i);
  for (;;) {
    for (let i = order.length - 1; shuffle && i > 0; i--) {
      const j = Math.floor(Math.random() * (i + 1));
      [order[i], order[j]] = /** @type {[number, number]} */ ([order[j], order[i]]);
    }
    for (let from = 0; from < order.length; from += batch) {
      const chosen = order.subarray(from, from + batch);
      const x = new Float32Array(chosen.length * features);
      const y = new Int32Array(chosen.length);
      for (const [row, i] of chosen.entries()) {
        x.set(images.subarray(i * features, (i + 1) * features), row * features);
        y[row] = /** @type {number} */ (labels[i]);
      }
      yield { x, y, rows: chosen.length };
    }
  }
}
