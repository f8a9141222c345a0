import { NearsightError } from '../errors.ts';
import type { ParitySet } from './report-data.ts';

/**
 * Pairs of reference and predicted values, thinned to what an eye can tell apart: of all pairs in one cell of a
 * fine grid the first one stays. Outliers have a cell of their own, so they are never lost.
 * The quantiles of the absolute error are taken over all pairs before thinning.
 * @param reference [n], any unit
 * @param predicted [n], same unit
 * @param maximum pairs to keep at most
 * @throws NearsightError `report-shape` when the lengths differ, `report-not-finite` for NaN or infinity
 */
export function paritySet(reference: ArrayLike<number>, predicted: ArrayLike<number>, maximum = 3000): ParitySet {
  checkPairs(reference, predicted);
  const errors = Float64Array.from(reference, (value, i) => Math.abs(predicted[i] - value)).sort();
  const kept = thinPairs(reference, predicted, maximum);
  return {
    reference: kept.map((i) => reference[i]),
    predicted: kept.map((i) => predicted[i]),
    total: reference.length,
    quantiles: errors.length === 0 ? [] : Array.from({ length: 101 }, (_, percent) => quantile(errors, percent / 100)),
  };
}

/** Which pairs stay, in their order: at most `maximum`, one for each occupied cell of the finest grid that allows it. */
export function thinPairs(x: ArrayLike<number>, y: ArrayLike<number>, maximum: number): number[] {
  const all = Array.from({ length: x.length }, (_, i) => i);
  if (all.length <= maximum) return all;
  const [left, width] = extent(x);
  const [bottom, height] = extent(y);
  for (let cells = 512; cells > 1; cells = Math.floor(cells * 0.8)) {
    const occupied = new Set<number>();
    const kept = all.filter((i) => {
      const column = Math.floor(((x[i] - left) / width) * (cells - 1));
      const row = Math.floor(((y[i] - bottom) / height) * (cells - 1));
      const before = occupied.size;
      return occupied.add(row * cells + column).size > before;
    });
    if (kept.length <= maximum) return kept;
  }
  return all.slice(0, maximum);
}

/** Smallest value and range; the range of equal values is 1, so that it can be divided by. */
function extent(values: ArrayLike<number>): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    low = Math.min(low, values[i]);
    high = Math.max(high, values[i]);
  }
  return [low, high > low ? high - low : 1];
}

/** The smallest member of `sorted` that at least this share of it does not exceed. */
function quantile(sorted: Float64Array, fraction: number): number {
  return sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)];
}

function checkPairs(reference: ArrayLike<number>, predicted: ArrayLike<number>): void {
  if (reference.length !== predicted.length) {
    throw new NearsightError('report-shape', `${reference.length} reference values, ${predicted.length} predictions`, {
      hint: 'give one prediction for each reference value',
    });
  }
  for (let i = 0; i < reference.length; i++) {
    if (Number.isFinite(reference[i]) && Number.isFinite(predicted[i])) continue;
    throw new NearsightError('report-not-finite', `pair ${i} is (${reference[i]}, ${predicted[i]})`, {
      hint: 'leave frames without this label out before comparing',
    });
  }
}
