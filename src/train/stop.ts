/** The wish that a run stop, which all that waits can wait for. */

export class Stop {
  private reason: 'break' | 'abort' | undefined;
  private readonly listeners = new Set<() => void>();

  /** Why to stop; undefined as long as there is no such wish. The first one counts. */
  get requested(): 'break' | 'abort' | undefined {
    return this.reason;
  }

  request(reason: 'break' | 'abort'): void {
    if (this.reason) return;
    this.reason = reason;
    for (const listener of this.listeners) listener();
  }

  /** Requests to abort when `signal` does, until the function that is returned is called. */
  follow(signal: AbortSignal | undefined): () => void {
    const abort = (): void => this.request('abort');
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort);
    return () => signal?.removeEventListener('abort', abort);
  }

  /** Calls `listener` when the wish comes, until the function that is returned is called. */
  onRequest(listener: () => void): () => void {
    if (this.reason) listener();
    else this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** What `promise` gives; undefined if the wish comes first. */
  async orStop<T>(promise: Promise<T>): Promise<T | undefined> {
    let off = (): void => {};
    const stopped = new Promise<undefined>((resolve) => {
      off = this.onRequest(() => resolve(undefined));
    });
    promise.catch(() => {}); // a failure after the wish is nobody's
    try {
      return await Promise.race([promise, stopped]);
    } finally {
      off();
    }
  }
}

/** The error of what was aborted, as Node.js itself makes it. */
export function abortError(signal: AbortSignal | undefined): Error {
  const error = new Error('The operation was aborted', { cause: signal?.reason });
  return Object.assign(error, { name: 'AbortError', code: 'ABORT_ERR' });
}
