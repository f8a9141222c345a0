/** A split that no trajectory and no pair of twins crosses. */
import { createComponents, joinEqual } from '../../data/components.ts';
import type { Dataset, Frame } from '../../data/dataset.ts';
import { movableFrames, type Split, targetOf } from '../../data/split.ts';
import { splitApart } from '../../data/split-apart.ts';
import { trajectoriesOf } from '../../data/trajectories.ts';
import type { Kernel } from '../../kernels/kernels.ts';
import type { Random } from '../../random.ts';
import { frameDistances, type SearchProgress, selectEnvironments } from './environments.ts';
import { type Space, spaceOf } from './space.ts';
import { type Threshold, thresholdFrom } from './threshold.ts';

export interface FirewallSplit extends Split {
  /** What counted as twins, before the margin. */
  readonly threshold: Threshold;
  /** For each frame the set that it was kept in: trajectory and twins, and their twins. */
  readonly components: Int32Array;
}

/**
 * Twins are kept together up to this many times the threshold: the training part, which is what leakage is measured
 * with later, has a threshold and a covariance of its own.
 */
const MARGIN = 2;

/**
 * Holds out whole components of trajectories (`trajectoriesOf`) and twins (nearer than the threshold in the whitened
 * descriptor space), each group giving its share; see `splitApart`. `findLeakage` finds nothing between the two parts,
 * unless a single trajectory had to be cut.
 * @param fraction of the frames to hold out, between 0 and 1
 * @throws NearsightError `bad-fraction`, `too-few-frames`
 */
export async function* firewallSplit(
  dataset: Pick<Dataset, 'frames'>,
  fraction: number,
  options: { readonly kernel: Kernel; readonly random: Random; readonly signal?: AbortSignal | undefined },
): AsyncGenerator<SearchProgress, FirewallSplit> {
  const { frames } = dataset;
  // Refused before anything is computed.
  targetOf(movableFrames(frames).length, fraction);
  const trajectories = trajectoriesOf([frames]);
  const { kernel, random, signal } = options;
  const space = spaceOf(frames, kernel);
  const tested = fraction * frames.length;
  const { components, threshold } = yield* joinTwins(frames, space, { kernel, signal, trajectories, tested });
  return { ...splitApart(dataset, components, fraction, random), threshold, components };
}

interface Joining {
  readonly kernel: Kernel;
  readonly signal: AbortSignal | undefined;
  readonly trajectories: Int32Array;
  /** Frames that the threshold is for. */
  readonly tested: number;
}

/**
 * Single linkage at the threshold. A frame is joined with the one that most of its nearest foreign environments belong
 * to, and asked again, its new relatives left out, until nothing foreign is near.
 */
async function* joinTwins(
  frames: readonly Frame[],
  space: Space,
  { kernel, signal, trajectories, tested }: Joining,
): AsyncGenerator<SearchProgress, Pick<FirewallSplit, 'components' | 'threshold'>> {
  const joined = createComponents(frames.length);
  joinEqual(joined, trajectories);
  const search = { kernel, signal, frames: frames.length, dimension: space.dimension };
  let exclude = { queries: trajectories, points: trajectories };
  let { distance, nearest } = yield* frameDistances(space.training, space.training, { ...search, exclude });
  const threshold = thresholdFrom(distance, tested, space.resolution);
  for (;;) {
    const near = new Set(Array.from(frames.keys()).filter((index) => distance[index] < MARGIN * threshold.value));
    if (near.size === 0) return { components: joined.labels(), threshold };
    for (const index of near) joined.join(index, nearest[index]);
    const labels = joined.labels();
    exclude = { queries: labels, points: labels };
    const asked = selectEnvironments(space.training, (frame) => near.has(frame));
    ({ distance, nearest } = yield* frameDistances(asked, space.training, { ...search, exclude }));
  }
}
