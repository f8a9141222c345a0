export { type MdCheckpoint, mdCheckpoint, type ResumedMd, resumeMd } from './checkpoint.ts';
export { conservedDrift, type Drift } from './drift.ts';
export { type Integrator, type LangevinOptions, langevin, velocityVerlet } from './integrators.ts';
export { finish, giveTurn, turnTaker } from './progress.ts';
export { type RelaxOptions, type RelaxResult, type RelaxStep, relax } from './relax.ts';
export { copyState, type MdSample, type RunOptions, runMd } from './run.ts';
export {
  kineticEnergy,
  type MdState,
  maxwellBoltzmann,
  pressureOf,
  removeDrift,
  type StartOptions,
  startMd,
  temperatureOf,
  type VelocityOptions,
} from './state.ts';
