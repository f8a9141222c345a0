export {
  createFolding,
  type DensityModel,
  defaultEmbedding,
  parameterLayout,
  type Statistics,
} from './density-model.ts';
export {
  type ElementErrors,
  type ErrorReport,
  type ErrorSummary,
  type EvaluateOptions,
  type EvaluateProgress,
  evaluateFrames,
  type FrameErrors,
  NO_GROUP,
  type ParityPairs,
  type Prediction,
  predict,
  stressVolume,
} from './errors.ts';
export { type Json, type JsonObject, jsonObjectOf } from './json.ts';
export { type LoadedPotential, potentialOf, subtractPart } from './load.ts';
export { foldedWeights, foldingOf, isConservative, loadModel, type Model } from './model.ts';
export {
  type Attachment,
  type DatasetOrigin,
  datasetOrigin,
  decodeModel,
  encodeModel,
  type ModelFile,
  type ModelParts,
  type Provenance,
  type Repulsion,
} from './model-file.ts';
export type { Pairs } from './pairs.ts';
export type { Folding, ParameterBlock, ParameterLayout } from './parameters.ts';
export { type Committee, type Evaluation, type Potential, requireGradient } from './potential.ts';
export {
  type ReadSafetensorsOptions,
  readSafetensors,
  type Safetensors,
  type Tensor,
  writeSafetensors,
} from './safetensors.ts';
export { type EnginePotential, kernelSystem, shortRangePotential, speciesOf } from './short-range.ts';
export { type GroupOrder, type SpeciesMap, speciesMap } from './species-map.ts';
export { sumPotentials } from './sum.ts';
export { type SymmetryModel, type SymmetryStatistics, symmetryParameters } from './symmetry-model.ts';
export { DEFAULT_ZBL_REACH, screenedCoulomb, type ZblReach, zblPair, zblPotential } from './zbl.ts';
