/** A split that no trajectory and no pair of twins crosses. */
import { type Components, createComponents, joinEqual } from '../../data/components.ts';
import type { Dataset, Frame } from '../../data/dataset.ts';
import { movableFrames, type Split, targetOf } from '../../data/split.ts';
import { splitApart } from '../../data/split-apart.ts';
import { trajectoriesOf } from '../../data/trajectories.ts';
import type { Kernel } from '../../kernels/kernels.ts';
import type { Random } from '../../random.ts';
import { frameDistances, type SearchProgress, selectEnvironments } from './environments.ts';
import { findLeakage, type Leakage } from './leakage.ts';
import { spaceOf } from './space.ts';
import { thresholdFrom } from './threshold.ts';

export interface FirewallSplit extends Split {
  /** What leaks between the two parts, measured: nothing, unless a trajectory had to be cut. */
  readonly leakage: Leakage;
  /** For each frame the set that it was kept in: trajectory and twins, and their twins. */
  readonly components: Int32Array;
}

/** Twins are kept together up to this many times the threshold; most of what leaks at other thresholds is then caught. */
const MARGIN = 1.25;
/** How often a split is mended that leaks nevertheless. */
const REPAIRS = 10;

/**
 * Holds out whole components of trajectories (`trajectoriesOf`) and twins (nearer than the threshold in the whitened
 * descriptor space), each group giving its share; see `splitApart`. What comes out is measured with `findLeakage`, for
 * which the training part has a covariance and a threshold of its own; what leaks is joined, and the split made anew.
 * In the end nothing leaks, unless a single trajectory had to be cut.
 * @param fraction of the frames to hold out, between 0 and 1
 * @throws NearsightError `bad-fraction`, `too-few-frames`
 */
export async function* firewallSplit(
  dataset: Pick<Dataset, 'frames'>,
  fraction: number,
  options: { readonly kernel: Kernel; readonly random: Random; readonly signal?: AbortSignal | undefined },
): AsyncGenerator<SearchProgress, FirewallSplit> {
  const { frames } = dataset;
  const { kernel, random, signal } = options;
  // Refused before anything is computed.
  targetOf(movableFrames(frames).length, fraction);
  const joined = createComponents(frames.length);
  const trajectories = trajectoriesOf([frames]);
  joinEqual(joined, trajectories);
  yield* joinTwins(joined, frames, { kernel, signal, trajectories, tested: fraction * frames.length });
  for (let repairs = 0; ; repairs++) {
    const components = joined.labels();
    const split = splitApart(dataset, components, fraction, random);
    const [train, heldOut] = [split.train, split.heldOut].map((part) => Array.from(part, (k) => frames[k]));
    const leakage = yield* findLeakage({ frames: train }, { frames: heldOut }, { kernel, signal });
    if (leakage.flagged.length === 0 || split.gap !== undefined || repairs === REPAIRS) {
      return { ...split, components, leakage };
    }
    for (const { frame, nearest } of leakage.flagged) joined.join(split.heldOut[frame], split.train[nearest]);
  }
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
  joined: Components,
  frames: readonly Frame[],
  { kernel, signal, trajectories, tested }: Joining,
): AsyncGenerator<SearchProgress, void> {
  const { training, dimension, resolution } = spaceOf(frames, kernel);
  const search = { kernel, signal, frames: frames.length, dimension };
  let exclude = { queries: trajectories, points: trajectories };
  let { distance, nearest } = yield* frameDistances(training, training, { ...search, exclude });
  const limit = MARGIN * thresholdFrom(distance, tested, resolution).value;
  for (;;) {
    const near = new Set(Array.from(frames.keys()).filter((index) => distance[index] < limit));
    if (near.size === 0) return;
    for (const index of near) joined.join(index, nearest[index]);
    const labels = joined.labels();
    exclude = { queries: labels, points: labels };
    const asked = selectEnvironments(training, (frame) => near.has(frame));
    ({ distance, nearest } = yield* frameDistances(asked, training, { ...search, exclude }));
  }
}
