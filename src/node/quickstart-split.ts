/** The frames of the quickstart, divided, and the files that it writes. */
import { join } from 'node:path';
import type { Leakage } from '../curation/index.ts';
import { type Dataset, selectFrames, splitByGroup } from '../data/index.ts';
import { createRandom } from '../random.ts';

export interface QuickstartSplit {
  readonly train: Dataset;
  readonly validation: Dataset;
  readonly test: Dataset;
  readonly description: string;
}

/** Frames that are held out for the test, and of the rest for validation. */
const TEST_SHARE = 0.15;
const VALIDATION_SHARE = 0.1;
/** A test set, and of the rest a validation set, in blocks of every group. */
export function splitThree(dataset: Dataset, seed: number): QuickstartSplit {
  const random = createRandom(seed);
  const outer = splitByGroup(dataset, TEST_SHARE, random);
  const rest = selectFrames(dataset, outer.train);
  const inner = splitByGroup(rest, VALIDATION_SHARE, random);
  const train = selectFrames(rest, inner.train);
  const validation = selectFrames(rest, inner.heldOut);
  const test = selectFrames(dataset, outer.heldOut);
  const description =
    `${train.frames.length} frames for training, ${validation.frames.length} for validation (they choose the epoch ` +
    `that is kept), ${test.frames.length} for the test, looked at once, after the training. Validation and test are ` +
    'blocks of neighbouring frames of every group, because neighbours in a trajectory or a scan are nearly the same.';
  return { train, validation, test, description };
}

/** The frames without relatives in the training set; null where that is all of them, or none. */
export function unrelatedFrames(test: Dataset, { flagged }: Leakage): Dataset | null {
  const related = new Set(flagged.map(({ frame }) => frame));
  const rest = test.frames.flatMap((_, frame) => (related.has(frame) ? [] : [frame]));
  return rest.length === 0 || related.size === 0 ? null : selectFrames(test, rest);
}

/** Files that are written, below the folder that was asked for. */
export interface QuickstartFiles {
  readonly model: string;
  readonly report: string;
  readonly dataReport: string;
  readonly train: string;
  readonly validation: string;
  readonly test: string;
}

/** Their names. */
export function filesIn(folder: string): QuickstartFiles {
  return {
    model: join(folder, 'silicon.safetensors'),
    report: join(folder, 'report.html'),
    dataReport: join(folder, 'data-report.html'),
    train: join(folder, 'train.extxyz'),
    validation: join(folder, 'validation.extxyz'),
    test: join(folder, 'test.extxyz'),
  };
}
