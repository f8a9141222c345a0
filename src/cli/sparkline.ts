const BARS = '▁▂▃▄▅▆▇█';

/** A histogram of the finite values in one line of text; empty when they are all the same. */
export function sparkline(values: readonly number[], bins = 24): string {
  const known = values.filter(Number.isFinite);
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of known) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (!(high > low)) return '';
  const counts = new Array<number>(bins).fill(0);
  for (const value of known) counts[Math.min(bins - 1, Math.floor((bins * (value - low)) / (high - low)))]++;
  const most = Math.max(...counts);
  // Nothing is a blank; the least of something is a low bar.
  return counts.map((n) => (n === 0 ? ' ' : BARS[Math.ceil((n / most) * BARS.length) - 1])).join('');
}
