export { type LinearWeights, usualWeights } from '../training/linear/linear-fit.ts';
export {
  createLinearModel,
  type LinearEngine,
  type LinearModel,
  openLinearModel,
} from '../training/linear/linear-model.ts';
export { createRowStore, type RowStore } from '../training/linear/rows.ts';
export { compareDatasets } from './doctor/compare.ts';
export { type Applied, type FixedDataset, fixDataset } from './doctor/fix.ts';
export {
  type ElementCount,
  type Evidence,
  type Finding,
  type GroupCount,
  type GroupShift,
  type Inspection,
  inspectDataset,
  type Range,
  type StressCheck,
  type Verdict,
  type Verdicts,
} from './inspect.ts';
export { type FirewallSplit, firewallSplit } from './leakage/firewall.ts';
export { findLeakage, type Leakage, type LeakedFrame } from './leakage/leakage.ts';
export type { Threshold } from './leakage/threshold.ts';
export {
  type DataLocality,
  type ErrorCurve,
  type LocalityOptions,
  type LocalityProgress,
  localityFromData,
  type RadiusError,
  type Saturation,
  saturationOf,
} from './locality/index.ts';
export { type AnalysisOptions, type AnalysisProgress, analyseOutliers, describeOutlier } from './outliers/analyse.ts';
export { findOutliers, type Outlier, type OutlierAnalysis, type OutlierOptions } from './outliers/find.ts';
export { type Similar, similarIn } from './outliers/similar.ts';
export type {
  EnergyVolumeSeries,
  ForceSizes,
  Histogram,
  PairDistances,
} from './portrait/distributions.ts';
export { type EnvironmentMap, environmentMap } from './portrait/map.ts';
export {
  type DataPortrait,
  type FlaggedFrame,
  type Influence,
  type PortraitOptions,
  portraitOf,
} from './portrait/portrait.ts';
export type { Coverage, CoverageMap, CoveredGroup } from './sampling/coverage.ts';
export type { Sample } from './sampling/draft.ts';
export { needsPotential, type PartKind, type PartSettings, type PlanPart, type SamplingPlan } from './sampling/plan.ts';
export { parsePlan } from './sampling/read-plan.ts';
export {
  type Refusal,
  runPlan,
  type SamplingResult,
  type SamplingStep,
  type SamplingTools,
} from './sampling/run.ts';
