import type { Frame } from '../../data/dataset.ts';
import type { Kernel } from '../../kernels/kernels.ts';
import type { Structure } from '../../structure/structure.ts';
import { type EnvironmentSpace, environmentSpace } from '../environment-space.ts';

/** Environments drawn as points of a plane: those that are alike lie together. */
export interface EnvironmentMap {
  /** Coordinates along the two directions in which environments differ most, dimensionless. */
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** Frame (position in the data set) and atom of each point. */
  readonly frame: readonly number[];
  readonly atom: readonly number[];
  /** Shares of the variance of all features that the two directions hold. */
  readonly explained: readonly [number, number];
}

/** Points of a map. */
const MOST_POINTS = 6000;

/** The two first dimensions of `environmentSpace`. Large data sets are thinned evenly. Null with fewer than three atoms. */
export function environmentMap(frames: readonly Frame[], kernel: Kernel): EnvironmentMap | null {
  const total = frames.reduce((sum, { structure }) => sum + structure.numbers.length, 0);
  if (total < 3) return null;
  const used = thinnedFrames(frames, total);
  const { points, dimensions, first, explained } = spaceOf(
    used.map((index) => frames[index].structure),
    kernel,
  );
  const map = { x: [] as number[], y: [] as number[], frame: [] as number[], atom: [] as number[] };
  for (const [k, index] of used.entries()) {
    for (let i = first[k]; i < first[k + 1]; i++) {
      map.x.push(points[i * dimensions]);
      map.y.push(points[i * dimensions + 1]);
      map.frame.push(index);
      map.atom.push(i - first[k]);
    }
  }
  return { ...map, explained: [explained[0], explained[1]] };
}

function spaceOf(structures: readonly Structure[], kernel: Kernel): EnvironmentSpace {
  const work = environmentSpace(structures, kernel);
  let next = work.next();
  while (next.done !== true) next = work.next();
  return next.value;
}

/** Frames, evenly spread, that hold about as many atoms as a map has room for. */
function thinnedFrames(frames: readonly Frame[], atoms: number): number[] {
  const stride = Math.max(1, atoms / MOST_POINTS);
  const kept: number[] = [];
  for (let k = 0; Math.floor(k * stride) < frames.length; k++) kept.push(Math.floor(k * stride));
  return kept;
}
