/** Percentiles of a series, linearly interpolated, as the results print them. */

export interface Percentiles {
  readonly n: number;
  readonly min: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
  readonly mean: number;
}

/** So many decimals: a result has no more digits than it can answer for. */
export function rounded(value: number, decimals = 3): number {
  return Number(value.toFixed(decimals));
}

/** In the unit of the samples. @throws Error for an empty series */
export function percentiles(samples: readonly number[]): Percentiles {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (fraction: number): number => {
    const position = (sorted.length - 1) * fraction;
    const below = sorted[Math.floor(position)];
    const above = sorted[Math.ceil(position)];
    if (below === undefined || above === undefined) throw new Error('percentiles of nothing');
    return rounded(below + (above - below) * (position - Math.floor(position)));
  };
  const sum = sorted.reduce((total, sample) => total + sample, 0);
  return {
    n: sorted.length,
    min: at(0),
    p50: at(0.5),
    p90: at(0.9),
    p99: at(0.99),
    max: at(1),
    mean: rounded(sum / sorted.length),
  };
}
