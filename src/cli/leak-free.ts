/** Whether the frames that a model is tested on have been in its training data, in one form or another. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Leakage } from '../curation/index.ts';
import type { Dataset, Frame } from '../data/index.ts';
import { NearsightError } from '../errors.ts';
import type { ModelFile } from '../model/index.ts';
import { readDataset } from '../node/structures.ts';
import { leakageBetween } from './data/leakage.ts';
import type { Session } from './session.ts';

/** What came of the check. */
export interface LeakCheck {
  /** Null where the training data were not found. */
  readonly leakage: Leakage | null;
  /** Test frames that are not flagged, by file; only where some are flagged and some are not. */
  readonly rest: readonly Dataset[] | null;
  /** What to do so that it can be checked; '' where it was. */
  readonly advice: string;
}

/** More pairs of atoms than this, in training and test data, take minutes: then the check must be asked for. */
const MOST_PAIRS = 2e10;

const UNCHECKED = { leakage: null, rest: null };

/**
 * Compares the test data with the training data of the model: the files that `train` names, or else files of the right
 * name and content beside the model or the test data, or in the present folder.
 * @throws NearsightError `not-training-data` for a named file that the model does not know
 */
export async function checkLeaks(
  session: Session,
  model: { readonly path: string; readonly file: ModelFile },
  tests: readonly Dataset[],
  train: readonly string[],
): Promise<LeakCheck> {
  const folders = [model.path, ...tests.map(({ source }) => source)].map((path) => dirname(path));
  const training =
    train.length > 0 ? await namedData(model.file, train) : await findData(model.file, [...folders, '.']);
  if (training === null) return { ...UNCHECKED, advice: 'name the training data with --train' };
  const frames = training.flatMap((dataset) => dataset.frames);
  const tested = tests.flatMap((dataset) => dataset.frames);
  if (train.length === 0 && atomsIn(frames) * atomsIn(tested) > MOST_PAIRS) {
    return { ...UNCHECKED, advice: 'it takes minutes for so many atoms: name the training data with --train' };
  }
  const leakage = await leakageBetween(session, { frames }, { frames: tested });
  return { leakage, rest: unflagged(tests, leakage), advice: '' };
}

const atomsIn = (frames: readonly Frame[]): number =>
  frames.reduce((sum, { structure }) => sum + structure.numbers.length, 0);

function unflagged(tests: readonly Dataset[], { flagged, distances }: Leakage): Dataset[] | null {
  if (flagged.length === 0 || flagged.length === distances.length) return null;
  const out = new Set(flagged.map(({ frame }) => frame));
  let position = 0;
  return tests.map((dataset) => ({ ...dataset, frames: dataset.frames.filter(() => !out.has(position++)) }));
}

/** The files of these paths, which must be what the model was trained on. */
async function namedData({ provenance }: ModelFile, paths: readonly string[]): Promise<Dataset[]> {
  const known = new Set(provenance.dataset.map(({ sha256 }) => sha256));
  const found: Dataset[] = [];
  for (const path of paths) {
    const dataset = await readDataset(path);
    if (!known.has(dataset.sha256)) {
      const names = provenance.dataset.map(({ source }) => source).join(', ');
      throw new NearsightError('not-training-data', 'the model was not trained on this file', {
        hint: `it was trained on ${names === '' ? 'nothing that it names' : names}; each byte counts`,
        place: { path },
      });
    }
    found.push(dataset);
  }
  return found;
}

/** All training data of a model, where each file is found in one of the folders; else null. */
async function findData({ provenance }: ModelFile, folders: readonly string[]): Promise<Dataset[] | null> {
  const found: Dataset[] = [];
  for (const origin of provenance.dataset) {
    const paths = [...new Set(folders.map((folder) => join(folder, origin.source)))].filter((path) => existsSync(path));
    let match: Dataset | null = null;
    for (const path of paths) {
      if (match !== null) break;
      const dataset = await readableData(path);
      if (dataset?.sha256 === origin.sha256) match = dataset;
    }
    if (match === null) return null;
    found.push(match);
  }
  return found.length === 0 ? null : found;
}

/** A file that happens to have the right name need not be data at all. */
async function readableData(path: string): Promise<Dataset | null> {
  try {
    return await readDataset(path);
  } catch (error) {
    if (error instanceof NearsightError) return null;
    throw error;
  }
}
