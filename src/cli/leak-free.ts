/** Whether the frames that a model is tested on have been in its training data, in one form or another. */
import { dirname } from 'node:path';
import type { Leakage } from '../curation/index.ts';
import type { Dataset } from '../data/index.ts';
import type { ModelFile } from '../model/index.ts';
import { findTrainingData, namedTrainingData, takesMinutes, unflagged } from '../node/training-data.ts';
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
    train.length > 0
      ? await namedTrainingData(model.file, train)
      : await findTrainingData(model.file, [...folders, '.']);
  if (training === null) return { ...UNCHECKED, advice: 'name the training data with --train' };
  const frames = training.flatMap((dataset) => dataset.frames);
  const tested = tests.flatMap((dataset) => dataset.frames);
  if (train.length === 0 && takesMinutes(frames, tested)) {
    return { ...UNCHECKED, advice: 'it takes minutes for so many atoms: name the training data with --train' };
  }
  const leakage = await leakageBetween(session, { frames }, { frames: tested });
  return { leakage, rest: unflagged(tests, leakage), advice: '' };
}
