/**
 * Which of several named conventions is it? Each convention foretells the factor between what a label says and what
 * forces and geometry say; the data are a regression without intercept, y ≈ factor · x.
 *
 * The likelihood of a convention with factor c is that of Gaussian residuals of unknown width around y = s · x, times a
 * log-normal prior of s about c, whose width τ is how well x is known at all (a trapezoidal rule, a linear model):
 *   ln L(c) = max_s { −(n/2) ln[Σ(y − s x)² / Σy²] − ½ [ln(s/c)/τ]² }.
 * It is measured from "x says nothing of y" (s = 0), whose ln L is zero. n counts independent frames and is capped, because
 * what a model gets wrong it gets wrong for all of them. Evidence of different origin adds up. A verdict needs odds of
 * a thousand to one against every other convention, against none of them (ln L = 0), and against some factor without
 * a name (the best s at all, less a penalty). A deviation from nearsight's own convention counts as one case in fifty
 * beforehand, two deviations at once as one in 2,500: what two unlikely mistakes explain as well as none is none.
 */

/** Sums over the observations of y ≈ factor · x. */
export interface Regression {
  /** Independent observations. */
  readonly n: number;
  readonly xx: number;
  readonly xy: number;
  readonly yy: number;
}

/** Log odds that make a verdict: a thousand to one. */
export const DECISIVE: number = Math.log(1000);
/** More observations than this of one kind and group are no better evidence. */
const MOST_OBSERVATIONS = 20;
/** Residuals smaller than this share of the labels (squares) are no better evidence. */
const LEAST_RESIDUAL = 1e-4;
/** Factors farther from their convention than this many widths are not looked at. */
const WIDEST = 4;
/** ln of how much room there is for a factor that nobody has named. */
const UNNAMED_PENALTY = 9;

/** ln of the residual squares for slope s, as a share of Σy², times −n/2. */
function fitAt({ n, xx, xy, yy }: Regression, s: number): number {
  const residual = Math.max(1 - (2 * s * xy - s * s * xx) / yy, LEAST_RESIDUAL);
  return -0.5 * Math.min(n, MOST_OBSERVATIONS) * Math.log(residual);
}

const usable = ({ n, xx, yy }: Regression): boolean => n >= 2 && xx > 0 && yy > 0;

/** ln L of the convention that foretells `factor`, against no relation at all; 0 without data. */
export function logLikelihood(data: Regression, factor: number, width: number): number {
  if (!usable(data)) return 0;
  const at = (t: number): number => fitAt(data, factor * Math.exp(t * width)) - 0.5 * t * t;
  let best = at(0);
  const freely = Math.log(data.xy / data.xx / factor) / width;
  if (Math.abs(freely) < WIDEST) best = Math.max(best, at(freely));
  for (let t = -WIDEST; t <= WIDEST; t += 0.1) best = Math.max(best, at(t));
  return best;
}

/** ln L of a factor that has no name but this sign. */
export function unnamedLikelihood(data: Regression, sign: 1 | -1): number {
  if (!usable(data)) return 0;
  const s = data.xy / data.xx;
  return Math.sign(s) === sign ? fitAt(data, s) - UNNAMED_PENALTY : -UNNAMED_PENALTY;
}

/** A regression that grows, observation by observation. */
export interface Sums {
  n: number;
  xx: number;
  xy: number;
  yy: number;
}

export function emptySums(): Sums {
  return { n: 0, xx: 0, xy: 0, yy: 0 };
}

export function addPoint(sums: Sums, x: number, y: number): void {
  sums.xx += x * x;
  sums.xy += x * y;
  sums.yy += y * y;
}

/** ln L of each hypothesis for each group of frames; evidence adds up. */
export type Scores = Map<string, Float64Array>;

export function addScores(scores: Scores, group: string, more: ArrayLike<number>): void {
  let sum = scores.get(group);
  if (sum === undefined) {
    sum = new Float64Array(more.length);
    scores.set(group, sum);
  }
  for (let h = 0; h < more.length; h++) sum[h] += more[h];
}

/** ln of the odds against a deviation before anything was looked at. */
export const DEVIATION: number = -Math.log(50);

/** What was decided of one attribute of the hypotheses, such as the unit. */
export interface Decision<Value extends string> {
  /** The value with the highest likelihood; null where nothing can be told. */
  readonly value: Value | null;
  /** What it would be if one had to say; null without any evidence. */
  readonly likeliest: Value | null;
  /** ln of the odds of the likeliest value against the next best one (or against none). */
  readonly logOdds: number;
  readonly next: Value | 'none' | null;
}

/** Decides an attribute from summed scores and priors: each value is as good as the best hypothesis that has it. */
export function decide<Value extends string>(
  scores: Float64Array | undefined,
  values: readonly Value[],
  priors: readonly number[],
): Decision<Value> {
  if (scores === undefined || scores.every((score) => score === 0)) {
    return { value: null, likeliest: null, logOdds: 0, next: null };
  }
  const best = new Map<Value, number>();
  for (const [h, value] of values.entries()) {
    best.set(value, Math.max(best.get(value) ?? Number.NEGATIVE_INFINITY, scores[h] + priors[h]));
  }
  const [[likeliest, first], ...others] = [...best].sort((a, b) => b[1] - a[1]);
  const second = others[0];
  const next = second !== undefined && second[1] > 0 ? second[0] : 'none';
  const logOdds = Math.max(0, first - Math.max(0, second?.[1] ?? 0));
  if (first <= 0) return { value: null, likeliest: null, logOdds, next: null };
  return { value: logOdds >= DECISIVE ? likeliest : null, likeliest, logOdds, next };
}
