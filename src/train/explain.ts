/** Plans in words and as a picture. */
import { native } from '../native.js';
import { formatShape } from '../shape.js';
import type { TensorType } from './graph.js';

/** A step of a plan, as native code describes it. */
interface PlanStep {
  readonly name: string;
  readonly phase: 'forward' | 'backward';
  /** The operations that it does in one. */
  readonly fused: readonly string[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly bytes: number;
  readonly flops: number;
  /** On average, where it has been timed. */
  readonly microseconds: number | null;
}

/** What `Session.explain` gives, as JSON. */
interface Description {
  readonly steps: readonly PlanStep[];
  readonly arenaBytes: number;
  /** Those that it is cut for. */
  readonly threads: number;
}

/** What there is to say of a run. */
export interface Explained {
  readonly model: string;
  readonly plans: readonly {
    readonly train: boolean;
    readonly batch: readonly TensorType[];
    readonly description: string;
  }[];
  /** Why there are no plans, or no longer. */
  readonly eager: string | undefined;
}

interface Row {
  readonly phase: string;
  readonly step: string;
  readonly reads: string;
  readonly writes: string;
  readonly bytes: number;
  readonly flops: number;
  readonly microseconds: number | undefined;
  /** Of the time of all steps. */
  readonly share: number | undefined;
  /** Of what the threads reach in multiply-adds, for products. */
  readonly ofPeak: number | undefined;
}

interface Section {
  readonly title: string;
  readonly rows: readonly Row[];
  readonly summary: string;
}

function sections({ plans }: Explained): Section[] {
  return plans.map(({ train, batch, description }) => {
    const { steps, arenaBytes, threads } = JSON.parse(description) as Description;
    const time = sum(steps, ({ microseconds }) => microseconds ?? 0);
    const peak = time > 0 ? peakOf(threads) : undefined;
    /** The share of the peak that so many operations in so many microseconds are. */
    const share = (flops: number, microseconds: number) => peak && (flops / microseconds) * (1e6 / peak);
    const rows = steps.map(({ phase, name, fused, inputs, outputs, bytes, flops, microseconds }): Row => {
      const known = microseconds ?? undefined;
      return {
        phase,
        step: fused.length > 1 ? `${name} (${fused.join(' + ')})` : name,
        reads: inputs.join(', '),
        writes: outputs.join(', '),
        bytes,
        flops,
        microseconds: known,
        share: known === undefined || time === 0 ? undefined : known / time,
        ofPeak: known && flops > 0 ? share(flops, known) : undefined,
      };
    });
    const types = batch.map(({ dtype, shape }) => `${dtype} ${formatShape(shape)}`).join(', ');
    const flops = sum(rows, ({ flops }) => flops);
    const reached = time > 0 ? share(flops, time) : undefined;
    const totals = [
      `${rows.length} steps`,
      `${number(flops)} floating-point operations`,
      `${number(arenaBytes)}B of working memory`,
      ...(time > 0 ? [`${time.toFixed(1)} µs`] : []),
      ...(peak && reached ? [`${percent(reached)} of the multiply-add peak, ${number(peak)}FLOP/s`] : []),
      ...(rows.some(({ ofPeak = 0 }) => ofPeak > 1)
        ? ['above 100 % where multiplications by zeros, which count, are left out']
        : []),
    ];
    return {
      title: `${train ? 'A step of training' : 'Evaluation'} on ${types}`,
      rows,
      summary: totals.join(', '),
    };
  });
}

/** What the machine reaches with so many threads, in floating-point operations a second, once it has been measured. */
const peaks = new Map<number, number>();

function peakOf(threads: number): number | undefined {
  const peak = peaks.get(threads) ?? native.peak(threads);
  if (peak === null) return undefined; // the machine is busy: another time
  peaks.set(threads, peak);
  return peak;
}

function reasonOf({ model, plans, eager }: Explained): string | undefined {
  if (eager !== undefined) {
    return `${model} runs step by step in JavaScript: its forward ${eager}.`;
  }
  return plans.length > 0 ? undefined : `${model} has no plan yet: nothing has run.`;
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

/** `12.9 M`, for units that follow. */
function number(value: number): string {
  const [scale, prefix] = (
    [
      [1e9, 'G'],
      [1e6, 'M'],
      [1e3, 'k'],
    ] as const
  ).find(([scale]) => value >= scale) ?? [1, ''];
  return `${(value / scale).toFixed(scale === 1 ? 0 : 1)} ${prefix}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

const columns = [
  'phase',
  'step',
  'reads',
  'writes',
  'bytes',
  'FLOPs',
  'µs',
  'of time',
  'GB/s',
  'GFLOP/s',
  'of peak',
] as const;

function cells({ phase, step, reads, writes, bytes, flops, microseconds, share, ofPeak }: Row): string[] {
  const rate = (amount: number) =>
    microseconds && amount > 0 ? (amount / microseconds / 1e3).toFixed(1) : '';
  return [
    phase,
    step,
    reads,
    writes,
    `${number(bytes)}B`,
    number(flops).trim(),
    microseconds === undefined ? '' : microseconds.toFixed(1),
    share === undefined ? '' : percent(share),
    rate(bytes),
    rate(flops),
    ofPeak === undefined ? '' : percent(ofPeak),
  ];
}

/** For a terminal. */
export function explainText(explained: Explained): string {
  const tables = sections(explained).map(({ title, rows, summary }) => {
    const lines = [[...columns], ...rows.map(cells)];
    const widths = columns.map((_, i) => Math.max(...lines.map((line) => (line[i] as string).length)));
    const text = lines.map((line) =>
      line
        .map((cell, i) => (i < 4 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number)))
        .join('  ')
        .trimEnd(),
    );
    return [`${title}: ${summary}`, ...text.map((line) => `  ${line}`)].join('\n');
  });
  const reason = reasonOf(explained);
  return [...(reason ? [reason] : []), ...tables].join('\n\n');
}

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (c) => escapes[c] as string);
}

const style = `
  :root { color-scheme: light dark }
  body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem; max-width: 80rem }
  table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
  th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid color-mix(in srgb, currentColor 15%, transparent); vertical-align: top }
  th:nth-child(n+5), td:nth-child(n+5) { text-align: right; white-space: nowrap }
  td.share { background: linear-gradient(to left, #d9480f55 var(--share), transparent var(--share)) }
  tr.backward td:first-child { color: #d9480f }
  .eager { border-left: 4px solid #d9480f; padding-left: 1rem }`;

/** A page of its own, that needs nothing else. */
export function explainHtml(explained: Explained): string {
  const tables = sections(explained).map(({ title, rows, summary }) => {
    const head = columns.map((column) => `<th>${escapeHtml(column)}</th>`).join('');
    const body = rows.map((row) => {
      const inner = cells(row).map((cell, i) =>
        columns[i] === 'of time' || columns[i] === 'of peak'
          ? `<td class="share" style="--share: ${cell.replace(' ', '') || 0}">${escapeHtml(cell)}</td>`
          : `<td>${escapeHtml(cell)}</td>`,
      );
      return `<tr class="${row.phase}">${inner.join('')}</tr>`;
    });
    return `<h2>${escapeHtml(title)}</h2>
<p>${escapeHtml(summary)}</p>
<table><thead><tr>${head}</tr></thead><tbody>
${body.join('\n')}
</tbody></table>`;
  });
  const reason = reasonOf(explained);
  const title = `How ${explained.model} is trained`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(title)}</title><style>${style}
</style></head><body>
<h1>${escapeHtml(title)}</h1>
${reason ? `<p class="eager">${escapeHtml(reason)}</p>\n` : ''}${tables.join('\n')}
</body></html>
`;
}
