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
export {
  createFolding,
  defaultEmbedding,
  type Folding,
  foldedWeights,
  type Model,
  type ParameterBlock,
  type ParameterLayout,
  parameterLayout,
  type Statistics,
} from './model.ts';
export {
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
export type { Evaluation, Potential } from './potential.ts';
export {
  type ReadSafetensorsOptions,
  readSafetensors,
  type Safetensors,
  type Tensor,
  writeSafetensors,
} from './safetensors.ts';
export { type EnginePotential, kernelSystem, shortRangePotential, speciesOf } from './short-range.ts';
export { sumPotentials } from './sum.ts';
export { DEFAULT_ZBL_REACH, screenedCoulomb, type ZblReach, zblPair, zblPotential } from './zbl.ts';
