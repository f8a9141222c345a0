/** How good stated uncertainties are: pure functions of errors and standard deviations. */
import { halfWidth, logDensity, rankedScore } from './tails.ts';

/** Errors of one quantity on some frames. A sample has one σ for all its components: the force on an atom has three. */
export interface Residuals {
  /** Prediction − label, [n · components]. */
  readonly errors: Float64Array;
  readonly components: number;
  /** Which frame each sample is of, [n]; samples of a frame stand together. */
  readonly frames: Int32Array;
  /** What the estimator says, [n]. */
  readonly raw: Float64Array;
  /** Standard deviation of the noise of the labels, [n]; null where nobody has learned it. */
  readonly noise: Float64Array | null;
  /** 1 where symmetry fixes a component of the label, [n]: right whatever the model, and no witness of errors. */
  readonly fixed: Uint8Array;
}

/** Expected and observed shares of labels within so many σ. */
export interface ReliabilityPoint {
  readonly expected: number;
  readonly observed: number;
}

/** Levels 0.01 … 0.99. */
const LEVELS: readonly number[] = Array.from({ length: 99 }, (_, k) => (k + 1) / 100);
/** A mean over more labels than this is taken over evenly drawn ones. */
const ENOUGH = 100_000;
const BINS = 20;

/** The samples that symmetry leaves free. */
export function freeOf({ errors, components, frames, raw, noise, fixed }: Residuals): Residuals {
  const free = (_: number, i: number): boolean => fixed[i] === 0;
  return {
    errors: errors.filter((_, k) => fixed[Math.floor(k / components)] === 0),
    components,
    frames: frames.filter(free),
    raw: raw.filter(free),
    noise: noise?.filter(free) ?? null,
    fixed: fixed.filter(free),
  };
}

/** |error| / σ of each label, [n · components]. */
export function scores(errors: Float64Array, sigma: Float64Array): Float64Array {
  const components = errors.length / sigma.length;
  return errors.map((error, k) => Math.abs(error) / sigma[Math.floor(k / components)]);
}

/** Share of the scores that are at most `factor`. */
export function coverage(values: Float64Array, factor: number): number {
  let inside = 0;
  for (const value of values) if (value <= factor) inside++;
  return inside / values.length;
}

/** Observed against expected shares of central intervals; `nu` degrees of freedom, ∞ for normal errors. */
export function reliability(values: Float64Array, nu: number): ReliabilityPoint[] {
  const sorted = Float64Array.from(values).sort();
  return LEVELS.map((expected) => ({
    expected,
    observed: countUpTo(sorted, halfWidth(expected, nu)) / sorted.length,
  }));
}

/** How many of the ascending numbers are at most `limit`. */
function countUpTo(sorted: Float64Array, limit: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Area between the reliability curve and the diagonal, 0 … 0.5 (Tran et al. 2020, doi:10.1088/2632-2153/ab7e1a). */
export function miscalibrationArea(curve: readonly ReliabilityPoint[]): number {
  const points = [{ expected: 0, observed: 0 }, ...curve, { expected: 1, observed: 1 }];
  let area = 0;
  for (let k = 1; k < points.length; k++) {
    const a = points[k - 1].observed - points[k - 1].expected;
    const b = points[k].observed - points[k].expected;
    const width = points[k].expected - points[k - 1].expected;
    // Two triangles where the curve crosses the diagonal.
    const size = Math.abs(a) + Math.abs(b);
    area += width * (a * b >= 0 ? size / 2 : (a * a + b * b) / (2 * size));
  }
  return area;
}

/** Root mean square of σ. */
export function sharpness(sigma: Float64Array): number {
  return Math.sqrt(sigma.reduce((sum, s) => sum + s * s, 0) / sigma.length);
}

/** Mean continuous ranked probability score, in the unit of the errors (Gneiting and Raftery 2007). */
export function crps(errors: Float64Array, sigma: Float64Array, nu: number): number {
  return meanOver(errors, sigma, (error, s) => s * rankedScore(error / s, nu));
}

/** Mean negative log likelihood, errors in their unit. */
export function negativeLogLikelihood(errors: Float64Array, sigma: Float64Array, nu: number): number {
  return meanOver(errors, sigma, (error, s) => Math.log(s) - logDensity(error / s, nu));
}

function meanOver(errors: Float64Array, sigma: Float64Array, of: (error: number, s: number) => number): number {
  const components = errors.length / sigma.length;
  const count = Math.min(errors.length, ENOUGH);
  let sum = 0;
  for (let k = 0; k < count; k++) {
    const at = Math.floor((k * errors.length) / count);
    sum += of(errors[at], sigma[Math.floor(at / components)]);
  }
  return sum / count;
}

/**
 * Expected normalised calibration error: the mean of |RMS σ − RMS error| / RMS σ over bins of equally many samples of
 * like σ (Levi et al. 2022, doi:10.3390/s22155540).
 */
export function ence(errors: Float64Array, sigma: Float64Array): number {
  const components = errors.length / sigma.length;
  const order = Uint32Array.from(sigma, (_, i) => i).sort((a, b) => sigma[a] - sigma[b]);
  const bins = Math.max(1, Math.min(BINS, Math.floor(order.length / 5)));
  let sum = 0;
  for (let bin = 0; bin < bins; bin++) {
    let variance = 0;
    let square = 0;
    const members = order.subarray(
      Math.floor((bin * order.length) / bins),
      Math.floor(((bin + 1) * order.length) / bins),
    );
    for (const i of members) {
      variance += sigma[i] ** 2;
      for (let c = components * i; c < components * (i + 1); c++) square += errors[c] ** 2 / components;
    }
    sum += Math.abs(Math.sqrt(variance) - Math.sqrt(square)) / Math.sqrt(variance);
  }
  return sum / bins;
}

/** Length of each sample's error. */
export function errorSizes(errors: Float64Array, components: number): Float64Array {
  const sizes = new Float64Array(errors.length / components);
  for (let i = 0; i < sizes.length; i++) {
    let square = 0;
    for (let c = components * i; c < components * (i + 1); c++) square += errors[c] ** 2;
    sizes[i] = Math.sqrt(square);
  }
  return sizes;
}

/** Ranks from 1; what is equal shares the mean of its ranks. */
export function ranks(values: Float64Array): Float64Array {
  const order = Uint32Array.from(values, (_, i) => i).sort((a, b) => values[a] - values[b]);
  const out = new Float64Array(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && values[order[end]] === values[order[start]]) end++;
    for (let k = start; k < end; k++) out[order[k]] = (start + 1 + end) / 2;
    start = end;
  }
  return out;
}

/** Spearman's rank correlation; 0 where one side is constant. */
export function spearman(a: Float64Array, b: Float64Array): number {
  const [x, y] = [ranks(a), ranks(b)];
  const mean = (a.length + 1) / 2;
  let [xx, yy, xy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    xx += (x[i] - mean) ** 2;
    yy += (y[i] - mean) ** 2;
    xy += (x[i] - mean) * (y[i] - mean);
  }
  return xx === 0 || yy === 0 ? 0 : xy / Math.sqrt(xx * yy);
}

/**
 * Standard error of the rank correlation: by leaving blocks of whole frames out (jackknife), since the atoms of a frame
 * err together.
 */
export function spearmanError(a: Float64Array, b: Float64Array, frames: Int32Array): number {
  const blocks = blocksOf(frames, BINS);
  const count = blocks.reduce((most, block) => Math.max(most, block), 0) + 1;
  if (count < 3) return Math.min(1, 1.03 / Math.sqrt(Math.max(1, a.length - 3)));
  const without = Array.from({ length: count }, (_, block) => {
    const rest = (values: Float64Array): Float64Array => values.filter((_, i) => blocks[i] !== block);
    return spearman(rest(a), rest(b));
  });
  return jackknifeError(without);
}

/** Number of the block of each sample: some `most` blocks of whole frames, in their order. */
function blocksOf(frames: Int32Array, most: number): Int32Array {
  const numbers = new Map<number, number>();
  for (const frame of frames) if (!numbers.has(frame)) numbers.set(frame, numbers.size);
  const blocks = Math.min(most, numbers.size);
  return frames.map((frame) => Math.floor((numbers.get(frame)! * blocks) / numbers.size));
}

/** Standard error of a statistic from its values without one block each. */
function jackknifeError(without: readonly number[]): number {
  const mean = without.reduce((sum, value) => sum + value, 0) / without.length;
  const square = without.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(((without.length - 1) / without.length) * square);
}

/** Share of the worst tenth of the samples that is among the most uncertain tenth. */
export function recallWorstTenth(sizes: Float64Array, sigma: Float64Array): number {
  const tenth = Math.max(1, Math.round(sizes.length / 10));
  const worst = new Set(largest(sizes, tenth));
  return largest(sigma, tenth).filter((i) => worst.has(i)).length / tenth;
}

function largest(values: Float64Array, count: number): number[] {
  const order = Uint32Array.from(values, (_, i) => i).sort((a, b) => values[b] - values[a] || a - b);
  return Array.from(order.subarray(0, count));
}

/**
 * How many independent labels there are, as far as "within the interval or not" goes: n / (1 + (m̄ − 1) ρ) with the
 * correlation ρ of labels of one frame (Kish 1965), never less than the number of frames.
 */
export function effectiveCount(inside: Uint8Array, frames: Int32Array): number {
  const byFrame = new Map<number, { count: number; inside: number }>();
  const perSample = inside.length / frames.length;
  for (let k = 0; k < inside.length; k++) {
    const frame = frames[Math.floor(k / perSample)];
    const entry = byFrame.get(frame) ?? { count: 0, inside: 0 };
    entry.count++;
    entry.inside += inside[k];
    byFrame.set(frame, entry);
  }
  const groups = [...byFrame.values()];
  const n = inside.length;
  const p = groups.reduce((sum, group) => sum + group.inside, 0) / n;
  // The variance of p between frames, with each frame's own weight.
  const between = groups.reduce((sum, g) => sum + (g.inside - p * g.count) ** 2, 0) / (n * n);
  const K = groups.length;
  if (K < 2 || p === 0 || p === 1) return K;
  return Math.max(K, Math.min(n, (p * (1 - p)) / ((between * K) / (K - 1))));
}
