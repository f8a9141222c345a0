/** A split that no trajectory and no pair of twins crosses. */
import { createComponents, joinEqual } from '../../data/components.ts';
import type { Dataset, Frame } from '../../data/dataset.ts';
import type { Split } from '../../data/split.ts';
import { splitApart } from '../../data/split-apart.ts';
import { trajectoriesOf } from '../../data/trajectories.ts';
import type { Kernel } from '../../kernels/kernels.ts';
import type { Random } from '../../random.ts';
import { frameDistances, selectEnvironments } from './environments.ts';
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
export function firewallSplit(
  dataset: Pick<Dataset, 'frames'>,
  fraction: number,
  { kernel, random }: { readonly kernel: Kernel; readonly random: Random },
): FirewallSplit {
  const { frames } = dataset;
  const trajectories = trajectoriesOf([frames]);
  const space = spaceOf(frames, kernel);
  const { components, threshold } = joinTwins(frames, space, {
    kernel,
    trajectories,
    tested: fraction * frames.length,
  });
  return { ...splitApart(dataset, components, fraction, random), threshold, components };
}

/**
 * Single linkage at the threshold. A frame is joined with the one that most of its nearest foreign environments belong
 * to, and asked again, its new relatives left out, until nothing foreign is near.
 */
function joinTwins(
  frames: readonly Frame[],
  space: Space,
  {
    kernel,
    trajectories,
    tested,
  }: { readonly kernel: Kernel; readonly trajectories: Int32Array; readonly tested: number },
): { readonly components: Int32Array; readonly threshold: Threshold } {
  const joined = createComponents(frames.length);
  joinEqual(joined, trajectories);
  const search = { kernel, frames: frames.length, dimension: space.dimension };
  let exclude = { queries: trajectories, points: trajectories };
  let { distance, nearest } = frameDistances(space.training, space.training, { ...search, exclude });
  const threshold = thresholdFrom(distance, tested, space.resolution);
  for (;;) {
    const near = new Set(Array.from(frames.keys()).filter((index) => distance[index] < MARGIN * threshold.value));
    if (near.size === 0) return { components: joined.labels(), threshold };
    for (const index of near) joined.join(index, nearest[index]);
    const labels = joined.labels();
    exclude = { queries: labels, points: labels };
    const asked = selectEnvironments(space.training, (frame) => near.has(frame));
    ({ distance, nearest } = frameDistances(asked, space.training, { ...search, exclude }));
  }
}
