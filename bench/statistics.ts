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

/** Distance of the quartiles over the median: outliers, which a median shrugs off, do not count. */
export function scatter(sample: readonly number[]): number {
  return (quantile(sample, 0.75) - quantile(sample, 0.25)) / median(sample);
}
