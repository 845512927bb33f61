/** A line chart, for a terminal and as a picture: how a loss went down. */
import { ArgumentError } from '../errors.js';

/** How a chart looks. */
export interface LineChartOptions {
  /** Above the chart. */
  readonly title?: string;
  /** What the horizontal axis counts, from 1 to the number of values unless `from` and `to` say otherwise. */
  readonly xLabel?: string;
  readonly from?: number;
  readonly to?: number;
}

/** Dots of a braille character, by column and row: U+2800 plus the sum of their bits. */
const BRAILLE = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const;

interface Scale {
  readonly low: number;
  readonly high: number;
}

/** The range of the values, which leaves out what is not finite. */
function scaleOf(values: readonly number[], what: string): Scale {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) throw new ArgumentError(`${what}: expected at least one finite value, got none`);
  const low = finite.reduce((a, b) => Math.min(a, b));
  const high = finite.reduce((a, b) => Math.max(a, b));
  return low === high ? { low: low - 0.5, high: high + 0.5 } : { low, high };
}

/** Four significant digits, which is what fits an axis. */
function label(value: number): string {
  return String(Number(value.toPrecision(4)));
}

/**
 * The chart as text, drawn with braille dots (two columns by four rows in each character).
 *
 * @param values in order; values that are not finite leave a gap.
 * @param options `width` and `height` count characters of the plot, without axes.
 * @returns lines joined by newlines, without one at the end.
 * @throws ArgumentError if no value is finite.
 */
export function lineChart(
  values: readonly number[],
  options: LineChartOptions & { readonly width?: number; readonly height?: number } = {},
): string {
  const { title, xLabel = '', from = 1, to = values.length, width = 60, height = 10 } = options;
  const { low, high } = scaleOf(values, 'lineChart');
  const cells = Array.from({ length: height }, () => new Uint8Array(width));
  const [columns, rows] = [width * 2, height * 4];
  const rowOf = (value: number) => Math.round(((high - value) / (high - low)) * (rows - 1));
  const dot = (column: number, row: number) => {
    const cell = cells[row >> 2] as Uint8Array;
    cell[column >> 1] = (cell[column >> 1] as number) | (BRAILLE[(column & 1) as 0 | 1][row & 3] as number);
  };

  let previous: number | undefined;
  for (let column = 0; column < columns; column++) {
    // A column shows the mean of the values that fall into it, or the nearest one.
    const start = (column / columns) * values.length;
    const end = Math.max(start + 1, ((column + 1) / columns) * values.length);
    const here = values.slice(Math.floor(start), Math.floor(end)).filter(Number.isFinite);
    if (here.length === 0) {
      previous = undefined;
      continue;
    }
    const row = rowOf(here.reduce((a, b) => a + b, 0) / here.length);
    const step = previous === undefined || row >= previous ? 1 : -1;
    for (let r = previous ?? row; r !== row; r += step) dot(column, r);
    dot(column, row);
    previous = row;
  }

  const names = cells.map((_, i) => (i === 0 ? label(high) : i === height - 1 ? label(low) : ''));
  const margin = Math.max(...names.map((name) => name.length));
  const lines = cells.map((cell, i) => {
    const text = Array.from(cell, (bits) => String.fromCodePoint(0x2800 + bits)).join('');
    return `${(names[i] as string).padStart(margin)} ┤${text}`;
  });
  const [first, last] = [label(from), label(to)];
  const gap = Math.max(1, width - first.length - last.length - xLabel.length);
  const axis = `${first}${' '.repeat(Math.floor(gap / 2))}${xLabel}${' '.repeat(Math.ceil(gap / 2))}${last}`;
  return [
    ...(title ? [`${' '.repeat(margin + 2)}${title}`] : []),
    ...lines,
    `${' '.repeat(margin)} └${'─'.repeat(width)}`,
    `${' '.repeat(margin + 2)}${axis}`,
  ].join('\n');
}

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (c) => escapes[c] as string);
}

/** Round numbers, about `count` of them, that cover the scale. */
function ticks({ low, high }: Scale, count: number): number[] {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((m) => m * power >= rough) ?? 10);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step);
}

/**
 * The chart as a picture in SVG, readable on light and dark ground.
 *
 * @throws ArgumentError if no value is finite.
 */
export function lineChartSvg(values: readonly number[], options: LineChartOptions = {}): string {
  const { title = '', xLabel = '', from = 1, to = values.length } = options;
  const scale = scaleOf(values, 'lineChartSvg');
  const [width, height, left, right, top, bottom] = [720, 400, 64, 24, 48, 52];
  const x = (position: number) => left + ((position - from) / (to - from || 1)) * (width - left - right);
  const y = (value: number) =>
    top + ((scale.high - value) / (scale.high - scale.low)) * (height - top - bottom);
  const place = (number: number) => number.toFixed(1);

  let path = '';
  values.forEach((value, i) => {
    if (!Number.isFinite(value)) return;
    const position = values.length === 1 ? from : from + (i / (values.length - 1)) * (to - from);
    const connected = i > 0 && Number.isFinite(values[i - 1]) && path !== '';
    path += `${connected ? 'L' : 'M'}${place(x(position))} ${place(y(value))}`;
  });

  const text = (tx: number, ty: number, anchor: string, content: string) =>
    `<text x="${place(tx)}" y="${place(ty)}" text-anchor="${anchor}">${escapeXml(content)}</text>`;
  const horizontal = ticks(scale, 5).map(
    (value) =>
      `<path class="grid" d="M${left} ${place(y(value))}H${width - right}"/>` +
      text(left - 8, y(value) + 4, 'end', label(value)),
  );
  const vertical = ticks({ low: from, high: to === from ? from + 1 : to }, 8)
    .filter((value) => value <= to)
    .map((value) => text(x(value), height - bottom + 20, 'middle', label(value)));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeXml(title)}">
<style>
  svg { background: #fff; color: #1f2328 } .grid { stroke: currentColor; opacity: .15 }
  text { font: 13px system-ui, sans-serif; fill: currentColor } .title { font-size: 16px; font-weight: 600 }
  .line { fill: none; stroke: #d9480f; stroke-width: 2; stroke-linejoin: round }
  @media (prefers-color-scheme: dark) { svg { background: #0d1117; color: #e6edf3 } .line { stroke: #ff922b } }
</style>
<text class="title" x="${left}" y="28">${escapeXml(title)}</text>
${horizontal.join('\n')}
${vertical.join('\n')}
${text((left + width - right) / 2, height - 10, 'middle', xLabel)}
<path class="line" d="${path}"/>
</svg>
`;
}
