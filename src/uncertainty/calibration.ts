/** From raw uncertainties to standard deviations and intervals that hold on frames that were held out. */
import type { EstimatorName } from './estimator.ts';

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

/** σ² = floor² + (scale · u)², and intervals prediction ± factor · σ. */
export interface QuantityCalibration {
  /** What is left where the estimator sees nothing: noise of the labels, and what the model can't express. */
  readonly floor: number;
  readonly scale: number;
  /** Conformal intervals: the share of labels that they hold, and their half width in σ. Ascending. */
  readonly intervals: readonly { readonly coverage: number; readonly factor: number }[];
  /** On the held-out frames: of the labels within z σ, expected (for normal errors) and observed shares. */
  readonly reliability: readonly { readonly expected: number; readonly observed: number }[];
  readonly metrics: CalibrationMetrics;
}

/** How good the uncertainties are on some frames. Lengths of arrays that they are taken over: `count`. */
export interface CalibrationMetrics {
  readonly count: number;
  /** Area between the reliability curve and the diagonal, 0 … 0.5. */
  readonly miscalibrationArea: number;
  /** Root mean square of σ, in the unit of the quantity. */
  readonly sharpness: number;
  /** Continuous ranked probability score, in the unit of the quantity. */
  readonly crps: number;
  /** Mean negative log likelihood of a normal distribution. */
  readonly nll: number;
  /** Expected normalised calibration error. */
  readonly ence: number;
  /** Rank correlation of uncertainty and size of the error (of force vectors, by atom), and its standard error. */
  readonly spearman: number;
  readonly spearmanError: number;
  /** Observed shares in the conformal intervals, by stated coverage: 0.5, 0.9, 0.95. */
  readonly coverage: readonly { readonly stated: number; readonly observed: number }[];
  /** Share of the worst tenth (of atoms, for forces) that is among the most uncertain tenth. */
  readonly recallWorstTenth: number;
}
