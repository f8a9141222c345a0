/** Test frames that a model has, in effect, been trained on. */
import type { Dataset, Frame } from '../../data/dataset.ts';
import { trajectoriesOf } from '../../data/trajectories.ts';
import { symbolOf } from '../../elements.ts';
import { NearsightError } from '../../errors.ts';
import type { Kernel } from '../../kernels/kernels.ts';
import { type EnvironmentSet, frameDistances, type SearchProgress, selectEnvironments } from './environments.ts';
import { placeFrames, type Space, spaceOf } from './space.ts';
import { type Threshold, thresholdFrom } from './threshold.ts';

/** A test frame that tells nothing new. */
export interface LeakedFrame {
  /** Place in the test set, from 0. */
  readonly frame: number;
  /** The training frame that most of its nearest environments belong to, from 0; −1 when it has none of its elements. */
  readonly nearest: number;
  /** Root-mean-square Mahalanobis distance of its environments to the nearest ones of the training set. */
  readonly distance: number;
  /**
   * `twin`: nearer to the training set than the threshold, the same structure for all that a model can tell;
   * `trajectory`: from the same trajectory as frames of the training set.
   */
  readonly reason: 'twin' | 'trajectory';
  readonly group: string;
  /** Share of its environments that are nearer to a training environment than the threshold. */
  readonly known: number;
}

export interface Leakage {
  readonly threshold: Threshold;
  readonly flagged: readonly LeakedFrame[];
  /** Flagged test frames over all. */
  readonly fraction: number;
  /** Share of all environments of the test set that are nearer than the threshold to one of the training set. */
  readonly environmentFraction: number;
  /** Of every test frame, as in `LeakedFrame`; Infinity for frames with elements that the training set lacks. */
  readonly distances: Float64Array;
  readonly nearest: Int32Array;
  /** By element: environments that the covariance was learned from, and how much it was shrunk. */
  readonly elements: readonly { readonly symbol: string; readonly environments: number; readonly shrinkage: number }[];
}

/** Environments of the training set whose nearest neighbours are looked at for the threshold; a whole frame each. */
const SAMPLED_ENVIRONMENTS = 10_000;

/**
 * Which frames of `test` are twins of training frames, or come from a trajectory that the training set has seen.
 *
 * Environments are compared in the whitened descriptor space of the training set: rotated, shifted, renumbered and
 * repeated copies (supercells) of a structure are at distance 0. The search is exhaustive.
 * Yields how far the search is, first that for the threshold, then that for the test set.
 * @param options.kernel any; decisions depend on it by rounding only
 * @throws NearsightError `no-frames`, and what `checkStructure` throws
 */
export async function* findLeakage(
  train: Pick<Dataset, 'frames'>,
  test: Pick<Dataset, 'frames'>,
  options: { readonly kernel: Kernel; readonly signal?: AbortSignal | undefined },
): AsyncGenerator<SearchProgress, Leakage> {
  const { kernel, signal } = options;
  if (train.frames.length === 0 || test.frames.length === 0) {
    throw new NearsightError('no-frames', 'there are no frames to compare', { hint: 'give two files with frames' });
  }
  const all = trajectoriesOf([train.frames, test.frames]);
  const trajectories = all.subarray(0, train.frames.length);
  const space = spaceOf(train.frames, kernel);
  const common = { kernel, signal, dimension: space.dimension };
  const unrelated = yield* frameDistances(sampled(space.training, train.frames), space.training, {
    ...{ ...common, frames: train.frames.length },
    exclude: { queries: trajectories, points: trajectories },
  });
  const threshold = thresholdFrom(unrelated.distance, test.frames.length, space.resolution);
  const found = yield* frameDistances(placeFrames(test.frames, space, kernel), space.training, {
    ...{ ...common, frames: test.frames.length, within: threshold.value },
  });
  const seen = new Set(trajectories);
  const flagged = test.frames.flatMap(({ group }, frame): LeakedFrame[] => {
    const distance = found.distance[frame];
    const twin = distance < threshold.value;
    if (!twin && !seen.has(all[train.frames.length + frame])) return [];
    const reason = twin ? 'twin' : 'trajectory';
    return [{ frame, nearest: found.nearest[frame], distance, reason, group, known: found.near[frame] }];
  });
  return {
    threshold,
    flagged,
    fraction: flagged.length / Math.max(1, test.frames.length),
    environmentFraction: shareOfAtoms(test.frames, found.near),
    distances: found.distance,
    nearest: found.nearest,
    elements: elementsIn(space),
  };
}

/** Frames spread evenly over the set, so many that there are about SAMPLED_ENVIRONMENTS environments. */
function sampled(set: EnvironmentSet, frames: readonly Frame[]): EnvironmentSet {
  const atoms = frames.reduce((sum, { structure }) => sum + structure.numbers.length, 0);
  const step = atoms / SAMPLED_ENVIRONMENTS;
  if (step <= 1) return set;
  return selectEnvironments(set, (frame) => Math.floor(frame / step) !== Math.floor((frame - 1) / step));
}

function shareOfAtoms(frames: readonly Frame[], near: Float64Array): number {
  let atoms = 0;
  let known = 0;
  for (const [index, { structure }] of frames.entries()) {
    atoms += structure.numbers.length;
    known += near[index] * structure.numbers.length;
  }
  return known / Math.max(1, atoms);
}

function elementsIn({ descriptor, whitenings }: Space): Leakage['elements'] {
  return descriptor.elements.flatMap((z, species) => {
    const whitening = whitenings[species];
    if (whitening === null) return [];
    return [{ symbol: symbolOf(z), environments: whitening.environments, shrinkage: whitening.shrinkage }];
  });
}
