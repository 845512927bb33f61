/** The progress bar of an epoch. */
import { ProgressBar } from '../display/index.js';
import type { LoaderOf } from './task.js';

/** How often to look, in milliseconds. */
const INTERVAL_MS = 80;

export class Progress {
  private readonly bar: ProgressBar;
  private readonly timer: NodeJS.Timeout;

  /** @param progress gives steps, samples, and the sum of the losses. */
  constructor(label: string, loader: LoaderOf<unknown>, progress: () => readonly number[]) {
    this.bar = new ProgressBar({ label, total: loader.count(), unit: 'samples' });
    this.timer = setInterval(() => {
      const [steps = 0, samples = 0, loss = 0] = progress();
      this.bar.update(samples, steps > 0 ? `loss ${(loss / steps).toFixed(4)}` : '');
    }, INTERVAL_MS);
    this.timer.unref(); // it keeps no program alive
  }

  /** Erases the bar. */
  end(): void {
    clearInterval(this.timer);
    this.bar.finish();
  }
}
