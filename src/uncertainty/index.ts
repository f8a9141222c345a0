export type { Calibration, CalibrationMetrics, QuantityCalibration } from './calibration.ts';
export { evaluateCommittee, meanAndSpread, type Spread } from './committee.ts';
export {
  type Domain,
  type DomainVerdict,
  measureDomain,
  type Novelty,
  type Origin,
  openDomain,
  type SourcedFrame,
} from './domain.ts';
export type { Estimator, EstimatorName, RawUncertainty } from './estimator.ts';
export { fitNoise, type LabelNoise, type Noise, openNoise } from './noise.ts';
