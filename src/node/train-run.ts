/** A whole training: data files in, model file out, checkpoints on the way. */
import type { Frame } from '../data/dataset.ts';
import { NearsightError } from '../errors.ts';
import type { Kernel } from '../kernels/kernels.ts';
import type { ErrorReport } from '../model/errors.ts';
import { subtractPart } from '../model/load.ts';
import type { Model } from '../model/model.ts';
import type { ModelFile, Repulsion } from '../model/model-file.ts';
import { DEFAULT_ZBL_REACH, zblPotential } from '../model/zbl.ts';
import { completeSettings, type PartialSettings } from '../training/complete.ts';
import { type Level, levelOf, pretraining, targetTraining } from '../training/levels.ts';
import type { ErrorSummary } from '../training/loss-terms.ts';
import { notesOn } from '../training/notes.ts';
import { elementsOf, prepareFrames, type TrainingFrame, type UsedLabels } from '../training/prepare.ts';
import { DEFAULT_TRAINING, type ModelSettings, SYMMETRY_RATE, type TrainingSettings } from '../training/settings.ts';
import {
  replayedPerEpoch,
  type TrainingCheckpoint,
  type TrainingInput,
  type TrainingRecord,
} from '../training/trainer.ts';
import { modelSettingsOf, TUNING_RATE } from '../training/transfer.ts';
import { createEngine } from './engine.ts';
import type { InputOptions } from './structures.ts';
import { checkEpochs, findCheckpoint, timeEpoch, trainWithCheckpoints } from './train-checkpoints.ts';
import { readTrainingData, type TrainingData } from './train-data.ts';
import { finishTraining } from './train-finish.ts';
import { DEFAULT_REPLAY, openStart, type SettledStart, type Start, settleEnergies } from './train-start.ts';
import { VERSION } from './version.ts';

export { checkpointPath } from './train-checkpoints.ts';

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
  /** Either a time budget for all of it, s, or a number of epochs; with several levels of theory, those of the first stage. */
  readonly seconds?: number | undefined;
  readonly epochs?: number | undefined;
  readonly threads?: number | undefined;
  /** Seconds between two checkpoints; 5 when absent. */
  readonly checkpointEvery?: number | undefined;
  /** Go on from the checkpoint beside `out`. */
  readonly resume?: boolean | undefined;
  /** Path of a model to start from. Its elements, sizes, statistics and repulsion are kept; the learning rate is lower. */
  readonly from?: string | undefined;
  /** Parts of that model that keep their values: `partNames`. */
  readonly freeze?: readonly string[] | undefined;
  /** Its reference energies: kept, fitted anew, or fitted anew where the labels clearly have another zero (default). */
  readonly referenceEnergies?: 'auto' | 'keep' | 'refit' | undefined;
  /** Old data that are mixed in against forgetting: paths, and their share of every epoch (0.5). */
  readonly replay?: { readonly data: readonly string[]; readonly share?: number | undefined } | undefined;
  /** Symbols of elements that the model is to learn; all that the others depend on stays. */
  readonly grow?: { readonly elements: readonly string[]; readonly adapter?: number | undefined } | undefined;
  /**
   * The level of theory that the model shall speak. Frames of other levels help: they share all but the heads.
   * Frames say their level (`level=` or `fidelity=`), or it is given by file.
   */
  readonly levels?:
    | { readonly target: string; readonly files?: Readonly<Record<string, string>> | undefined }
    | undefined;
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
  /** Errors on the old data that were mixed in, before and after; null without a replay. */
  readonly replay: { readonly before: ErrorReport; readonly after: ErrorReport } | null;
}

/** Share of a time budget that the epochs are planned for; the rest is for the final errors and for surprises. */
const PLANNED_SHARE = 0.88;
const DEFAULT_SECONDS = 60;
/**
 * A time budget is not spent on more steps than this: on small data sets, more of them only fit the noise (mlearn Si:
 * forces stay, energies of surfaces get worse). An explicit number of epochs knows no such limit.
 */
const MOST_STEPS = 14_000;
/** Of a training that starts from a model. */
const MOST_TUNING_STEPS = 3000;
/** Share of a time budget for the first of two stages, where there are several levels of theory. */
const FIRST_STAGE = 0.6;

/** All that is settled before the first epoch. */
export interface Work {
  readonly request: TrainRequest;
  readonly data: TrainingData;
  readonly start: Start | null;
  readonly settled: SettledStart | null;
  readonly repulsion: Repulsion | null;
  readonly kernel: Kernel;
  readonly settings: Omit<TrainingSettings, 'epochs'>;
  /** What the trainer gets, with one epoch; of the target where there are several levels. */
  readonly input: TrainingInput;
  /** The other levels of theory. */
  readonly others: readonly Level[];
  /** The plan of the run as text: a checkpoint belongs to one plan. */
  readonly plan: string;
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
  const work = await prepareWork(request, hooks.signal);
  for (const note of notesOf(work)) yield { phase: 'reading', ...nothing, note };

  const checkpoint = await findCheckpoint(request, work.plan);
  const resumed = checkpoint === undefined ? null : stageOf(work, checkpoint);
  // Of the second of two stages nobody chose the epochs.
  if (checkpoint !== undefined && !(work.others.length > 0 && resumed === 'target')) checkEpochs(request, checkpoint);
  if (checkpoint === undefined && request.epochs === undefined) {
    yield { phase: 'planning', ...nothing, note: work.data.description };
  }
  if (checkpoint !== undefined) {
    yield { phase: 'planning', ...nothing, note: `resuming after epoch ${checkpoint.epoch} of ${checkpoint.epochs}` };
  }
  let trunk: Model | null = null;
  let first = 0;
  if (work.others.length > 0 && resumed !== 'target') {
    const stage = pretraining(work.input, work.others);
    const left = (request.seconds ?? DEFAULT_SECONDS) * FIRST_STAGE;
    first =
      checkpoint?.epochs ??
      request.epochs ??
      (await plannedEpochs(stage, left * PLANNED_SHARE - elapsed(), MOST_STEPS));
    const names = work.data.others.map(({ name }) => name).join(', ');
    yield { phase: 'planning', ...nothing, note: `first ${first} epochs of ${names}, then ${work.data.level} with it` };
    const input = { ...stage, settings: { ...stage.settings, epochs: first }, checkpoint };
    trunk = (yield* trainWithCheckpoints(request, input, work.plan)).model;
  }
  const stage = work.others.length === 0 ? work.input : targetTraining(work.input, work.others, trunk);
  const inTarget = resumed === 'target' ? checkpoint : undefined;
  const epochs = inTarget?.epochs ?? (await epochsOfTarget(work, stage, first, elapsed));
  const input = { ...stage, settings: { ...stage.settings, epochs }, checkpoint: inTarget };
  const result = yield* trainWithCheckpoints(request, input, work.plan);
  yield { phase: 'testing', ...nothing, epoch: epochs, epochs };
  const finished = await finishTraining(work, result, epochs);
  return {
    ...finished,
    path: request.out,
    epochs,
    seconds: elapsed(),
    history: result.history,
    split: work.data.description,
  };
}

/** Which of two stages a checkpoint is of; the heads of a level tell. */
function stageOf({ input, others }: Work, { model }: TrainingCheckpoint): 'others' | 'target' {
  return model.shape.heads === input.settings.model.heads * (others.length + 1) ? 'target' : 'others';
}

/** As many epochs as fit into some seconds, and no more than `steps` steps. */
async function plannedEpochs(input: TrainingInput, seconds: number, steps: number): Promise<number> {
  const perEpoch = await timeEpoch(input);
  const enough = Math.ceil(steps / stepsPerEpoch(input));
  return Math.max(1, Math.min(enough, Math.floor(seconds / perEpoch)));
}

const stepsPerEpoch = (input: TrainingInput): number =>
  Math.max(1, Math.round((input.train.length + replayedPerEpoch(input)) / input.settings.batch));

/** Epochs of the target: by time; or, after a first stage, by its steps, so that a resumed run plans the same. */
async function epochsOfTarget(work: Work, stage: TrainingInput, first: number, elapsed: () => number): Promise<number> {
  if (work.others.length > 0) {
    const before = first * stepsPerEpoch(pretraining(work.input, work.others));
    const steps = Math.min(MOST_TUNING_STEPS, before * (1 / FIRST_STAGE - 1));
    return Math.max(1, Math.round(steps / stepsPerEpoch(stage)));
  }
  if (work.request.epochs !== undefined) return work.request.epochs;
  const most = work.start === null ? MOST_STEPS : MOST_TUNING_STEPS;
  const budget = (work.request.seconds ?? DEFAULT_SECONDS) * PLANNED_SHARE - elapsed();
  return plannedEpochs(stage, budget, most);
}

/** What the user should know before the training begins. */
function notesOf({ data, settled, start, settings }: Work): string[] {
  const skipped = data.datasets.flatMap(({ source, skipped: n = 0 }) =>
    n > 0 ? [`${source}: skipped ${n} unconverged frames`] : [],
  );
  const left = data.unconcerned.length;
  return [
    ...skipped,
    ...notesOn(settings, data.train),
    ...(start !== null && left > 0 ? [`${left} frames without the new elements say nothing of them: left out`] : []),
    ...(settled === null || settled.note === '' ? [] : [settled.note]),
  ];
}

/** Settings that nobody gave: of the model that a training starts from, or chosen from the data. */
function settingsOf(request: TrainRequest, start: Start | null, frames: readonly Frame[]): Work['settings'] {
  const seed = request.settings?.seed ?? DEFAULT_TRAINING.seed;
  const settings = completeSettings({ ...request.settings, seed }, frames);
  if (start === null) return settings;
  const whole = start.model.kind === 'symmetry' ? SYMMETRY_RATE : DEFAULT_TRAINING.rate;
  const usual = start.added.includes(1) ? settings.rate : TUNING_RATE * whole;
  return { ...settings, model: modelSettingsOf(start.model), rate: request.settings?.rate ?? usual };
}

/** Heads that share all but the last layer are made when the training of one of them is done. */
const trainedSizes = (model: ModelSettings): ModelSettings =>
  model.sharedLayers === true ? { ...model, heads: 1 } : model;

/** Reads, settles and prepares all that a training needs. */
export async function prepareWork(request: TrainRequest, signal: AbortSignal | undefined): Promise<Work> {
  const start = await openStart(request);
  const data = await readTrainingData(request, request.settings?.seed ?? DEFAULT_TRAINING.seed, start);
  const all = [data, ...data.others].flatMap(({ train, validation }) => [...train, ...validation]);
  const settings = settingsOf(request, start, all);
  const elements = start?.model.elements ?? elementsOf(all);
  const { loss } = settings;
  const use: UsedLabels = { energy: loss.energy > 0, forces: loss.forces > 0, stress: loss.stress > 0 };
  if (!use.energy && !use.forces && !use.stress) {
    throw new NearsightError('no-labels', `the ${all.length} frames have no energies, forces or stresses to learn`, {
      hint: 'labels are read from energy, forces and stress and their usual sisters: see nearsight data inspect',
      place: { path: request.data[0] },
    });
  }
  const repulsion: Repulsion | null =
    start !== null
      ? start.file.parts.repulsion
      : request.repulsion === false
        ? null
        : { kind: 'zbl', ...DEFAULT_ZBL_REACH };
  // The learned part learns what the repulsion leaves.
  const prepare = (frames: readonly Frame[], source: string): TrainingFrame[] => {
    const checked = prepareFrames(frames, elements, settings.model.cutoff, { source, use });
    if (repulsion === null) return checked;
    const rest = subtractPart(frames, zblPotential(elements, repulsion));
    return prepareFrames(rest, elements, settings.model.cutoff, { source, use });
  };
  const source = request.data.join(', ');
  const train = prepare(data.train, source);
  const validation = prepare(data.validation, request.validation ?? source);
  const replay = prepare(data.replay, request.replay?.data.join(', ') ?? '');
  const others = data.others.map((part) =>
    levelOf(prepare(part.train, source), prepare(part.validation, source), elements.length),
  );
  const kernel = await createEngine(request.threads);
  const settled =
    start === null ? null : settleEnergies(start, { train, replay }, kernel, request.referenceEnergies ?? 'auto');
  const input: TrainingInput = {
    ...{ kernel, elements, train, validation, signal },
    settings: { ...settings, model: start === null ? trainedSizes(settings.model) : settings.model, epochs: 1 },
    start: settled?.model,
    trainable: start?.trainable,
    ...(replay.length > 0 && { replay: { frames: replay, share: request.replay?.share ?? DEFAULT_REPLAY } }),
  };
  const plan = planText(request, { settings, data, repulsion, start });
  return { request, data, start, settled, repulsion, kernel, settings, input, others, plan };
}

function planText(request: TrainRequest, work: Pick<Work, 'settings' | 'data' | 'repulsion' | 'start'>): string {
  const { settings, data, repulsion, start } = work;
  const { freeze, grow, referenceEnergies, replay } = request;
  return JSON.stringify({
    settings,
    data: data.datasets.map(({ sha256, frames }) => ({ sha256, frames: frames.length })),
    validation: data.validation.map((f) => f.index),
    repulsion,
    version: VERSION,
    ...(start !== null && { from: start.sha256, freeze, grow, referenceEnergies, share: replay?.share }),
    ...(data.others.length > 0 && { level: data.level, others: data.others.map(({ name }) => name) }),
  });
}
