/**
 * Levels of theory that share a trunk: first all levels but the target are trained, each with heads of its own; then
 * the heads of the target start as a copy of those of the level with most frames, and are trained together with all
 * the others, whose frames are mixed in. Theory: docs/theory/transfer.md.
 */
import type { Kernel } from '../kernels/kernels.ts';
import { chooseHeads, headsOf } from '../model/heads.ts';
import type { Model } from '../model/model.ts';
import type { HeadRange } from './bootstrap.ts';
import { fitReferenceEnergies } from './initial.ts';
import type { TrainingFrame } from './prepare.ts';
import type { TrainingInput } from './trainer.ts';
import { referenceShift, TUNING_RATE, withShift } from './transfer.ts';

/** Names under which frames say their level of theory. */
export const LEVEL_KEYS: readonly string[] = ['level', 'fidelity', 'level_of_theory'];

/** Frames of one level, and what the atoms of its labels count before the model says anything. */
export interface Level {
  readonly train: readonly TrainingFrame[];
  readonly validation: readonly TrainingFrame[];
  /** E0 of each element, eV. */
  readonly referenceEnergies: Float64Array;
}

/** A level from its frames. */
export function levelOf(train: readonly TrainingFrame[], validation: readonly TrainingFrame[], species: number): Level {
  const labelled = train.filter((frame) => frame.has.energy);
  const referenceEnergies =
    labelled.length === 0
      ? new Float64Array(species)
      : fitReferenceEnergies(
          labelled.map((frame) => frame.composition),
          labelled.map((frame) => frame.system.energy),
          species,
        );
  return { train, validation, referenceEnergies };
}

/** Frames that know their level. */
const marked = ({ train, referenceEnergies }: Level, level: number): TrainingFrame[] =>
  ofLevel(train, level, referenceEnergies);

const ofLevel = (frames: readonly TrainingFrame[], level: number, referenceEnergies: Float64Array): TrainingFrame[] =>
  frames.map((frame) => ({ ...frame, level, referenceEnergies }));

const ranges = (levels: number, heads: number): HeadRange[] =>
  Array.from({ length: levels }, (_, level) => ({ first: level * heads, count: heads }));

/** The first stage: the other levels, that with most frames first, which is the one validated. */
export function pretraining(input: TrainingInput, others: readonly Level[]): TrainingInput {
  const { settings } = input;
  const { heads } = settings.model;
  return {
    ...input,
    train: others.flatMap(marked),
    // With the E0 that the training frames have, which need not be those of the first model.
    validation: ofLevel(others[0].validation, 0, others[0].referenceEnergies),
    levels: ranges(others.length, heads),
    settings: { ...settings, model: { ...settings.model, heads: heads * others.length } },
  };
}

/** Share of the frames of an epoch of the second stage that are of the other levels. */
const SHARED_FRAMES = 0.5;

/**
 * The second stage: the target, whose heads start as those of the first of the other levels, with the others mixed in.
 * @param trunk what the first stage came to; when absent (a checkpoint knows the model), no start is given
 */
export function targetTraining(input: TrainingInput, others: readonly Level[], trunk: Model | null): TrainingInput {
  const { settings } = input;
  const { heads } = settings.model;
  const shared: TrainingInput = {
    ...input,
    settings: { ...settings, rate: TUNING_RATE * settings.rate },
    levels: ranges(others.length + 1, heads),
    replay: { frames: others.flatMap((level, k) => marked(level, k + 1)), share: SHARED_FRAMES },
  };
  return trunk === null ? shared : { ...shared, start: withTargetHeads(trunk, input.train, heads, input.kernel) };
}

function withTargetHeads(trunk: Model, target: readonly TrainingFrame[], heads: number, kernel: Kernel): Model {
  const all = Array.from({ length: trunk.shape.heads }, (_, head) => head);
  const { change } = referenceShift(headsOf(trunk, 0, heads), target, kernel);
  return withShift(chooseHeads(trunk, [...all.slice(0, heads), ...all]), change);
}
