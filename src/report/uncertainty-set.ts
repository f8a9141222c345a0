import { NearsightError } from '../errors.ts';
import { thinPairs } from './parity-set.ts';
import type { UncertaintyScatter } from './trust-data.ts';

const BINS = 10;
/** Fewer values than this for each bin say nothing. */
const SMALLEST_BIN = 10;

/**
 * Standard deviations and absolute errors, thinned to what an eye can tell apart, and their root mean squares in ten
 * equal parts of all of them, by σ.
 * @param sigma [n], positive, any unit @param error |prediction − reference|, [n], same unit
 * @throws NearsightError `report-shape` when the lengths differ, `report-not-finite` for NaN, infinity or σ ≤ 0
 */
export function uncertaintyScatter(
  sigma: ArrayLike<number>,
  error: ArrayLike<number>,
  maximum = 2500,
): UncertaintyScatter {
  if (sigma.length !== error.length) {
    throw new NearsightError('report-shape', `${sigma.length} uncertainties, ${error.length} errors`, {
      hint: 'give one uncertainty for each error',
    });
  }
  const bad = Array.from(sigma, (s, i) => s > 0 && Number.isFinite(s) && Number.isFinite(error[i])).indexOf(false);
  if (bad >= 0) {
    throw new NearsightError('report-not-finite', `uncertainty ${bad} is ${sigma[bad]}, its error ${error[bad]}`, {
      hint: 'uncertainties are positive; leave frames without this label out before comparing',
    });
  }
  // On logarithmic axes, where an error of nothing has no place.
  const floor = (e: number): number => Math.log(Math.max(Math.abs(e), 1e-12));
  const kept = thinPairs(Float64Array.from(sigma, Math.log), Float64Array.from(error, floor), maximum);
  return {
    sigma: kept.map((i) => sigma[i]),
    error: kept.map((i) => Math.abs(error[i])),
    total: sigma.length,
    bins: binned(sigma, error),
  };
}

function binned(sigma: ArrayLike<number>, error: ArrayLike<number>): { sigma: number; error: number }[] {
  const order = Array.from({ length: sigma.length }, (_, i) => i).sort((a, b) => sigma[a] - sigma[b]);
  if (order.length < BINS * SMALLEST_BIN) return [];
  return Array.from({ length: BINS }, (_, k) => {
    const part = order.slice(Math.floor((k * order.length) / BINS), Math.floor(((k + 1) * order.length) / BINS));
    const rms = (values: ArrayLike<number>): number =>
      Math.sqrt(part.reduce((sum, i) => sum + values[i] ** 2, 0) / part.length);
    return { sigma: rms(sigma), error: rms(error) };
  });
}
