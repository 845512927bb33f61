/** Small grey images as text. */
import { ShapeError } from '../errors.js';
import { formatShape } from '../shape.js';
import type { Tensor } from '../tensor.js';

/**
 * A grey image drawn with half blocks, two pixels in each character: what is brighter than the middle between the
 * darkest and the brightest pixel is set.
 *
 * @param image shape [height, width] or [1, height, width], any dtype.
 * @returns lines joined by newlines; every line has `width` characters.
 * @throws ShapeError for another shape.
 */
export function drawImage(image: Tensor): string {
  const [height, width] = image.shape.slice(-2);
  if (!height || !width || image.size !== height * width) {
    throw new ShapeError(
      `drawImage: expected one grey image [height, width], got shape ${formatShape(image.shape)}`,
    );
  }
  const { data } = image;
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of data) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const middle = (low + high) / 2;
  const set = (row: number, column: number) =>
    row < height && (data[row * width + column] as number) > middle;
  const lines: string[] = [];
  for (let row = 0; row < height; row += 2) {
    let line = '';
    for (let column = 0; column < width; column++) {
      const [upper, lower] = [set(row, column), set(row + 1, column)];
      line += upper ? (lower ? '█' : '▀') : lower ? '▄' : ' ';
    }
    lines.push(line);
  }
  return lines.join('\n');
}

/** Blocks of text side by side, each under its caption, lines filled up to equal width. */
export function sideBySide(
  blocks: readonly { readonly caption: string; readonly text: string }[],
  gap = 2,
): string {
  const columns = blocks.map(({ caption, text }) => [caption, ...text.split('\n')]);
  const widths = columns.map((lines) => Math.max(...lines.map((line) => [...line].length)));
  const height = Math.max(0, ...columns.map((lines) => lines.length));
  return Array.from({ length: height }, (_, row) =>
    columns
      .map((lines, i) => {
        const line = lines[row] ?? '';
        return line + ' '.repeat((widths[i] as number) - [...line].length);
      })
      .join(' '.repeat(gap))
      .trimEnd(),
  ).join('\n');
}
