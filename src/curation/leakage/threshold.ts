/** How near is too near: from the training set itself. */

/** What the threshold was made from; distances are in the whitened space. */
export interface Threshold {
  /** Frames nearer than this to a training frame are its twins. */
  readonly value: number;
  /** The distance of a copy that was changed by 0.001 Å: nearer frames are the same structure. */
  readonly resolution: number;
  /** The distance that is reached by chance in one of a hundred such test sets; null with too few unrelated frames. */
  readonly chance: number | null;
  /** How the chance of a near frame falls with distance, P ∝ rᴰ; null as above. */
  readonly exponent: number | null;
  /** Median distance of a training frame to the nearest unrelated one; null as above. */
  readonly median: number | null;
  /** Unrelated training frames that this was learned from. */
  readonly frames: number;
}

/** Fewer distances than this say nothing of their distribution. */
const FEWEST = 20;
/** Expected number of unrelated test frames below the threshold. */
const FALSE_ALARMS = 0.01;
/** Twins are at most half as far away as the nearest tenth of unrelated frames: no extrapolation beyond that. */
const MOST_OF_TENTH = 0.5;

/**
 * The threshold for `tested` frames.
 *
 * If no frame had relatives, the distances r of frames to their nearest neighbour would be distributed as the smallest
 * of many independent ones: for small r, P(r) = 1 − exp(−c rᴰ), with D the number of dimensions in which the frames
 * spread (Weibull's law of extremes; Levina & Bickel 2004 estimate dimensions that way). The decile and the median of
 * the training set's own nearest distances fix c and D,
 *   D = ln(ln 2 / −ln 0.9) / ln(r₅₀/r₁₀),
 * and r = r₅₀ (α / (n ln 2))^(1/D) is reached by chance in n tested frames α = 0.01 times. What is nearer than that is
 * no chance. Distances below the resolution are twins within the training set and do not count; nothing below the
 * resolution can be told apart, so that the threshold is at least that.
 * @param distances of training frames to the nearest frame of another trajectory; infinite ones do not count
 */
export function thresholdFrom(distances: Float64Array, tested: number, resolution: number): Threshold {
  const sorted = distances.filter((r) => r > resolution && r < Number.POSITIVE_INFINITY).sort();
  const nothing = { chance: null, exponent: null, median: null };
  if (sorted.length < FEWEST) return { value: resolution, resolution, ...nothing, frames: sorted.length };
  const tenth = sorted[Math.floor(0.1 * (sorted.length - 1))];
  const median = sorted[Math.floor(0.5 * (sorted.length - 1))];
  const exponent = Math.log(Math.LN2 / -Math.log(0.9)) / Math.log(Math.max(median / tenth, 1 + 1e-9));
  const chance = median * (FALSE_ALARMS / (Math.max(1, tested) * Math.LN2)) ** (1 / exponent);
  const value = Math.max(resolution, Math.min(chance, MOST_OF_TENTH * tenth));
  return { value, resolution, chance, exponent, median, frames: sorted.length };
}
