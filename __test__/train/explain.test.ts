import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ArgumentError, manualSeed, nn, optim, rand, type Tensor, train } from 'ferrograd';
import { beforeEach, describe, expect, test } from 'vitest';
import { loader, makeNet, warningsOf } from './digits.js';

beforeEach(() => {
  manualSeed(1);
});

function started(model: nn.Module, epochs = 3) {
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
  return train(model as never, loader(3000), { loss: new nn.CrossEntropyLoss(), optimizer, epochs });
}

/** What the machine reaches in GFLOP/s, by the words of the run; undefined where it has not been free for a second. */
async function measuredPeak(run: ReturnType<typeof started>): Promise<number | undefined> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const peak = /([\d.]+) % of the multiply-add peak, ([\d.]+) ([MGT])FLOP\/s/.exec(run.explain());
    if (peak) return Number(peak[2]) * { M: 1e-3, G: 1, T: 1e3 }[peak[3] as 'M' | 'G' | 'T'];
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return undefined;
}

describe('explain', () => {
  test('says as text what a step computes, and how long it took', async () => {
    const run = started(makeNet());
    expect(run.explain()).toMatch(
      /^A step of training on float32 \[64, 1, 28, 28\], int32 \[64\]: \d+ steps/,
    );
    await run;
    const text = run.explain();
    expect(text).toMatch(
      /^ {2}phase +step +reads +writes +bytes +FLOPs +µs +of time +GB\/s +GFLOP\/s +of peak$/m,
    );
    expect(text).toMatch(
      /^ {2}forward +.*linear.*float32 \[64, 1, 28, 28\].* [\d.]+ +[\d.]+ %( +[\d.]+){2}/m,
    );
    expect(text).toMatch(/^ {2}forward +dropout/m);
    expect(text).toMatch(/^ {2}backward /m);
    expect(text).toContain('A step of training on float32 [56, 1, 28, 28], int32 [56]'); // the last batch
  });

  test('says what part of the peak products reach', async () => {
    const run = started(makeNet());
    await run;
    const peak = await measuredPeak(run);
    // A product of 64 × 784 × 24 takes 2 operations for each, at a rate that is a share of the peak.
    const cells = / 2\.4 M +([\d.]+) +[\d.]+ % +([\d.]+) +([\d.]+)(?: +([\d.]+) %)?$/m.exec(run.explain());
    const [microseconds = 0, bandwidth = 0, rate = 0, share = 0] = cells?.slice(1).map(Number) ?? [];
    expect(Math.abs((64 * 784 * 24 * 2) / microseconds / 1e3 - rate)).toBeLessThan(0.02 * rate + 0.1);
    expect(bandwidth).toBeGreaterThan(0);
    if (peak === undefined) expect(cells?.[4]).toBeUndefined();
    else expect(Math.abs((100 * rate) / peak - share)).toBeLessThan(0.02 * share + 0.1);
    const other = run.explain().match(/^ {2}forward +dropout .*$/m)?.[0];
    expect(other).toMatch(/ % +[\d.]+$/); // no products: no share of the peak
  });

  test('says it as a page that needs nothing else', async () => {
    const run = started(makeNet());
    await run;
    const html = run.explain({ format: 'html' });
    expect(html).toMatch(/^<!doctype html>\n<html lang="en">.*<\/html>\n$/s);
    expect(html).toContain('<h1>How Sequential is trained</h1>');
    expect(html.match(/<tr class="(forward|backward)">/g)?.length).toBeGreaterThan(10);
    expect(html).toMatch(/<td class="share" style="--share: \d/);
    expect(html).not.toMatch(/<script|https?:|src=|href=/);
  });

  test('says why there is no plan', async () => {
    class Noisy extends nn.Module {
      layer = new nn.Linear(784, 10);
      forward(x: Tensor): Tensor {
        return this.layer.forward(x.view(-1, 784)).add(rand([10]));
      }
    }
    const run = started(new Noisy(), 1);
    await warningsOf(async () => run);
    const reason =
      'Noisy runs step by step in JavaScript: its forward draws random numbers other than for dropout.';
    expect(run.explain()).toBe(reason);
    expect(run.explain({ format: 'html' })).toContain(`<p class="eager">${reason}</p>`);
  });

  test('refuses another format', async () => {
    const run = started(makeNet(), 1);
    expect(() => run.explain({ format: 'pdf' as never })).toThrow(ArgumentError);
    expect(() => run.explain({ format: 'pdf' as never })).toThrow(
      "explain: format must be one of 'text', 'html'",
    );
    await run;
  });
});

test('the progress bar is drawn on a terminal, if it is wanted, and erased', async () => {
  const tests = join(import.meta.dirname, '..');
  const program = [join(tests, '../node_modules/tsx/dist/cli.mjs'), join(tests, 'programs/progress.ts')];
  const drawn = async (wanted: string) => promisify(execFile)(process.execPath, [...program, wanted]);
  const { stdout, stderr } = await drawn('true');
  expect(stdout).toBe('1\n2\n');
  expect(stderr).toMatch(/Epoch 1\/2 ━.* %.*\/12 samples.*loss \d\.\d{4}/);
  expect(stderr).toContain('Epoch 2/2 ');
  expect(stderr.endsWith('\r\x1b[K')).toBe(true);
  expect((await drawn('false')).stderr).toBe('');
});
