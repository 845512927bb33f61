/** A training in progress: a promise of its history, and an async iterable of its epochs. */
import { checkChoice, checkOptions } from '../options.js';
import { type Explained, explainHtml, explainText } from './explain.js';

/** What came of an epoch. `N` are the names of the metrics. */
export interface Epoch<N extends string = string> {
  /** From 1 on. */
  readonly epoch: number;
  /** The mean of {@link batchLosses}. */
  readonly loss: number;
  /** The loss of each batch, as it was before the step that followed. */
  readonly batchLosses: Float32Array;
  /** The mean loss of a sample of the validation set, if there is one. */
  readonly valLoss?: number;
  /** Of the training set, each batch judged before its step. */
  readonly metrics: Readonly<Record<N, number>>;
  /** Of the validation set; empty without one. */
  readonly valMetrics: Readonly<Partial<Record<N, number>>>;
  /** How many samples were trained on. */
  readonly samples: number;
  /** How long training took, without validation. */
  readonly seconds: number;
  readonly samplesPerSecond: number;
  /** The learning rate of the first parameter group. */
  readonly lr: number;
}

/** A training that has ended. */
export interface History<N extends string = string> {
  /** Those that were completed. */
  readonly epochs: readonly Epoch<N>[];
  /** False if `break` ended the run before its last epoch. */
  readonly completed: boolean;
  /** Why the model ran step by step in JavaScript, and not by a compiled plan; null if it did not. */
  readonly eager: string | null;
}

/** What a run tells of itself, and is told. */
export interface Control {
  /** Asks to stop after the current step. */
  stop(): void;
  /** The plans so far, or why there are none. */
  explained(): Explained;
}

/** How {@link Run.explain} says it. */
export interface ExplainOptions {
  /** `text` if left out; `html` is a page of its own. */
  format?: 'text' | 'html';
}

/**
 * What `train` gives. Awaited, it gives the {@link History}; iterated with `for await`, each {@link Epoch} when it is
 * done, from the first one on however late one begins. The run goes on whether or not somebody iterates; `break` ends it
 * after the current step, and goes on when it has ended.
 *
 * A failure rejects the promise, and is thrown by each loop over the run. Where there is neither, it is reported as
 * every unhandled rejection is.
 */
export class Run<N extends string = string> implements PromiseLike<History<N>>, AsyncIterable<Epoch<N>> {
  readonly [Symbol.toStringTag] = 'Run';
  readonly #control: Control;
  readonly #epochs: Epoch<N>[] = [];
  readonly #history: Promise<History<N>>;
  /** Those who wait for something to happen. */
  #waiting: (() => void)[] = [];
  #loops = 0;
  #ended: { readonly failed: boolean; readonly error?: unknown } | undefined;

  /** @internal Runs are made by {@link train}. */
  constructor(control: Control, start: (emit: (epoch: Epoch<N>) => void) => Promise<History<N>>) {
    this.#control = control;
    const emit = (epoch: Epoch<N>): void => {
      this.#epochs.push(epoch);
      this.#wake();
    };
    this.#history = new Promise((resolve, reject) => {
      start(emit).then(
        (history) => {
          this.#ended = { failed: false };
          resolve(history);
          this.#wake();
        },
        (error: unknown) => {
          this.#ended = { failed: true, error };
          if (this.#loops > 0) this.#history.catch(() => {}); // they throw it
          reject(error);
          this.#wake();
        },
      );
    });
  }

  // biome-ignore lint/suspicious/noThenProperty: a run is a promise
  then<A = History<N>, B = never>(
    onFulfilled?: ((history: History<N>) => A | PromiseLike<A>) | null,
    onRejected?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#history.then(onFulfilled, onRejected);
  }

  catch<B = never>(onRejected?: ((error: unknown) => B | PromiseLike<B>) | null): Promise<History<N> | B> {
    return this.#history.catch(onRejected);
  }

  finally(onFinally?: (() => void) | null): Promise<History<N>> {
    return this.#history.finally(onFinally);
  }

  /** The epochs, from the first one on. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Epoch<N>> {
    let given = 0;
    let open = true;
    this.#loops++;
    const close = (): void => {
      if (!open) return;
      open = false;
      this.#loops--;
    };
    const next = async (): Promise<IteratorResult<Epoch<N>, undefined>> => {
      for (;;) {
        const epoch = this.#epochs[given];
        if (open && epoch) {
          given++;
          return { done: false, value: epoch };
        }
        if (!open) return { done: true, value: undefined };
        if (this.#ended) {
          close();
          if (this.#ended.failed) throw this.#ended.error;
          return { done: true, value: undefined };
        }
        await this.#change();
      }
    };
    const end = async (): Promise<IteratorResult<Epoch<N>, undefined>> => {
      if (open) {
        this.#control.stop();
        while (!this.#ended) await this.#change();
        close();
        if (this.#ended.failed) throw this.#ended.error;
      }
      return { done: true, value: undefined };
    };
    return {
      next,
      return: end,
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /**
   * What is computed in a step, and how: the operations after fusion, with their shapes, bytes and floating-point
   * operations, and how long each takes once the plan has run; or why the model runs step by step in JavaScript.
   *
   * GB/s count each operand once, wherever it lies. The last column is the share of the multiply-adds that the machine
   * can do, for products; that is measured when it is first asked for, in some 3 ms, and left out while the machine is busy.
   *
   * ```ts
   * console.log(run.explain());
   * await writeFile('plan.html', run.explain({ format: 'html' }));
   * ```
   */
  explain(options: ExplainOptions = {}): string {
    checkOptions('explain', options, ['format']);
    const { format = 'text' } = options;
    checkChoice('explain', 'format', format, ['text', 'html']);
    const explained = this.#control.explained();
    return format === 'html' ? explainHtml(explained) : explainText(explained);
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
