/** From raw uncertainties to standard deviations and intervals that hold on frames that were held out. */
import type { EstimatorName } from './estimator.ts';
import { fitScale, type Scale } from './fit-scale.ts';
import {
  coverage,
  crps,
  effectiveCount,
  ence,
  errorSizes,
  freeOf,
  miscalibrationArea,
  negativeLogLikelihood,
  type ReliabilityPoint,
  type Residuals,
  recallWorstTenth,
  reliability,
  scores,
  sharpness,
  spearman,
  spearmanError,
} from './metrics.ts';
import type { AllResiduals } from './residuals.ts';

/**
 * How the raw uncertainties of one estimator become statements about errors; stands in the model file.
 * Units: energies eV/atom, forces eV/Å (each component), stresses eV/Å³ (each component).
 */
export interface Calibration {
  readonly version: 1;
  readonly estimator: EstimatorName;
  /** What it was learned on. */
  readonly heldOut: {
    readonly frames: number;
    readonly atoms: number;
    readonly groups: readonly string[];
    /** How these frames were kept apart from the training, in words. */
    readonly how: string;
  };
  /** Null where nothing was labelled, or too little. */
  readonly energy: QuantityCalibration | null;
  readonly forces: QuantityCalibration | null;
  readonly stress: QuantityCalibration | null;
}

/** σ² = noise² + floor² + (scale · u)², and intervals prediction ± factor · σ. */
export interface QuantityCalibration {
  /** What is left where the estimator sees nothing: noise of the labels (unless learned), what the model can't express. */
  readonly floor: number;
  readonly scale: number;
  /** Degrees of freedom of the errors in units of σ (Student's t of variance 1): 3 is heavy tails, null is normal. */
  readonly tails: number | null;
  /** Whether the learned noise of labels is part of σ: only where it explains held-out errors clearly better. */
  readonly noise: boolean;
  /** Conformal intervals: the share of labels that they hold, and their half width in σ. Ascending. */
  readonly intervals: readonly { readonly coverage: number; readonly factor: number }[];
  /** On the held-out frames: of the labels within z σ, expected (for errors with these tails) and observed shares. */
  readonly reliability: readonly ReliabilityPoint[];
  /** Frames that the above was learned on: held-out ones, and training frames where these do not flatter. */
  readonly frames: { readonly heldOut: number; readonly train: number };
  /** On the held-out frames, in sample: what `evaluate` says of other frames counts more. */
  readonly metrics: CalibrationMetrics;
}

/** How good the uncertainties are on some frames. Lengths of arrays that they are taken over: `count`. */
export interface CalibrationMetrics {
  readonly count: number;
  /** Labels that symmetry fixes: in no number here but `spearman`. */
  readonly fixed: number;
  /** Root mean square of the errors, in the unit of the quantity. */
  readonly rmse: number;
  /** Area between the reliability curve and the diagonal, 0 … 0.5, with the tails of the calibration. */
  readonly miscalibrationArea: number;
  /** The same were the errors normal. */
  readonly normalMiscalibrationArea: number;
  /** Root mean square of σ, in the unit of the quantity. */
  readonly sharpness: number;
  /** Continuous ranked probability score, in the unit of the quantity. */
  readonly crps: number;
  /** Mean negative log likelihood, with the unit of the quantity. */
  readonly nll: number;
  /** Expected normalised calibration error. */
  readonly ence: number;
  /** Rank correlation of uncertainty and size of the error (of force vectors, by atom), and its standard error. */
  readonly spearman: number;
  readonly spearmanError: number;
  /** The same without the atoms whose forces symmetry fixes, where uncertainty and error both vanish. */
  readonly spearmanFree: number;
  /** Observed shares in the conformal intervals, by stated coverage. */
  readonly coverage: readonly { readonly stated: number; readonly observed: number }[];
  /** Share of the worst tenth (of atoms, for forces) that is among the most uncertain tenth. */
  readonly recallWorstTenth: number;
}

/** Coverages that intervals are made for. */
export const COVERAGES: readonly number[] = [0.5, 0.68, 0.9, 0.95];
/** Fewer held-out frames than this say nothing: of energies and stresses, which have one σ each, and of forces. */
export const LEAST_FRAMES: { readonly energy: number; readonly forces: number; readonly stress: number } = {
  energy: 10,
  forces: 5,
  stress: 10,
};

/**
 * Learned noise is part of σ where it lowers the mean negative log likelihood of a held-out label by more than this. What
 * it brings on clean data is 0.02 or less, and the simpler law does better beyond the training data: there the spread
 * grows, and what was learned of noise does not (3BPA at 600 K: 81 % instead of 78 % in 90 % intervals).
 */
const NOISE_GAIN = 0.05;
/**
 * … and the sum over all held-out labels by more than this: odds of twenty to one. A gain of 0.05 for each of 25 energies
 * is 1.25 in all, which is chance.
 */
const NOISE_EVIDENCE = 3;
/**
 * A law whose epistemic part is less than this share of the errors says that disagreement means nothing. Few labels
 * cannot tell noise from the spread and may well say so: it takes ten times the evidence.
 */
const SILENCED = 0.03;

/** What turns raw uncertainties into σ and intervals. */
export type Law = Pick<QuantityCalibration, 'floor' | 'scale' | 'tails' | 'noise' | 'intervals'>;

/** Standard deviations of the samples: σ² = noise² + floor² + (scale · u)². */
export function sigmaOf(
  { floor, scale, noise: noisy }: Pick<Law, 'floor' | 'scale' | 'noise'>,
  { raw, noise }: Pick<Residuals, 'raw' | 'noise'>,
): Float64Array {
  return raw.map((u, i) => Math.hypot(noisy ? (noise?.[i] ?? 0) : 0, floor, scale * u));
}

/** Half width of the interval of a stated coverage, in σ; null where there were too few frames for it. */
export function intervalFactor({ intervals }: Pick<Law, 'intervals'>, stated: number): number | null {
  return intervals.find((interval) => Math.abs(interval.coverage - stated) < 1e-9)?.factor ?? null;
}

/**
 * Calibrates an estimator on held-out frames, with the help of training frames where these do not flatter. Null where
 * there are too few held-out frames for any quantity: see `LEAST_FRAMES`.
 */
export function calibrate(
  estimator: EstimatorName,
  residuals: { readonly heldOut: AllResiduals; readonly train: AllResiduals | null },
  heldOut: Calibration['heldOut'],
): Calibration | null {
  const of = (quantity: keyof AllResiduals): QuantityCalibration | null => {
    const all = residuals.heldOut[quantity];
    return all === null ? null : calibrateQuantity(all, residuals.train?.[quantity] ?? null, LEAST_FRAMES[quantity]);
  };
  const [energy, forces, stress] = [of('energy'), of('forces'), of('stress')];
  if (energy === null && forces === null && stress === null) return null;
  return { version: 1, estimator, heldOut, energy, forces, stress };
}

/**
 * Calibrates one quantity: the law of σ by maximum likelihood with Student's t, then split conformal factors (Lei et
 * al. 2018, doi:10.1080/01621459.2017.1307116) of the normalised errors.
 *
 * Some twenty held-out frames leave the factors uncertain by several percent. Training frames are ten times as many, and
 * mostly as good a witness: they are taken in as well, unless they flatter, that is unless their 90 % factor is below
 * that of the held-out frames by more than the standard error of the latter.
 * Forces that symmetry fixes are left out of all this.
 * @param all residuals on held-out frames
 * @param training residuals on training frames, to be taken in where they do not flatter
 * @returns null where less than `leastFrames` were held out
 */
export function calibrateQuantity(
  all: Residuals,
  training: Residuals | null,
  leastFrames: number,
): QuantityCalibration | null {
  const quiet = (residuals: Residuals | null): Residuals | null => residuals && { ...residuals, noise: null };
  const without = calibrated(quiet(all)!, quiet(training), leastFrames);
  if (all.noise === null || without === null) return without;
  const withNoise = calibrated(all, training, leastFrames)!;
  return earnsItsPlace(all, withNoise, without) ? withNoise : without;
}

/** Whether learned noise earns its place in the law. */
function earnsItsPlace(all: Residuals, withNoise: QuantityCalibration, without: QuantityCalibration): boolean {
  const { nll, count, rmse } = withNoise.metrics;
  const { raw } = freeOf(all);
  const spread = Math.sqrt(raw.reduce((sum, u) => sum + u * u, 0) / raw.length);
  const gain = without.metrics.nll - nll;
  const silenced = withNoise.scale * spread < SILENCED * rmse;
  return gain > NOISE_GAIN && gain * count > (silenced ? 10 : 1) * NOISE_EVIDENCE;
}

function calibrated(all: Residuals, training: Residuals | null, leastFrames: number): QuantityCalibration | null {
  const heldOut = freeOf(all);
  const train = training === null ? null : freeOf(training);
  const frames = frameCount(heldOut);
  if (frames < leastFrames || !heldOut.raw.some((u) => u > 0)) return null;
  const alone = lawOf(heldOut, fitScale(heldOut));
  const joined = train === null || flatters(heldOut, train, alone) ? null : join(heldOut, train);
  const law = joined === null ? alone : lawOf(joined, fitScale(joined));
  const sigma = sigmaOf(law, heldOut);
  return {
    ...law,
    reliability: reliability(scores(heldOut.errors, sigma), law.tails ?? Number.POSITIVE_INFINITY),
    frames: { heldOut: frames, train: joined === null ? 0 : frameCount(train!) },
    metrics: metricsOf(all, law)!,
  };
}

/** What calibrated uncertainties are worth on some frames; null where symmetry fixes all labels. */
export function metricsOf(all: Residuals, law: Law): CalibrationMetrics | null {
  const residuals = freeOf(all);
  const { errors, components } = residuals;
  if (errors.length === 0) return null;
  const sigma = sigmaOf(law, residuals);
  const nu = law.tails ?? Number.POSITIVE_INFINITY;
  const z = scores(errors, sigma);
  const sizes = errorSizes(errors, components);
  const allSigma = sigmaOf(law, all);
  const allSizes = errorSizes(all.errors, components);
  return {
    count: errors.length,
    fixed: all.errors.length - errors.length,
    rmse: Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / errors.length),
    miscalibrationArea: miscalibrationArea(reliability(z, nu)),
    normalMiscalibrationArea: miscalibrationArea(reliability(z, Number.POSITIVE_INFINITY)),
    sharpness: sharpness(sigma),
    crps: crps(errors, sigma, nu),
    nll: negativeLogLikelihood(errors, sigma, nu),
    ence: ence(errors, sigma),
    spearman: spearman(allSigma, allSizes),
    spearmanError: spearmanError(allSigma, allSizes, all.frames),
    spearmanFree: spearman(sigma, sizes),
    coverage: law.intervals.map(({ coverage: stated, factor }) => ({ stated, observed: coverage(z, factor) })),
    recallWorstTenth: recallWorstTenth(sizes, sigma),
  };
}

function lawOf(residuals: Residuals, { floor, scale, tails }: Scale): Law {
  const noise = residuals.noise !== null;
  const z = scores(residuals.errors, sigmaOf({ floor, scale, noise }, residuals));
  const intervals = COVERAGES.flatMap((stated) => {
    const factor = conformalFactor(z, residuals.frames, stated);
    return factor === null ? [] : [{ coverage: stated, factor }];
  });
  return { floor, scale, tails, noise, intervals };
}

/**
 * The smallest factor that holds a share `stated` · (1 + 1/n) of the scores. n counts independent labels: those of a
 * frame are alike, see `effectiveCount`. Null where n is too small for the coverage.
 */
function conformalFactor(z: Float64Array, frames: Int32Array, stated: number): number | null {
  const sorted = Float64Array.from(z).sort();
  const plain = sorted[Math.min(sorted.length - 1, Math.ceil(stated * sorted.length) - 1)];
  const n = effectiveCount(
    Uint8Array.from(z, (value) => (value <= plain ? 1 : 0)),
    frames,
  );
  const level = stated * (1 + 1 / n);
  if (level > 1) return null;
  return sorted[Math.min(sorted.length - 1, Math.ceil(level * sorted.length) - 1)];
}

/** Whether training frames look better than held-out ones by more than chance. */
function flatters(heldOut: Residuals, train: Residuals, law: Law): boolean {
  const z = scores(heldOut.errors, sigmaOf(law, heldOut));
  const factor = quantile(z, 0.9);
  const inside = Uint8Array.from(z, (value) => (value <= factor ? 1 : 0));
  const error = Math.sqrt((0.9 * 0.1) / effectiveCount(inside, heldOut.frames));
  const held = coverage(scores(train.errors, sigmaOf(law, train)), factor);
  return held > 0.9 + error;
}

function quantile(values: Float64Array, level: number): number {
  return Float64Array.from(values).sort()[Math.ceil(level * values.length) - 1];
}

const frameCount = ({ frames }: Residuals): number => new Set(frames).size;

function join(a: Residuals, b: Residuals): Residuals {
  const both = (x: Float64Array, y: Float64Array): Float64Array => Float64Array.from([...x, ...y]);
  const shift = a.frames.reduce((most, frame) => Math.max(most, frame), -1) + 1;
  return {
    errors: both(a.errors, b.errors),
    components: a.components,
    frames: Int32Array.from([...a.frames, ...b.frames.map((frame) => frame + shift)]),
    raw: both(a.raw, b.raw),
    noise: a.noise === null || b.noise === null ? null : both(a.noise, b.noise),
    fixed: Uint8Array.from([...a.fixed, ...b.fixed]),
  };
}
