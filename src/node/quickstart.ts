/** The whole way from labelled frames to a trusted potential, on the silicon data that come with nearsight. */
import { mkdir, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { findLeakage, type Leakage } from '../curation/index.ts';
import { NearsightError } from '../errors.ts';
import type { Kernel } from '../kernels/kernels.ts';
import {
  type ErrorReport,
  type EvaluateProgress,
  encodeModel,
  type LoadedPotential,
  type ModelFile,
  potentialOf,
} from '../model/index.ts';
import {
  type DomainReport,
  type ReportData,
  renderDataReport,
  renderReport,
  type SpeedSummary,
  type UncertaintyReport,
} from '../report/index.ts';
import { type Structure, supercell } from '../structure/index.ts';
import { openDomain } from '../uncertainty/index.ts';
import type { CheckResult } from '../validation/index.ts';
import { type DataStudy, studyData } from './data-report.ts';
import { createEngine } from './engine.ts';
import { evaluateDatasets } from './evaluate.ts';
import { writeFileAtomically } from './files.ts';
import { completed, type Material, reportOf, type Trust } from './quickstart-report.ts';
import {
  filesIn,
  type QuickstartFiles,
  type QuickstartSplit,
  splitThree,
  unrelatedFrames,
} from './quickstart-split.ts';
import { localityReport } from './report-locality.ts';
import { measureSpeed } from './report-parts.ts';
import { domainOf, uncertaintyOf } from './report-trust.ts';
import { type SiliconProperties, type SiliconReference, siliconProperties } from './silicon.ts';
import { type SimulationResult, type SimulationStep, simulate } from './simulate.ts';
import { readDataset, writeFrames } from './structures.ts';
import { checkpointPath, runTraining, type TrainRunProgress, type TrainRunResult } from './train-run.ts';
import { checkModel, heatOf, knownMinimum, representatives } from './trust.ts';
import { PACKAGE_ROOT, VERSION } from './version.ts';

export interface QuickstartRequest {
  /** Folder for everything that is written. */
  readonly out: string;
  /** Time for the training, s. */
  readonly seconds: number;
  readonly seed: number;
  readonly threads: number;
  /** Day of the report. */
  readonly date: string;
  readonly signal?: AbortSignal | undefined;
}

/** What is told on the way: progress, or the outcome of a stage. */
export type QuickstartStep =
  | { readonly kind: 'progress'; readonly stage: string; readonly done: number; readonly total: number }
  | { readonly kind: 'training-progress'; readonly progress: TrainRunProgress }
  | {
      readonly kind: 'data';
      readonly study: DataStudy;
      readonly split: QuickstartSplit;
      readonly leakage: Leakage;
    }
  | { readonly kind: 'training'; readonly result: TrainRunResult }
  /** `leakFree`: on the test frames that are no relatives of training frames; null where that is all of them or none. */
  | { readonly kind: 'errors'; readonly test: ErrorReport; readonly leakFree: ErrorReport | null }
  /** Null where the model says nothing of its errors, or does not know its domain. */
  | { readonly kind: 'trust'; readonly uncertainty: UncertaintyReport | null; readonly domain: DomainReport | null }
  | { readonly kind: 'checks'; readonly checks: readonly CheckResult[] }
  | { readonly kind: 'properties'; readonly properties: SiliconProperties }
  | { readonly kind: 'dynamics'; readonly run: SimulationResult; readonly speed: SpeedSummary }
  | { readonly kind: 'skipped'; readonly stage: string; readonly reason: NearsightError };

export interface QuickstartResult {
  readonly files: QuickstartFiles;
  readonly test: ErrorReport;
  readonly leakFree: ErrorReport | null;
  readonly checks: readonly CheckResult[];
  readonly report: ReportData;
  readonly seconds: number;
}

/** K and fs; a quickstart in a hurry makes do with less. */
const DYNAMICS = { temperature: 300, equilibration: 1500, time: 5000 } as const;
const SHORT_DYNAMICS = { temperature: 300, equilibration: 300, time: 1000 } as const;
const HURRY = 20;
/** Conventional cells of 8 atoms along each axis. */
const DYNAMICS_CELLS = [4, 4, 4];
/** What the README of the data says of them. */
const DFT = { seconds: 8.7, atoms: 8, words: 'Quantum ESPRESSO pw.x 6.7, 8 atoms, 8.7 s on one core' } as const;

/**
 * Inspects, splits, trains, measures errors, checks, computes properties, runs dynamics, and writes model and report.
 * A stage after the training that the potential does not bear is told as skipped and left out of the report.
 * @throws NearsightError what the stages before throw; the signal's reason when it fires
 */
export async function* quickstart(request: QuickstartRequest): AsyncGenerator<QuickstartStep, QuickstartResult> {
  const began = performance.now();
  const { out, seed, threads, signal } = request;
  const files = filesIn(out);
  await mkdir(out, { recursive: true });
  const dataset = await readDataset(fileURLToPath(new URL('data/si8-pbe/si8-pbe.extxyz', PACKAGE_ROOT)));
  const kernel = await createEngine(1);
  const study = yield* followed('influence of labels', studyData(dataset, kernel, { signal }), (step) => step);
  const page = { name: 'si8-pbe', date: request.date, generator: `nearsight ${VERSION}` };
  await writeFileAtomically(files.dataReport, renderDataReport(study.portrait, page));
  const { inspection } = study;
  const split = splitThree(dataset, seed);
  for (const part of ['train', 'validation', 'test'] as const) await writeFrames(files[part], split[part].frames);
  const search = findLeakage(split.train, split.test, { kernel, signal });
  const leakage = yield* followed('leakage', search, (step) => step);
  yield { kind: 'data', study, split, leakage };

  const training = yield* trained(request, files);
  yield { kind: 'training', result: training };

  const potential = potentialOf(training.model, await createEngine(threads));
  try {
    const test = yield* followed('test errors', evaluateDatasets(potential, [split.test], signal), framesDone);
    const train = yield* followed('training errors', evaluateDatasets(potential, [split.train], signal), framesDone);
    const unrelated = unrelatedFrames(split.test, leakage);
    const leakFree =
      unrelated === null
        ? null
        : yield* followed('leak-free errors', evaluateDatasets(potential, [unrelated], signal), framesDone);
    yield { kind: 'errors', test, leakFree };
    const trust = await trustOf({ file: training.model, potential, kernel }, split, signal);
    yield { kind: 'trust', ...trust };
    const structures = representatives(split.test.frames);
    const minimum = knownMinimum(split.train.frames);
    // Locality is learned from labels by models of its own: whatever the potential was trained on, all frames tell.
    const knowledge = { labelled: dataset.frames, kernel, ...(minimum && { minimum }) };
    const questions = checkModel(potential, structures, { seed, signal, ...knowledge, ...heatOf(split.train.frames) });
    const checks = yield* followed('checks', questions, (step) => step);
    yield { kind: 'checks', checks };
    const locality = await localityReport(potential, minimum, checks);
    const heldOut = new Set(split.test.frames);
    const material = yield* materialOf({ potential, file: training.model }, { dataset, heldOut }, request);
    const model = completed(training.model, { split, test, checks });
    const bytes = encodeModel(model);
    await writeFileAtomically(files.model, bytes);
    const report = reportOf({
      request,
      temperature: DYNAMICS.temperature,
      files,
      dataset,
      inspection,
      split,
      model,
      train,
      test,
      leakFree,
      leakage,
      trust,
      locality,
      checks,
      material,
      bytes,
    });
    await writeFileAtomically(files.report, renderReport(report));
    return { files, test, leakFree, checks, report, seconds: (performance.now() - began) / 1000 };
  } finally {
    potential.close();
  }
}

/** How uncertain the model says it is beside its errors on the test frames, and whether these are in its domain. */
async function trustOf(
  {
    file,
    potential,
    kernel,
  }: { readonly file: ModelFile; readonly potential: LoadedPotential; readonly kernel: Kernel },
  { train, test }: QuickstartSplit,
  signal: AbortSignal | undefined,
): Promise<Trust> {
  const domain = openDomain(file.domain, potential);
  return {
    uncertainty: await uncertaintyOf(file, potential, test.frames, signal),
    domain: domain === null ? null : domainOf(domain, [test], { frames: train.frames, kernel }),
  };
}

async function* trained(
  { seconds, seed, threads, signal }: QuickstartRequest,
  files: QuickstartFiles,
): AsyncGenerator<QuickstartStep, TrainRunResult> {
  // What an interrupted quickstart left is not worth resuming.
  await rm(checkpointPath(files.model), { force: true });
  // A hundred frames of one element: wider heads than the default still pay, and the clock is no concern here.
  const settings = { seed, model: { hidden: [16, 16] as const } };
  const run = runTraining(
    { data: [files.train], validation: files.validation, out: files.model, seconds, threads, settings },
    { ...(signal && { signal }) },
  );
  let next = await run.next();
  for (; !next.done; next = await run.next()) yield { kind: 'training-progress', progress: next.value };
  return next.value;
}

/** How far a step of some work is. */
type Measure<Step> = (step: Step) => { readonly done: number; readonly total: number };

/** The result of `work`; its steps become progress. */
async function* followed<Step, Result>(
  stage: string,
  work: AsyncGenerator<Step, Result>,
  measure: Measure<Step>,
): AsyncGenerator<QuickstartStep, Result> {
  let next = await work.next();
  for (; !next.done; next = await work.next()) yield { kind: 'progress', stage, ...measure(next.value) };
  return next.value;
}

const framesDone: Measure<EvaluateProgress> = ({ done, of }) => ({ done, total: of });
const simulated: Measure<SimulationStep> = ({ sample, steps }) => ({ done: sample.step, total: steps });

async function* materialOf(
  { potential, file }: { readonly potential: LoadedPotential; readonly file: ModelFile },
  reference: SiliconReference,
  { seed, seconds, signal }: QuickstartRequest,
): AsyncGenerator<QuickstartStep, Material> {
  let properties: SiliconProperties | undefined;
  let stage = 'properties';
  try {
    properties = yield* followed(stage, siliconProperties(potential, reference, signal), (step) => step);
    yield { kind: 'properties', properties };
    stage = 'dynamics';
    const structure = supercell(properties.relaxed, DYNAMICS_CELLS);
    const length = seconds < HURRY ? SHORT_DYNAMICS : DYNAMICS;
    const request = { structure, potential, ...length, seed, signal, every: 10 };
    const run = yield* followed(stage, simulate({ ...request, ensemble: 'nve' }), simulated);
    signal?.throwIfAborted();
    const speed = await speedOnOneCore(file, structure);
    yield { kind: 'dynamics', run, speed };
    return { properties, run, speed };
  } catch (error) {
    if (!(error instanceof NearsightError)) throw error;
    yield { kind: 'skipped', stage, reason: error };
    return { ...(properties && { properties }) };
  }
}

/** Against the DFT, which ran on one core, too. */
async function speedOnOneCore(file: ModelFile, structure: Structure): Promise<SpeedSummary> {
  const potential = potentialOf(file, await createEngine(1));
  try {
    const speed = measureSpeed(potential, structure, 1);
    const perAtom = (1e6 * DFT.seconds) / DFT.atoms;
    return { ...speed, timesFasterThanDft: perAtom / speed.microsecondsPerAtom, dft: DFT.words };
  } finally {
    potential.close();
  }
}
