/** Medians and spread. */

/** The value below which the share `q` of the sample lies, interpolated between neighbours. */
export function quantile(sample: readonly number[], q: number): number {
  const sorted = [...sample].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)] as number;
  const high = sorted[Math.ceil(at)] as number;
  return low + (high - low) * (at - Math.floor(at));
}

export const median = (sample: readonly number[]): number => quantile(sample, 0.5);

/** Where a number lies. */
export interface Interval {
  low: number;
  high: number;
}

/**
 * Where the median lies of whatever the sample was drawn from, with a probability of at least 95 %: from one element of
 * the sorted sample to another, which assumes nothing of how times are distributed. As many elements lie below a median
 * as heads fall in tosses of a coin. A sample of less than six is too small for any such interval: all of it is taken.
 */
export function medianInterval(sample: readonly number[]): Interval {
  const sorted = [...sample].sort((a, b) => a - b);
  const n = sorted.length;
  let outside = 0; // elements on either side of the interval
  let missed = 0; // the probability of at most so many heads
  for (let heads = 0, exactly = 0.5 ** n; heads < n / 2; heads++) {
    missed += exactly;
    if (2 * missed > 0.05) break;
    outside = heads;
    exactly *= (n - heads) / (heads + 1);
  }
  return { low: sorted[outside] as number, high: sorted[n - 1 - outside] as number };
}
