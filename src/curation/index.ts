export {
  type ElementCount,
  type Finding,
  type GroupCount,
  type Inspection,
  inspectDataset,
  type Range,
  type StressCheck,
} from './inspect.ts';
export type {
  EnergyVolumeSeries,
  ForceSizes,
  Histogram,
  PairDistances,
} from './portrait/distributions.ts';
export type { EnvironmentMap } from './portrait/map.ts';
export {
  type DataPortrait,
  type FlaggedFrame,
  type Influence,
  type PortraitOptions,
  portraitOf,
} from './portrait/portrait.ts';
