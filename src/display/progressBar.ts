/** A progress bar for people at a terminal: `mnist ━━━━━━━━━━╸         52 %  5.2/9.9 MB  3.1 MB/s  2 s`. */

import type { WriteStream } from 'node:tty';
import { ArgumentError } from '../errors.js';
import { checkOptions } from '../options.js';
import { describe } from '../shape.js';

/** What a {@link ProgressBar} shows. */
export interface ProgressBarOptions {
  /** What is going on, in a word or two. */
  readonly label: string;
  /** How much there is to do; positive. */
  readonly total: number;
  /** What is counted, for instance `samples`; `B` counts bytes and is shown in kB and MB. */
  readonly unit: string;
  /** Where to draw; standard error unless told. */
  readonly stream?: NodeJS.WritableStream;
}

const REDRAW_MS = 50;
const BAR_WIDTH = 24;
const CLEAR_LINE = '\r\x1b[K';

/**
 * One line, redrawn in place at most every 50 ms and erased at the end. Draws only on a terminal: anywhere else it
 * writes nothing at all.
 */
export class ProgressBar {
  private readonly label: string;
  private readonly total: number;
  private readonly unit: string;
  private readonly terminal: WriteStream | undefined;
  private drawnAt = Number.NEGATIVE_INFINITY;
  private visible = false;
  /** Where the rate is measured from: a resumed download has not earned what was there before. */
  private start: { readonly time: number; readonly done: number } | undefined;

  /** @throws ArgumentError where the total is not a positive number. */
  constructor(options: ProgressBarOptions) {
    checkOptions('ProgressBar', options, ['label', 'total', 'unit', 'stream']);
    const { label, total, unit, stream = globalThis.process?.stderr } = options;
    if (!(Number.isFinite(total) && total > 0)) {
      throw new ArgumentError(`ProgressBar: total must be a positive number, got ${describe(total)}`);
    }
    this.label = label;
    this.total = total;
    this.unit = unit;
    const terminal = stream as WriteStream | undefined; // a browser has none
    if (terminal?.isTTY && process.env.TERM !== 'dumb') this.terminal = terminal;
  }

  /** Says how much of the total is done, with a short remark behind the numbers if there is one. */
  update(done: number, note = ''): void {
    if (this.terminal === undefined) return;
    const now = performance.now();
    this.start ??= { time: now, done };
    if (now - this.drawnAt < REDRAW_MS) return;
    this.drawnAt = now;
    this.visible = true;
    // One column stays free: in the last one some terminals break the line.
    const line = this.line(done, now, note).slice(0, (this.terminal.columns || 80) - 1);
    this.terminal.write(CLEAR_LINE + line);
  }

  /** Erases the bar, so that something else can be printed; the next update draws it again. */
  clear(): void {
    if (this.visible) this.terminal?.write(CLEAR_LINE);
    this.visible = false;
    this.drawnAt = Number.NEGATIVE_INFINITY;
  }

  /** Erases the bar and leaves the line to whoever prints next, below the note if one is given. */
  finish(note?: string): void {
    this.clear();
    if (note !== undefined) this.terminal?.write(`${note}\n`);
  }

  private line(done: number, now: number, note: string): string {
    const { label, total, unit, start } = this;
    const part = Math.min(Math.max(done / total, 0), 1);
    const parts = [
      `${label} ${bar(part)} ${String(Math.floor(part * 100)).padStart(3)} %`,
      amount(done, total, unit),
    ];
    const seconds = start === undefined ? 0 : (now - start.time) / 1000;
    const rate = start === undefined || seconds < 0.2 ? 0 : (done - start.done) / seconds;
    if (rate > 0) {
      parts.push(`${quantity(rate, unit)}/s`, duration(Math.max(total - done, 0) / rate));
    }
    if (note !== '') parts.push(note);
    return parts.join('  ');
  }
}

function bar(part: number): string {
  const halves = Math.round(part * BAR_WIDTH * 2);
  return ('━'.repeat(halves >> 1) + (halves % 2 ? '╸' : '')).padEnd(BAR_WIDTH);
}

function amount(done: number, total: number, unit: string): string {
  if (unit !== 'B') return `${whole(done)}/${whole(total)} ${unit}`;
  const [scale, name] = byteUnit(total);
  return `${(done / scale).toFixed(1)}/${(total / scale).toFixed(1)} ${name}`;
}

function quantity(value: number, unit: string): string {
  if (unit !== 'B') return `${value < 10 ? value.toFixed(1) : whole(value)} ${unit}`;
  const [scale, name] = byteUnit(value);
  return `${(value / scale).toFixed(1)} ${name}`;
}

function byteUnit(bytes: number): [number, string] {
  if (bytes >= 1e9) return [1e9, 'GB'];
  return bytes >= 1e6 ? [1e6, 'MB'] : [1e3, 'kB'];
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** `8 s`, `3:05` or `1:02:30`. */
function duration(seconds: number): string {
  const s = Math.ceil(seconds);
  if (s < 60) return `${s} s`;
  const two = (n: number) => String(n).padStart(2, '0');
  const [hours, minutes] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(s % 60)}` : `${minutes}:${two(s % 60)}`;
}
