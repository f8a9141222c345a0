export { locality } from './check.ts';
export { type Decay, type ExponentialDecay, fitDecay, type OutsideForce, type PowerDecay } from './decay.ts';
export { type LocalityOfOptions, localityOf, type MeasuredLocality } from './measure.ts';
export {
  type Ball,
  ballOf,
  type ChargedCrystal,
  type CutoffError,
  cutoffErrors,
  expectedOutsideForce,
  INSULATOR,
  METAL,
  type OutsideOptions,
  outsideForceOfBall,
} from './reference.ts';
