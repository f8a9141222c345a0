/** A whole training: data files in, model file out, checkpoints on the way. */
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Dataset, Frame } from '../data/dataset.ts';
import { splitByGroup } from '../data/split.ts';
import { sharedTrajectories } from '../data/trajectories.ts';
import { NearsightError } from '../errors.ts';
import type { Kernel } from '../kernels/kernels.ts';
import { type ErrorReport, evaluateFrames } from '../model/errors.ts';
import { type JsonObject, jsonObjectOf } from '../model/json.ts';
import { potentialOf, subtractPart } from '../model/load.ts';
import { encodeModel, type ModelFile, type Repulsion } from '../model/model-file.ts';
import type { Potential } from '../model/potential.ts';
import { DEFAULT_ZBL_REACH, zblPotential } from '../model/zbl.ts';
import { createRandom } from '../random.ts';
import { decodeCheckpoint, encodeCheckpoint } from '../training/checkpoint-file.ts';
import { completeSettings, type PartialSettings } from '../training/complete.ts';
import { elementsOf, prepareFrames, type TrainingFrame, type UsedLabels } from '../training/prepare.ts';
import { DEFAULT_TRAINING, type TrainingSettings } from '../training/settings.ts';
import {
  type ErrorSummary,
  type TrainingCheckpoint,
  type TrainingInput,
  type TrainingRecord,
  type TrainingResult,
  train,
} from '../training/trainer.ts';
import { createEngine } from './engine.ts';
import { writeFileAtomically } from './files.ts';
import { type InputOptions, readDataset } from './structures.ts';
import { VERSION } from './version.ts';

export interface TrainRequest {
  /** Paths of the training data. */
  readonly data: readonly string[];
  /** What these files do not say of themselves. */
  readonly input?: InputOptions | undefined;
  /** Path of separate validation data; otherwise a part of `data` is held out, groups together. */
  readonly validation?: string | undefined;
  /** Fraction that is held out for validation. */
  readonly holdOut?: number | undefined;
  readonly out: string;
  readonly settings?: PartialSettings | undefined;
  /** Screened nuclear repulsion at distances that no data reach; on unless false. */
  readonly repulsion?: boolean | undefined;
  /** Either a time budget for all of it, s, or a number of epochs. */
  readonly seconds?: number | undefined;
  readonly epochs?: number | undefined;
  readonly threads?: number | undefined;
  /** Seconds between two checkpoints; 5 when absent. */
  readonly checkpointEvery?: number | undefined;
  /** Go on from the checkpoint beside `out`. */
  readonly resume?: boolean | undefined;
}

export interface TrainRunProgress {
  readonly phase: 'reading' | 'planning' | 'training' | 'testing';
  readonly epoch: number;
  readonly epochs: number;
  /** Estimated, s; NaN while unknown. */
  readonly secondsLeft: number;
  /** Root-mean-square errors: eV/atom, eV/Å, eV/Å³. */
  readonly train: ErrorSummary | null;
  readonly validation: ErrorSummary | null;
  /** Something to tell the user once. */
  readonly note?: string;
}

export interface TrainRunResult {
  readonly model: ModelFile;
  readonly path: string;
  readonly epochs: number;
  readonly seconds: number;
  readonly train: ErrorReport;
  readonly validation: ErrorReport | null;
  readonly history: readonly TrainingRecord[];
  readonly split: string;
}

/** Share of a time budget that the epochs are planned for; the rest is for the final errors and for surprises. */
const PLANNED_SHARE = 0.88;
/** Seconds between two checkpoints. */
const CHECKPOINT_INTERVAL = 5;
const DEFAULT_SECONDS = 60;
/**
 * A time budget is not spent on more steps than this: on small data sets, more of them only fit the noise (mlearn Si:
 * forces stay, energies of surfaces get worse). An explicit number of epochs knows no such limit.
 */
const MOST_STEPS = 14_000;
const DEFAULT_HOLD_OUT = 0.1;

/** Where the checkpoint of a training stands while it runs. */
export const checkpointPath = (out: string): string => `${out}.checkpoint`;

interface Parts {
  readonly train: readonly Frame[];
  readonly validation: readonly Frame[];
  readonly description: string;
  readonly datasets: readonly Dataset[];
}

/** Reads the files and sets the validation frames apart. */
async function readParts(request: TrainRequest, seed: number): Promise<Parts> {
  const datasets = await Promise.all(request.data.map((path) => readDataset(path, request.input)));
  const frames = datasets.flatMap((d) => d.frames);
  if (request.validation !== undefined) {
    const validation = await readDataset(request.validation, request.input);
    const description = `validated on ${validation.frames.length} frames of ${basename(request.validation)}`;
    return { train: frames, validation: validation.frames, description, datasets: [...datasets, validation] };
  }
  const fraction = request.holdOut ?? DEFAULT_HOLD_OUT;
  if (fraction === 0) return { train: frames, validation: [], description: 'nothing held out', datasets };
  // Blocks of every group: a firewall would leave whole kinds of structures out, and models get worse (mlearn Si, two
  // seeds: forces 58 instead of 56 meV/Å). What blocks cost in independence is told.
  const split = splitByGroup({ frames }, fraction, createRandom(seed));
  const [train, validation] = [split.train, split.heldOut].map((part) => Array.from(part, (k) => frames[k]));
  const description = `${split.description}${sharedSentence(train, validation)}`;
  return { train, validation, description, datasets };
}

function sharedSentence(train: readonly Frame[], validation: readonly Frame[]): string {
  const shared = sharedTrajectories(train, validation);
  if (shared === 0) return '';
  return ` ${shared} of these ${validation.length} frames share a trajectory with training frames: no independent test.`;
}

/** Seconds per epoch here and now, from a short trial whose outcome is thrown away. */
async function timeEpoch(input: TrainingInput): Promise<number> {
  const trial = train({ ...input, validation: [], settings: { ...input.settings, epochs: 1000 } });
  const began = performance.now();
  let before = began;
  let seconds = Number.POSITIVE_INFINITY;
  // The first epochs compile and start threads: at least three, and half a second, are looked at.
  for (let epoch = 0; epoch < 3 || before - began < 500; epoch++) {
    if ((await trial.next()).done === true) break;
    const now = performance.now();
    if (epoch > 0) seconds = Math.min(seconds, (now - before) / 1000);
    before = now;
    if (epoch > 0 && now - began > 10_000) break;
  }
  await trial.return(undefined as never);
  return seconds;
}

/** The plan of a run as text: a checkpoint belongs to one plan. */
function planText(settings: Omit<TrainingSettings, 'epochs'>, parts: Parts, repulsion: Repulsion | null): string {
  const data = parts.datasets.map(({ sha256, frames }) => ({ sha256, frames: frames.length }));
  const validation = parts.validation.map((f) => f.index);
  return JSON.stringify({ settings, data, validation, repulsion, version: VERSION });
}

/** Trains as requested; yields progress, ends with the model file written. */
export async function* runTraining(
  request: TrainRequest,
  hooks: { readonly signal?: AbortSignal } = {},
): AsyncGenerator<TrainRunProgress, TrainRunResult> {
  const began = performance.now();
  const elapsed = (): number => (performance.now() - began) / 1000;
  const nothing = { epoch: 0, epochs: 0, secondsLeft: Number.NaN, train: null, validation: null };
  yield { phase: 'reading', ...nothing };
  const seed = request.settings?.seed ?? DEFAULT_TRAINING.seed;
  const parts = await readParts(request, seed);
  for (const { source, skipped = 0 } of parts.datasets) {
    if (skipped > 0) yield { phase: 'reading', ...nothing, note: `${source}: skipped ${skipped} unconverged frames` };
  }
  const base = completeSettings({ ...request.settings, seed }, parts.train);
  const elements = elementsOf([...parts.train, ...parts.validation]);
  const use: UsedLabels = { energy: base.loss.energy > 0, forces: base.loss.forces > 0, stress: base.loss.stress > 0 };
  if (!use.energy && !use.forces && !use.stress) {
    throw new NearsightError(
      'no-labels',
      `the ${parts.train.length} frames have no energies, forces or stresses to learn`,
      {
        hint: 'labels are read from energy, forces and stress and their usual sisters: see nearsight data inspect',
        place: { path: request.data[0] },
      },
    );
  }
  const source = request.data.join(', ');
  const repulsion: Repulsion | null = request.repulsion === false ? null : { kind: 'zbl', ...DEFAULT_ZBL_REACH };
  // The learned part learns what the repulsion leaves.
  const prepare = (frames: readonly Frame[], from: string): TrainingFrame[] => {
    const checked = prepareFrames(frames, elements, base.model.cutoff, { source: from, use });
    if (repulsion === null) return checked;
    const rest = subtractPart(frames, zblPotential(elements, repulsion));
    return prepareFrames(rest, elements, base.model.cutoff, { source: from, use });
  };
  const frames = {
    train: prepare(parts.train, source),
    validation: prepare(parts.validation, request.validation ?? source),
  };
  const kernel = await createEngine(request.threads);
  const plan = planText(base, parts, repulsion);
  const input = (epochs: number, checkpoint?: TrainingCheckpoint): TrainingInput => ({
    kernel,
    elements,
    ...frames,
    settings: { ...base, epochs },
    checkpoint,
    signal: hooks.signal,
  });
  const checkpoint = await findCheckpoint(request, plan);
  let epochs = checkpoint?.epochs ?? request.epochs;
  if (epochs === undefined) {
    yield { phase: 'planning', ...nothing, note: parts.description };
    const perEpoch = await timeEpoch(input(1));
    const budget = (request.seconds ?? DEFAULT_SECONDS) * PLANNED_SHARE - elapsed();
    const enough = Math.ceil(MOST_STEPS / Math.max(1, Math.round(frames.train.length / base.batch)));
    epochs = Math.max(1, Math.min(enough, Math.floor(budget / perEpoch)));
  }
  if (checkpoint !== undefined)
    yield { phase: 'planning', ...nothing, note: `resuming after epoch ${checkpoint.epoch} of ${epochs}` };

  const result = yield* trainWithCheckpoints(request, input(epochs, checkpoint), plan);
  yield { phase: 'testing', ...nothing, epoch: epochs, epochs };
  const finished = await finish({ request, parts, result, settings: { ...base, epochs }, repulsion, kernel });
  return {
    ...finished,
    path: request.out,
    epochs,
    seconds: elapsed(),
    history: result.history,
    split: parts.description,
  };
}

/** The checkpoint to go on from; one that is there unasked is an error, since it would be lost. */
async function findCheckpoint(request: TrainRequest, plan: string): Promise<TrainingCheckpoint | undefined> {
  const path = checkpointPath(request.out);
  if (!existsSync(path)) {
    // Killed before the first checkpoint: from the start is the same as from where it was.
    return undefined;
  }
  if (request.resume !== true) {
    throw new NearsightError('unfinished-training', `${path} is the checkpoint of a training that did not end`, {
      hint: 'add --resume to finish it, or remove the file to start anew',
    });
  }
  const checkpoint = decodeCheckpoint(await readFile(path), path, plan);
  if (request.epochs !== undefined && request.epochs !== checkpoint.epochs) {
    throw new NearsightError(
      'other-epochs',
      `the checkpoint is of a training over ${checkpoint.epochs} epochs, not ${request.epochs}`,
      {
        hint: `resume with --epochs ${checkpoint.epochs}, or without --epochs`,
        place: { path },
      },
    );
  }
  return checkpoint;
}

/** Runs the trainer, saving a checkpoint now and then and when it is told to stop. */
async function* trainWithCheckpoints(
  request: TrainRequest,
  input: TrainingInput,
  plan: string,
): AsyncGenerator<TrainRunProgress, TrainingResult> {
  // Not told of the signal: it would stop before the epoch that is to be saved.
  const run = train({ ...input, signal: undefined });
  const path = checkpointPath(request.out);
  const interval = 1000 * (request.checkpointEvery ?? CHECKPOINT_INTERVAL);
  const began = performance.now();
  let saved = began;
  let validation: ErrorSummary | null = null;
  const start = input.checkpoint?.epoch ?? 0;
  try {
    for (;;) {
      const next = await run.next();
      if (next.done === true) return next.value;
      const { epoch, epochs } = next.value;
      validation = next.value.validation ?? validation;
      const now = performance.now();
      const stopping = input.signal?.aborted === true;
      if (stopping || (now - saved > interval && epoch < epochs)) {
        await writeFileAtomically(path, encodeCheckpoint(next.value.checkpoint(), plan));
        saved = now;
      }
      const secondsLeft = ((now - began) / 1000 / (epoch - start)) * (epochs - epoch);
      yield { phase: 'training', epoch, epochs, secondsLeft, train: next.value.train, validation };
      if (stopping) input.signal?.throwIfAborted();
      // Timers and signals get their turn.
      await new Promise<void>((resolve) => setImmediate(() => resolve()));
    }
  } finally {
    // Whoever leaves early leaves no engine behind.
    await run.return(undefined as never);
  }
}

interface Finish {
  readonly request: TrainRequest;
  readonly parts: Parts;
  readonly result: TrainingResult;
  readonly settings: TrainingSettings;
  readonly repulsion: Repulsion | null;
  readonly kernel: Kernel;
}

async function errorsOf(potential: Potential, frames: readonly Frame[]): Promise<ErrorReport | null> {
  if (frames.length === 0) return null;
  const run = evaluateFrames(potential, frames);
  for (;;) {
    const next = await run.next();
    if (next.done === true) return next.value;
  }
}

/** Final errors of all parts together, model file on disk, checkpoint gone. */
async function finish(work: Finish): Promise<Pick<TrainRunResult, 'model' | 'train' | 'validation'>> {
  const { request, parts, result, settings, repulsion, kernel } = work;
  const draft: ModelFile = {
    model: result.model,
    parts: { repulsion },
    settings: jsonObjectOf({ training: settings, best_epoch: result.epoch, history: result.history.map(historyRow) }),
    provenance: {
      nearsightVersion: VERSION,
      dataset: parts.datasets.map(({ source, sha256, frames }) => ({
        source: basename(source),
        sha256,
        frames: frames.length,
      })),
      split: { description: parts.description, train: parts.train.length, validation: parts.validation.length },
      seed: settings.seed,
      epochs: settings.epochs,
      errors: { train: null, validation: null },
    },
    calibration: null,
    validation: null,
  };
  const potential = potentialOf(draft, kernel);
  try {
    const train = (await errorsOf(potential, parts.train))!;
    const validation = await errorsOf(potential, parts.validation);
    const errors = { train: train.overall, validation: validation?.overall ?? null };
    const model: ModelFile = { ...draft, provenance: { ...draft.provenance, errors } };
    await writeFileAtomically(request.out, encodeModel(model));
    await rm(checkpointPath(request.out), { force: true });
    return { model, train, validation };
  } finally {
    potential.close();
  }
}

/** A row of the learning curve as it stands in the model file; NaN (nothing labelled) becomes null. */
function historyRow({ epoch, rate, loss, train, validation }: TrainingRecord): JsonObject {
  const errors = (e: ErrorSummary): JsonObject => ({
    energy_rmse_eV_per_atom: Number.isFinite(e.energy) ? e.energy : null,
    force_rmse_eV_per_A: Number.isFinite(e.forces) ? e.forces : null,
    stress_rmse_eV_per_A3: Number.isFinite(e.stress) ? e.stress : null,
  });
  return { epoch, rate, loss, train: errors(train), validation: validation === null ? null : errors(validation) };
}
