/** nearsight in Node: files, threads, and whole runs that read and write them. */
export { createEngine, defaultThreads } from './engine.ts';
export { evaluateDatasets } from './evaluate.ts';
export { writeFileAtomically } from './files.ts';
export { readModel, writeModel } from './model.ts';
export { exportN2p2, importN2p2, type N2p2Import } from './n2p2.ts';
export { readOwnChecks } from './own-checks.ts';
export type { FrontDocument, FrontRecord } from './pareto-file.ts';
export { choosePoint, openFront, type ParetoProgress, type ParetoRequest, runPareto } from './pareto-run.ts';
export { type Moment, type SimulationRequest, type SimulationResult, simulate } from './simulate.ts';
export { readDataset, readFrames, writeFrames } from './structures.ts';
export { createSymmetry } from './symmetry.ts';
export { runTraining, type TrainRequest, type TrainRunProgress, type TrainRunResult } from './train-run.ts';
export { checkModel, representatives, stableCrystal } from './trust.ts';
export { PACKAGE_ROOT, VERSION } from './version.ts';
