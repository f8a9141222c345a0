/** The end of a training: final errors of all parts together, the model file on disk, the checkpoint gone. */
import { rm } from 'node:fs/promises';
import type { Frame } from '../data/dataset.ts';
import { type ErrorReport, evaluateFrames } from '../model/errors.ts';
import { headsOf } from '../model/heads.ts';
import { type JsonObject, jsonObjectOf } from '../model/json.ts';
import { potentialOf } from '../model/load.ts';
import type { Model } from '../model/model.ts';
import {
  type DatasetOrigin,
  datasetOrigin,
  encodeModel,
  type ModelFile,
  type Provenance,
} from '../model/model-file.ts';
import type { Potential } from '../model/potential.ts';
import { withBootstrappedHeads } from '../training/last-layer.ts';
import type { ErrorSummary } from '../training/loss-terms.ts';
import type { TrainingRecord, TrainingResult } from '../training/trainer.ts';
import { type EarlierDomain, earlierDomain } from '../uncertainty/index.ts';
import { writeFileAtomically } from './files.ts';
import { checkpointPath } from './train-checkpoints.ts';
import type { TrainRunResult, Work } from './train-run.ts';
import { checkOldChemistry, oldStructures, originOf } from './train-start.ts';
import { trustOf } from './train-trust.ts';
import { VERSION } from './version.ts';

async function errorsOf(potential: Potential, frames: readonly Frame[]): Promise<ErrorReport | null> {
  if (frames.length === 0) return null;
  const run = evaluateFrames(potential, frames);
  for (;;) {
    const next = await run.next();
    if (next.done === true) return next.value;
  }
}

/** Final errors, the model on disk, the checkpoint gone. */
export async function finishTraining(
  work: Work,
  result: TrainingResult,
  epochs: number,
): Promise<Pick<TrainRunResult, 'model' | 'train' | 'validation' | 'replay'>> {
  const { request, data, start, repulsion, kernel, settings } = work;
  const draft: ModelFile = {
    model: committeeOf(work, result.model),
    parts: { repulsion },
    settings: jsonObjectOf({
      training: { ...settings, epochs },
      best_epoch: result.epoch,
      history: result.history.map(historyRow),
    }),
    provenance: provenanceOf(work, epochs),
    calibration: null,
    validation: null,
    domain: null,
    noise: null,
  };
  if (start?.added.includes(1) === true) checkOldChemistry(start.file, draft, kernel, data.unconcerned);
  const before = start !== null && data.replay.length > 0 ? await errorsWith(start.file, work, data.replay) : null;
  const potential = potentialOf(draft, kernel);
  try {
    const train = (await errorsOf(potential, data.train))!;
    const validation = await errorsOf(potential, data.validation);
    const after = await errorsOf(potential, data.replay);
    const errors = { train: train.overall, validation: validation?.overall ?? null };
    const origin = new Map(
      data.datasets.flatMap((dataset) => dataset.frames.map((frame) => [frame, dataset] as const)),
    );
    const trust = await trustOf(draft, potential, kernel, {
      ...{ train: data.train, validation: data.validation, replay: data.replay, how: data.description },
      ...(start !== null && { earlier: earlierOf(start.file, draft, work) }),
      sourceOf: (frame) => {
        const dataset = origin.get(frame);
        return dataset === undefined ? '' : datasetOrigin(dataset).source;
      },
    });
    const model: ModelFile = { ...draft, ...trust, provenance: { ...draft.provenance, errors } };
    await writeFileAtomically(request.out, encodeModel(model));
    await rm(checkpointPath(request.out), { force: true });
    return { model, train, validation, replay: before === null || after === null ? null : { before, after } };
  } finally {
    potential.close();
  }
}

/** The heads of the model file. */
function committeeOf({ data, kernel, input, settings }: Work, trained: Model): Model {
  // The other levels have done their part: their heads go.
  const model = data.others.length === 0 ? trained : headsOf(trained, 0, input.settings.model.heads);
  if (model.shape.heads === settings.model.heads) return model;
  return withBootstrappedHeads(model, { frames: input.train, kernel, settings });
}

/** What is left of the domain of the model before. */
function earlierOf(before: ModelFile, draft: ModelFile, { data, kernel }: Work): EarlierDomain {
  const present = new Set(data.datasets.map(({ sha256 }) => sha256));
  const structures = oldStructures(before, [...data.unconcerned, ...data.replay, ...data.train]);
  const all = before.provenance.dataset.every(({ sha256 }) => present.has(sha256));
  return earlierDomain(before, draft, kernel, { structures, all });
}

async function errorsWith(file: ModelFile, { kernel }: Work, frames: readonly Frame[]): Promise<ErrorReport | null> {
  const potential = potentialOf(file, kernel);
  try {
    return await errorsOf(potential, frames);
  } finally {
    potential.close();
  }
}

function provenanceOf({ request, data, start, settled, settings }: Work, epochs: number): Provenance {
  const origins = [...(start?.file.provenance.dataset ?? []), ...data.datasets.map(datasetOrigin)];
  return {
    nearsightVersion: VERSION,
    dataset: withoutTwins(origins),
    split: { description: data.description, train: data.train.length, validation: data.validation.length },
    seed: settings.seed,
    epochs,
    errors: { train: null, validation: null },
    ...(start !== null && settled !== null && originOf(start, settled, request, data.replay.length)),
    ...(data.others.length > 0 && {
      levels: { target: data.level, others: data.others.map(({ name }) => name) },
    }),
  };
}

/** The same file twice, as data of the model before and as replay, is one origin. */
function withoutTwins(origins: readonly DatasetOrigin[]): DatasetOrigin[] {
  return origins.filter(
    ({ sha256 }, k) => sha256 === '' || origins.findIndex((other) => other.sha256 === sha256) === k,
  );
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
