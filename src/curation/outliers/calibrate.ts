/** What is usual: scales of similar frames, and thresholds that chance does not reach. */

/** Sorted-sample quantile with linear interpolation; NaN of nothing. */
export function quantile(values: ArrayLike<number>, q: number): number {
  const sorted = Float64Array.from(values).sort();
  if (sorted.length === 0) return Number.NaN;
  const at = q * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
}

/** z with Φ(z) = 1 − p, for 0 < p < ½: Abramowitz & Stegun 26.2.23, polished by two Newton steps on log Φ. */
export function normalQuantile(p: number): number {
  const t = Math.sqrt(-2 * Math.log(p));
  let z =
    t - (2.515517 + 0.802853 * t + 0.010328 * t * t) / (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t * t * t);
  for (let k = 0; k < 2; k++) {
    const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
    const tail = upperTail(z);
    z += (tail / density) * Math.log(tail / p);
  }
  return z;
}

/** 1 − Φ(z) for z > 0, by a continued fraction (far out) or a series (near). */
function upperTail(z: number): number {
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  if (z < 2.5) {
    let term = z;
    let sum = z;
    for (let k = 1; k < 100; k++) {
      term *= (z * z) / (2 * k + 1);
      sum += term;
    }
    return 0.5 - density * sum;
  }
  let fraction = 0;
  for (let k = 60; k > 0; k--) fraction = k / (z + fraction);
  return density / (z + fraction);
}

/**
 * Value that a sum of n squared standard normal deviates exceeds with probability p; cube roots of such sums are nearly
 * normal (Wilson & Hilferty 1931, doi:10.1073/pnas.17.12.684).
 */
export function chiSquareQuantile(n: number, p: number): number {
  const variance = 2 / (9 * n);
  return n * (1 - variance + normalQuantile(p) * Math.sqrt(variance)) ** 3;
}

/** Where the values that are usual end. */
export interface Limit {
  /** Largest usual value. */
  readonly limit: number;
  readonly centre: number;
  readonly spread: number;
}

/**
 * Limit that a clean mean square exceeds with probability `level`. Logarithms of mean squares are taken as normal above
 * the median: they vary because few squares do (with a shorter tail than this), and because a model's misfit does, by
 * factors. Centre and spread come from the median and the quantile `at`, which outliers can't move while they are fewer.
 */
export function limitOf(meanSquares: Float64Array, { at, level }: { at: number; level: number }): Limit {
  const logs = meanSquares.map(Math.log);
  const centre = quantile(logs, 0.5);
  const spread = (quantile(logs, at) - centre) / normalQuantile(1 - at);
  return { limit: Math.exp(centre + normalQuantile(level) * spread), centre, spread };
}

/** Points that others are compared with; of more, every so many is taken. */
const MOST_REFERENCES = 4000;

/**
 * Indices of the k points nearest to each other point, nearest first; coordinates in units of the range that holds
 * the middle 80 %.
 * @param points [n] arrays of equal length
 */
export function nearestPoints(points: readonly Float64Array[], k: number): Int32Array[] {
  const dimensions = points.length === 0 ? 0 : points[0].length;
  const scaled = points.map((point) => Float64Array.from(point));
  for (let d = 0; d < dimensions; d++) {
    const values = points.map((point) => point[d]);
    const range = quantile(values, 0.9) - quantile(values, 0.1) || 1;
    for (const point of scaled) point[d] /= range;
  }
  const stride = Math.ceil(points.length / MOST_REFERENCES);
  return scaled.map((point, i) => {
    const found: number[] = [];
    const distances: number[] = [];
    for (let j = 0; j < scaled.length; j += stride) {
      if (j === i) continue;
      let distance = 0;
      for (let d = 0; d < dimensions; d++) distance += (point[d] - scaled[j][d]) ** 2;
      if (found.length === k && distance >= distances[k - 1]) continue;
      let at = Math.min(found.length, k - 1);
      for (; at > 0 && distances[at - 1] > distance; at--) {
        distances[at] = distances[at - 1];
        found[at] = found[at - 1];
      }
      distances[at] = distance;
      found[at] = j;
    }
    return Int32Array.from(found);
  });
}
