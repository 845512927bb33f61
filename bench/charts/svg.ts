/** What the charts share: they are drawn on whatever is behind them, so they follow the viewer's light or dark theme. */
import type { Report } from '../report.js';

export const WIDTH = 760;

const style = `
  text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #59636e }
  .title { font-size: 16px; font-weight: 600; fill: #1f2328 }
  .group { font-weight: 600; fill: #1f2328 }
  .value { font-size: 11px }
  .grid { stroke: #d1d9e0; stroke-opacity: 0.7 }
  .one { stroke: #59636e }
  .interval { stroke: #1f2328; stroke-opacity: 0.7 }
  .bar0 { fill: #0969da }
  .bar1 { fill: #80b3ee }
  .slower0, .own0 { fill: #bc4c00 }
  .slower1 { fill: #f0a070 }
  .vague { fill-opacity: 0.35 }
  .peer0 { fill: #818b98 }
  .curve { fill: none; stroke-width: 2 }
  .ownCurve { stroke: #bc4c00 }
  .peerCurve { stroke: #818b98 }
  .linear { stroke: #818b98; stroke-dasharray: 2 4; fill: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1 }
    .title, .group { fill: #f0f6fc }
    .grid { stroke: #3d444d }
    .one { stroke: #9198a1 }
    .interval { stroke: #f0f6fc; stroke-opacity: 0.7 }
    .bar0 { fill: #4493f8 }
    .bar1 { fill: #1f4f8f }
    .slower0, .own0 { fill: #f0883e }
    .slower1 { fill: #9a4d16 }
    .peer0 { fill: #768390 }
    .ownCurve { stroke: #f0883e }
    .peerCurve { stroke: #768390 }
    .linear { stroke: #768390 }
  }`;

const labels: Record<string, string> = {
  torch: 'PyTorch',
  numpy: 'NumPy',
  gemm: 'gemm (Rust)',
  'jax-js': 'jax-js',
  'tfjs-wasm': 'TensorFlow.js',
};

/** The name of a participant for people. */
export const labelOf = (name: string): string => labels[name] ?? name;

export const isPeer = (name: string): boolean => name in labels;

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

export function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escaped(content)}</text>`;
}

export function bar(kind: string, x: number, y: number, width: number, height: number): string {
  const box = `x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${Math.max(1, width).toFixed(1)}" height="${height}"`;
  return `<rect class="${kind}" ${box} rx="1"/>`;
}

export function line(kind: string, x1: number, y1: number, x2: number, y2: number): string {
  const [a, b, c, d] = [x1, y1, x2, y2].map((at) => at.toFixed(1));
  return `<line class="${kind}" x1="${a}" y1="${b}" x2="${c}" y2="${d}"/>`;
}

/** A whole picture, with a title, on which machine it was measured, and when. */
export function picture(
  title: string,
  reports: readonly [Report, ...Report[]],
  note: string,
  height: number,
  marks: string[],
) {
  const [{ machine }] = reports;
  const dates = [...new Set(reports.map(({ date }) => date.slice(0, 10)))].join(' and ');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" role="img"`,
    ` aria-label="${escaped(title)}">`,
    `<style>${style}\n</style>`,
    text(8, 24, title, 'class="title"'),
    text(8, 44, `${machine.cpu}, ${machine.cores} cores, ${dates}; ${note}`),
    ...marks,
    '</svg>\n',
  ].join('\n');
}

/** Which bar is of which report. */
export function legend(reports: readonly Report[], kind: string): string[] {
  return reports.flatMap(({ isa, capPeers }, i) => {
    const at = 8 + i * 230;
    const name = `ferrograd on ${isa}${capPeers ? ', peers too' : ''}`;
    return [bar(`${kind}${i}`, at, 54, 10, 10), text(at + 16, 63, name)];
  });
}
