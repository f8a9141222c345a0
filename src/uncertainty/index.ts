export {
  type Accountant,
  type DomainAccount,
  type OutsideFrame,
  openAccount,
  type Parts,
  type QuantityAccount,
  type UncertaintyAccount,
} from './account.ts';
export {
  type Calibration,
  type CalibrationMetrics,
  COVERAGES,
  calibrate,
  calibrateQuantity,
  intervalFactor,
  type Law,
  LEAST_FRAMES,
  metricsOf,
  type QuantityCalibration,
  sigmaOf,
} from './calibration.ts';
export { decodeCalibration, encodeCalibration } from './calibration-file.ts';
export { evaluateCommittee, meanAndSpread, modelsCommittee, type Spread } from './committee.ts';
export { mahalanobisEstimator, nearestEstimator } from './distances.ts';
export {
  type Domain,
  type DomainVerdict,
  type Novelty,
  type Origin,
  openDomain,
  type SourcedFrame,
} from './domain.ts';
export type { Crowding, Strangeness } from './domain-crowding.ts';
export { type EarlierDomain, earlierDomain } from './domain-earlier.ts';
export { type DomainSources, measureDomain } from './domain-measure.ts';
export type { DistanceQuantile, DomainPart, DomainRecord } from './domain-record.ts';
export type { Estimator, EstimatorName, RawUncertainty } from './estimator.ts';
export { lastLayerEstimator } from './last-layer.ts';
export { coverage, freeOf, type ReliabilityPoint, type Residuals, reliability, scores } from './metrics.ts';
export { fitNoise, type LabelNoise, type Noise, openNoise } from './noise.ts';
export type { GroupNoise, NoiseRecord, QuantityNoise } from './noise-record.ts';
export {
  type AllResiduals,
  collectResiduals,
  committeeJudge,
  estimatorJudge,
  type Judge,
  type Judged,
  judgeFrames,
  rawOf,
} from './residuals.ts';
export {
  type Caveats,
  domainOnly,
  NOT_CALIBRATED,
  openUncertainty,
  type TrustedOptions,
  type TrustedPrediction,
  type Uncertain,
  type UncertainForces,
  type Uncertainty,
  uncertaintiesOf,
} from './trusted.ts';
