/** Several levels of theory in one linear fit: what others may use. */
export {
  type BiasSummary,
  type FidelityAnalysis,
  type FidelityFit,
  type FidelityVerdict,
  type FitErrors,
  fitFidelities,
  type KindSummary,
  type LevelSummary,
} from './analyse.ts';
export { fitAlone, fitTogether, residualsOf, shiftedResiduals } from './compare.ts';
export { liftFrames } from './lift.ts';
export {
  biasEstimator,
  type Estimate,
  type Estimator,
  independentNoise,
  type Lifted,
  levelEstimator,
  liftLabels,
} from './predict.ts';
export {
  createProblem,
  type FidelityProblem,
  type FidelityProgress,
  type FidelitySettings,
  type LevelFrames,
  restrictProblem,
} from './problem.ts';
export { estimateVariances, type VarianceEstimate, type VarianceOptions } from './variances.ts';
