/** The data that a model was trained on, found again; and test frames that are no news to it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Leakage } from '../curation/index.ts';
import type { Dataset, Frame } from '../data/index.ts';
import { NearsightError } from '../errors.ts';
import type { ModelFile } from '../model/index.ts';
import { readDataset } from './structures.ts';

/** More pairs of atoms than this, in training and test data, take minutes to compare. */
const MOST_PAIRS = 2e10;

/** Whether it takes minutes to look for relatives of the training frames among the tested ones. */
export function takesMinutes(train: readonly Frame[], tested: readonly Frame[]): boolean {
  return atomsIn(train) * atomsIn(tested) > MOST_PAIRS;
}

const atomsIn = (frames: readonly Frame[]): number =>
  frames.reduce((sum, { structure }) => sum + structure.numbers.length, 0);

/** Test frames that are not flagged, by file; null where none or all are. */
export function unflagged(tests: readonly Dataset[], { flagged, distances }: Leakage): Dataset[] | null {
  if (flagged.length === 0 || flagged.length === distances.length) return null;
  const out = new Set(flagged.map(({ frame }) => frame));
  let position = 0;
  return tests.map((dataset) => ({ ...dataset, frames: dataset.frames.filter(() => !out.has(position++)) }));
}

/**
 * The files of these paths, which must be what the model was trained on.
 * @throws NearsightError `not-training-data`
 */
export async function namedTrainingData({ provenance }: ModelFile, paths: readonly string[]): Promise<Dataset[]> {
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

/** All training data of a model, where each file is found in one of the folders by name and content; else null. */
export async function findTrainingData(
  { provenance }: ModelFile,
  folders: readonly string[],
): Promise<Dataset[] | null> {
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
