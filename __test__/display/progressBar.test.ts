import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ProgressBar } from '../../src/display/progressBar.js';

/** A terminal of so many columns that remembers what was written and shows the line as it stands. */
class Screen extends Writable {
  readonly writes: string[] = [];
  constructor(
    readonly isTTY: boolean,
    readonly columns: number,
  ) {
    super({ decodeStrings: false });
  }
  override _write(chunk: string, _encoding: string, done: () => void): void {
    this.writes.push(chunk);
    done();
  }
  get line(): string {
    return this.writes.join('').split('\n').at(-1)?.split('\r\x1b[K').at(-1) ?? '';
  }
}

describe('ProgressBar', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] });
    vi.stubEnv('TERM', 'xterm');
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllEnvs();
  });

  it('shows part, amount, rate and time left of bytes', () => {
    const screen = new Screen(true, 100);
    const bar = new ProgressBar({ label: 'images', total: 10_000_000, unit: 'B', stream: screen });
    bar.update(0);
    expect(screen.line).toBe(`images ${' '.repeat(24)}   0 %  0.0/10.0 MB`);
    vi.advanceTimersByTime(2000);
    bar.update(5_000_000);
    expect(screen.line).toBe(`images ${'━'.repeat(12)}${' '.repeat(12)}  50 %  5.0/10.0 MB  2.5 MB/s  2 s`);
    vi.advanceTimersByTime(2000);
    bar.update(10_000_000, 'done');
    expect(screen.line).toBe(`images ${'━'.repeat(24)} 100 %  10.0/10.0 MB  2.5 MB/s  0 s  done`);
  });

  it('counts other units in full, and hours', () => {
    const screen = new Screen(true, 100);
    const bar = new ProgressBar({ label: 'epoch 1', total: 60_000, unit: 'samples', stream: screen });
    bar.update(0);
    vi.advanceTimersByTime(10_000);
    bar.update(64, 'loss 2.3');
    expect(screen.line).toMatch(
      /^epoch 1 .* 0 % {2}64\/60,000 samples {2}6.4 samples\/s {2}2:36:05 {2}loss 2.3$/,
    );
  });

  it('does not count what was there before it began into the rate', () => {
    const screen = new Screen(true, 100);
    const bar = new ProgressBar({ label: 'x', total: 10_000_000, unit: 'B', stream: screen });
    bar.update(8_000_000);
    vi.advanceTimersByTime(1000);
    bar.update(9_000_000);
    expect(screen.line).toContain('1.0 MB/s  1 s');
  });

  it('redraws at most once in 50 ms', () => {
    const screen = new Screen(true, 80);
    const bar = new ProgressBar({ label: 'x', total: 1000, unit: 'steps', stream: screen });
    for (let i = 0; i < 1000; i++) {
      bar.update(i);
      vi.advanceTimersByTime(1);
    }
    expect(screen.writes).toHaveLength(20);
  });

  it('never reaches the last column, and stays within its bounds', () => {
    const screen = new Screen(true, 30);
    const bar = new ProgressBar({ label: 'x', total: 10, unit: 'steps', stream: screen });
    bar.update(20, 'a remark');
    expect(screen.line).toBe(`x ${'━'.repeat(24)} 10`);
  });

  it('leaves a clean line, and the note if there is one', () => {
    const screen = new Screen(true, 80);
    const bar = new ProgressBar({ label: 'x', total: 10, unit: 'steps', stream: screen });
    bar.finish();
    expect(screen.writes).toEqual([]);
    bar.update(1);
    bar.clear();
    expect(screen.line).toBe('');
    bar.update(2); // Drawn at once, since the line is free.
    expect(screen.line).toContain('2/10 steps');
    bar.finish('all done');
    expect(screen.writes.at(-1)).toBe('all done\n');
    expect(screen.line).toBe('');
  });

  it('refuses a total of nothing', () => {
    for (const total of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => new ProgressBar({ label: 'x', total, unit: 'steps' })).toThrow(
        `ProgressBar: total must be a positive number, got ${total}`,
      );
    }
  });

  it.each([
    ['not a terminal', false, 'xterm'],
    ['a dumb terminal', true, 'dumb'],
  ])('writes nothing to %s', (_, isTTY, term) => {
    vi.stubEnv('TERM', term);
    const screen = new Screen(isTTY, 80);
    const bar = new ProgressBar({ label: 'x', total: 10, unit: 'steps', stream: screen });
    bar.update(5);
    bar.clear();
    bar.finish('note');
    expect(screen.writes).toEqual([]);
  });
});
