/**
 * nearsight, the library: the same in Node and in the browser. Units: Å, eV, eV/Å, eV/Å³ (positive in tension), fs, K,
 * u. Files, threads and outside programs are in `nearsight/node`.
 */
export {
  type AnalysisOptions,
  type AnalysisProgress,
  type Applied,
  analyseOutliers,
  type Coverage,
  createLinearModel,
  createRowStore,
  describeOutlier,
  type Finding,
  type FirewallSplit,
  type FixedDataset,
  findLeakage,
  findOutliers,
  firewallSplit,
  fixDataset,
  type Inspection,
  inspectDataset,
  type Leakage,
  type LeakedFrame,
  type Outlier,
  type OutlierAnalysis,
  openLinearModel,
  parsePlan,
  portraitOf,
  runPlan,
  type Sample,
  type SamplingPlan,
  type SamplingResult,
  similarIn,
  usualWeights,
  type Verdict,
  type Verdicts,
} from './curation/index.ts';
export {
  allFormats,
  type Dataset,
  type Format,
  type FormatOptions,
  type Frame,
  type InputFile,
  type Labels,
  naiveSplit,
  type OutputFile,
  parseExtxyz,
  readExtxyz,
  type Split,
  selectFrames,
  splitApart,
  splitByGroup,
  trajectoriesOf,
  type WritableFrame,
  writeExtxyz,
} from './data/index.ts';
export { atomicNumberOf, massOf, symbolOf } from './elements.ts';
export { formatError, formatPlace, NearsightError, type Place } from './errors.ts';
export type { Kernel, ModelShape } from './kernels/kernels.ts';
export type { NearestQuery, NearestResult, NearestSearch } from './kernels/nearest.ts';
export { createReferenceKernel } from './kernels/reference/kernel.ts';
export { createSimdKernel } from './kernels/simd/kernel.ts';
export {
  conservedDrift,
  finish,
  type Integrator,
  langevin,
  type MdCheckpoint,
  type MdSample,
  type MdState,
  maxwellBoltzmann,
  mdCheckpoint,
  type RelaxResult,
  relax,
  resumeMd,
  runMd,
  startMd,
  velocityVerlet,
} from './md/index.ts';
export {
  decodeModel,
  type ErrorReport,
  type Evaluation,
  encodeModel,
  evaluateFrames,
  type LoadedPotential,
  type Model,
  type ModelFile,
  type Potential,
  potentialOf,
  predict,
  sumPotentials,
  zblPotential,
} from './model/index.ts';
export {
  type N2p2Files,
  type N2p2Potential,
  type N2p2Units,
  n2p2Elements,
  readN2p2,
  weightsName,
  writeN2p2,
} from './model/n2p2/index.ts';
export {
  type ElasticConstants,
  type EquationOfState,
  elasticConstants,
  equationOfState,
  fitBirchMurnaghan,
  stressStrain,
  vacancyEnergy,
} from './properties/index.ts';
export { createRandom, type Random } from './random.ts';
export {
  type FigureAxis,
  type FigureOptions,
  type FigureSeries,
  figure,
  type Grade,
  gradeOf,
  methodsDraft,
  parseReportData,
  type ReportData,
  renderCoverage,
  renderDataReport,
  renderReport,
} from './report/index.ts';
export {
  buildNeighbourList,
  type CrystalSymmetry,
  cellVolume,
  checkStructure,
  copyStructure,
  createStructure,
  crystal,
  isStale,
  loadSymmetry,
  type Miller,
  massesOf,
  type NeighbourList,
  permuted,
  randomAlloy,
  rattled,
  rotated,
  rotationMatrix,
  type Structure,
  type SymmetryFinder,
  sitePositions,
  slab,
  strained,
  supercell,
  terminationsOf,
  translated,
  uniqueStrains,
  vacancy,
  voidsOf,
} from './structure/index.ts';
export {
  biasEstimator,
  createProblem,
  type Estimate,
  estimateVariances,
  type FidelityAnalysis,
  type FidelityFit,
  type FidelityProblem,
  fitAlone,
  fitFidelities,
  fitTogether,
  independentNoise,
  type LevelFrames,
  levelEstimator,
  liftFrames,
  liftLabels,
  residualsOf,
  restrictProblem,
  shiftedResiduals,
} from './training/fidelity/index.ts';
export { type Front, type FrontPoint, frontOf, type NamedNeed, type Need } from './training/front.ts';
export { type Growth, grown } from './training/grow.ts';
export { fitLinear, type LinearPrediction, predictLinear } from './training/linear/linear-fit.ts';
export { chooseByNeed, hypervolume, kneeOf, nonDominated } from './training/pareto.ts';
export { elementsOf, prepareFrames, type TrainingFrame } from './training/prepare.ts';
export { DEFAULT_TRAINING, MOLECULE_MODEL, SOLID_MODEL, type TrainingSettings } from './training/settings.ts';
export { type TrainingInput, type TrainingProgress, type TrainingResult, train } from './training/trainer.ts';
export { partNames, type ReferenceShift, referenceShift, trainableParts, withShift } from './training/transfer.ts';
export { type Stop, type SweepInput, type SweepProgress, sweepWeights, weightPath } from './training/weight-sweep.ts';
export {
  type Calibration,
  evaluateCommittee,
  fitNoise,
  type GroupNoise,
  type LabelNoise,
  meanAndSpread,
  type Noise,
  type NoiseRecord,
  openNoise,
  type QuantityNoise,
  type Spread,
} from './uncertainty/index.ts';
export { EV_PER_U, GPA, KB } from './units.ts';
export {
  allChecks,
  type Check,
  type CheckContext,
  type CheckCurve,
  type CheckGroup,
  type CheckResult,
  type Finding as CheckFinding,
  type Precision,
  runChecks,
  type Skipped,
} from './validation/index.ts';
