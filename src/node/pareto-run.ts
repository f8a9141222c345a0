/** A front of models in a folder: one training, and a sweep of its loss weights from there. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { NearsightError } from '../errors.ts';
import type { ErrorReport } from '../model/errors.ts';
import type { Model } from '../model/model.ts';
import { renderFront, renderFrontFigure } from '../report/index.ts';
import { checkNeed, type FrontPoint, type Need } from '../training/front.ts';
import type { ErrorSummary } from '../training/loss-terms.ts';
import {
  finalWeights,
  OBJECTIVES,
  type Objective,
  type ObjectiveWeights,
  type Stop,
  stopEpochs,
  sweepWeights,
  weightPath,
} from '../training/weight-sweep.ts';
import { makeFolder, writeFileAtomically } from './files.ts';
import { readModel } from './model.ts';
import {
  chosenPath,
  documentOf,
  type FrontDocument,
  type FrontRecord,
  frontPath,
  pointName,
  readFront,
  writeFront,
} from './pareto-file.ts';
import { finishTraining } from './train-finish.ts';
import { prepareWork, runTraining, type TrainRequest, type TrainRunProgress, type Work } from './train-run.ts';
import { VERSION } from './version.ts';

export interface ParetoRequest {
  /** The training that the front starts from; time and epochs are of this one alone. */
  readonly training: Omit<TrainRequest, 'out'>;
  readonly folder: string;
  /** Stops on the path; 12 when absent. */
  readonly stops?: number | undefined;
  /** Which point to choose, see `frontOf`. */
  readonly need?: Need | undefined;
  /** As it shall be printed on the page: `2026-02-14`. */
  readonly date: string;
  /** Go on where a sweep into this folder was stopped. */
  readonly resume?: boolean | undefined;
}

export interface ParetoProgress {
  /** 0 while the training runs that the front starts from. */
  readonly stop: number;
  readonly stops: number;
  /** Epochs of all trainings together. */
  readonly epoch: number;
  readonly epochs: number;
  /** Estimated, s; NaN while unknown. */
  readonly secondsLeft: number;
  readonly validation: ErrorSummary | null;
  /** A point that is ready. */
  readonly point?: FrontPoint;
  readonly note?: string;
}

export const DEFAULT_STOPS = 12;

/**
 * Trains once, then sweeps the loss weights; models, pareto.json, pareto.html and pareto.svg stand in the folder. What
 * was finished before a kill is kept, and a sweep that goes on comes to the same bits.
 * @throws NearsightError `front-exists`, `other-front`, `one-objective`, `no-such-objective`, `no-validation`, and what
 *   trainings throw
 */
export async function* runPareto(
  request: ParetoRequest,
  hooks: { readonly signal?: AbortSignal } = {},
): AsyncGenerator<ParetoProgress, FrontDocument> {
  const { folder, stops: count = DEFAULT_STOPS } = request;
  const training: TrainRequest = { ...request.training, out: join(folder, `${pointName(0)}.safetensors`) };
  const work = await prepareWork(training, hooks.signal);
  const objectives = objectivesOf(work);
  if (request.need !== undefined) checkNeed(request.need, objectives);
  const centre = finalWeights(work.settings.loss);
  const path = weightPath(centre, objectives, count);
  const plan = createHash('sha256')
    .update(JSON.stringify([work.plan, path, training.epochs ?? null]))
    .digest('hex');
  const found = await readFront(folder);
  if (found !== null) checkFound(request, found, plan);
  else await makeFolder(folder);

  let record: FrontRecord;
  if (found !== null) record = found;
  else {
    const { data } = work;
    const first = yield* trainCentre({ ...training, resume: request.resume }, centre, count, hooks.signal);
    const validation = { frames: data.validation.length, description: data.description };
    record = { plan, stops: count, objectives, validation, points: [first] };
    await writeFront(folder, documentOf(record));
  }
  record = yield* sweep(work, path, record, request);
  return choosePoint(folder, { ...record, need: request.need }, request.date);
}

/** The folder holds a front already: of the same plan, to be gone on with, or nothing is touched. */
function checkFound({ resume, folder }: ParetoRequest, { plan, points, stops }: FrontRecord, wanted: string): void {
  const place = { path: frontPath(folder) };
  if (resume !== true) {
    const state = points.length > stops ? 'a front' : 'a front that is not finished';
    throw new NearsightError('front-exists', `the folder holds ${state}`, {
      hint: 'give another folder with --out, go on with --resume, or choose from it: nearsight pareto FOLDER --choose …',
      place,
    });
  }
  if (plan === wanted) return;
  throw new NearsightError('other-front', 'the front in this folder was begun with other data or settings', {
    hint: 'resume with what it was started with, or give another folder with --out',
    place,
  });
}

/** What can be traded: labels that are learned and validated; stresses are of frames that repeat in all directions. */
function objectivesOf({ data, settings, others, input }: Work): Objective[] {
  if (others.length > 0) {
    throw new NearsightError('conflict', 'loss weights cannot be swept over several levels of theory', {
      hint: 'give the frames of one level alone',
    });
  }
  if (data.validation.length === 0) {
    throw new NearsightError('no-validation', 'no frame is held out: nothing says which model is better', {
      hint: 'hold a share out (validation: 0.1), or name a file with --val',
    });
  }
  const direct = 'directForces' in settings.model && settings.model.directForces === true;
  const objectives = OBJECTIVES.filter(
    (name) => input.train.some(({ has }) => has[name]) && !(direct && name === 'stress'),
  );
  for (const name of objectives) {
    if (input.validation.some(({ has }) => has[name])) continue;
    throw new NearsightError('no-validation', `no frame that is held out has ${name === 'stress' ? 'a ' : ''}${name}`, {
      hint: `validate on frames that have them, or train without (loss: { ${name}: 0 })`,
    });
  }
  return objectives;
}

/** The training in the middle of the front. */
async function* trainCentre(
  training: TrainRequest,
  weights: ObjectiveWeights,
  stops: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<ParetoProgress, FrontPoint> {
  const run = runTraining(training, signal === undefined ? {} : { signal });
  let next = await run.next();
  for (; next.done !== true; next = await run.next()) yield progressOf(next.value, stops);
  const { history, seconds, validation } = next.value;
  // It may have stopped early; stops are measured against what it took.
  const epochs = history.at(-1)!.epoch;
  return pointOf({ stop: 0, weights, epochs, seconds }, validation);
}

function progressOf(step: TrainRunProgress, stops: number): ParetoProgress {
  const { epoch, epochs, secondsLeft, validation, note } = step;
  const later = stops * stopEpochs(epochs);
  const left = (secondsLeft * (epochs - epoch + later)) / (epochs - epoch);
  return {
    ...{ stop: 0, stops, epoch, epochs: epochs === 0 ? 0 : epochs + later, validation },
    secondsLeft: epoch < epochs ? left : Number.NaN,
    ...(note === undefined ? {} : { note }),
  };
}

function pointOf(
  { stop, weights, epochs, seconds }: { stop: number } & Pick<FrontPoint, 'weights' | 'epochs' | 'seconds'>,
  validation: ErrorReport | null,
): FrontPoint {
  const { energy_mae_meV_per_atom, force_mae_meV_per_A, stress_mae_GPa } = validation!.overall;
  const name = pointName(stop);
  const errors = { energy_mae_meV_per_atom, force_mae_meV_per_A, stress_mae_GPa };
  return { name, weights, ...errors, epochs, seconds: Number(seconds.toFixed(3)), model: `${name}.safetensors` };
}

/** All stops that are not there yet; each is on disk, and in pareto.json, before the next begins. */
async function* sweep(
  work: Work,
  path: readonly Stop[],
  begun: FrontRecord,
  { folder }: ParetoRequest,
): AsyncGenerator<ParetoProgress, FrontRecord> {
  let record = begun;
  const models: Model[] = [];
  for (const { model } of begun.points) models.push((await readModel(join(folder, model))).model);
  const [{ epochs }] = begun.points;
  const per = stopEpochs(epochs);
  const all = { stops: path.length, epochs: epochs + path.length * per };
  const nothing = { secondsLeft: Number.NaN, validation: null };
  if (begun.points.length > 1 && begun.points.length <= path.length) {
    const note = `going on after ${pointName(begun.points.length - 1)}`;
    yield { stop: begun.points.length, epoch: epochs + (begun.points.length - 1) * per, ...all, ...nothing, note };
  }
  const [centre, ...finished] = models;
  const started = performance.now();
  let began = started;
  let validation: ErrorSummary | null = null;
  for await (const step of sweepWeights({ training: work.input, centre, epochs, stops: path, finished })) {
    if (step.kind === 'epoch') {
      validation = step.progress.validation ?? validation;
      const done = (step.stop - 1) * per + step.progress.epoch;
      const here = done - (begun.points.length - 1) * per;
      const secondsLeft = ((performance.now() - started) / 1000 / here) * (all.epochs - epochs - done);
      yield { stop: step.stop, epoch: epochs + done, ...all, secondsLeft, validation };
    } else {
      const { stop, result, settings } = step;
      const request = { ...work.request, out: join(folder, `${pointName(stop)}.safetensors`) };
      const report = (await finishTraining({ ...work, request, settings }, result, settings.epochs)).validation;
      const seconds = (performance.now() - began) / 1000;
      const weights = path[stop - 1].weights;
      const point = pointOf({ stop, weights, epochs: settings.epochs, seconds }, report);
      record = { ...record, points: [...record.points, point] };
      await writeFront(folder, documentOf(record));
      yield { stop, epoch: epochs + stop * per, ...all, ...nothing, point };
      began = performance.now();
    }
    // Timers and signals get their turn.
    await new Promise<void>((resolve) => setImmediate(() => resolve()));
  }
  return record;
}

/**
 * Chooses a point of a front: its model becomes chosen.safetensors, and pareto.json, pareto.html and pareto.svg say so.
 * Where no point meets the need, there is no such model.
 * @param date as it shall be printed on the page
 */
export async function choosePoint(folder: string, record: FrontRecord, date: string): Promise<FrontDocument> {
  const document = documentOf(record);
  const model = document.points.find(({ name }) => name === document.chosen)?.model;
  const chosen = chosenPath(folder);
  if (model === undefined) await rm(chosen, { force: true });
  else await writeFileAtomically(chosen, await readFile(join(folder, model)));
  const { frames, description } = document.validation;
  const page = { name: basename(resolve(folder)), date, generator: `nearsight ${VERSION}`, frames, split: description };
  await writeFileAtomically(join(folder, 'pareto.html'), renderFront(document, page));
  await writeFileAtomically(join(folder, 'pareto.svg'), renderFrontFigure(document));
  await writeFront(folder, document);
  return document;
}

/**
 * The front in a folder, finished or not.
 * @throws NearsightError `no-front`, `bad-front`, `no-model`
 */
export async function openFront(folder: string): Promise<FrontRecord> {
  const record = await readFront(folder);
  const place = { path: frontPath(folder) };
  if (record === null) {
    const hint = 'make one with nearsight pareto CONFIG --out FOLDER';
    throw new NearsightError('no-front', 'the folder holds no front', { hint, place });
  }
  const lost = record.points.find(({ model }) => !existsSync(join(folder, model)));
  if (lost !== undefined) {
    const hint = 'restore it, or make the front anew';
    throw new NearsightError('no-model', `${lost.model} is not in the folder any more`, { hint, place });
  }
  return record;
}
