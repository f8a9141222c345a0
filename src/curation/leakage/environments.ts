/** Environments of many frames, species by species, as rows that a nearest-neighbour search takes. */
import type { Frame } from '../../data/dataset.ts';
import type { Kernel } from '../../kernels/kernels.ts';
import { type NearestResult, rowDistance } from '../../kernels/nearest.ts';
import {
  createDescriptor,
  DEFAULT_DESCRIPTOR,
  type Descriptor,
  type DescriptorSettings,
  descriptorLength,
  openDescriptor,
} from '../../training/linear/descriptor.ts';
import { type Whitening, whiteningOf, whitenRows } from '../../whitening.ts';

/** Environments of one species. */
export interface Environments {
  /** Features, or whitened coordinates, [n][F]. */
  readonly rows: Float32Array;
  /** The frame that each belongs to, [n], ascending. */
  readonly frame: Int32Array;
}

/** By species, in the order of `Descriptor.elements`. */
export type EnvironmentSet = readonly Environments[];

/** More frames than this do not make the radial functions better. */
const DESCRIPTOR_FRAMES = 400;

/** Eight channels tell the same frames apart as sixteen do, at half the cost. */
const SETTINGS: DescriptorSettings = { ...DEFAULT_DESCRIPTOR, channels: 8 };

/** A descriptor for all elements of the frames. */
export function descriptorFor(frames: readonly Frame[], kernel: Kernel): Descriptor {
  const stride = Math.ceil(frames.length / DESCRIPTOR_FRAMES);
  const seen = new Set<number>();
  const chosen = frames.filter(({ structure }, index) => {
    const fresh = structure.numbers.some((z) => !seen.has(z));
    if (fresh) for (const z of structure.numbers) seen.add(z);
    return fresh || index % stride === 0;
  });
  return createDescriptor(
    chosen.map(({ structure }) => structure),
    kernel,
    SETTINGS,
  );
}

/** Whether a frame has no element but those of the descriptor. */
export function isKnown({ structure }: Frame, { elements }: Descriptor): boolean {
  return structure.numbers.every((z) => elements.includes(z));
}

/** Features of all atoms; frames with unknown elements have none. */
export function environmentsOf(frames: readonly Frame[], descriptor: Descriptor, kernel: Kernel): EnvironmentSet {
  const { elements } = descriptor;
  const F = descriptorLength(descriptor);
  const known = frames.map((frame) => isKnown(frame, descriptor));
  const counts = elements.map(() => 0);
  for (const [index, { structure }] of frames.entries()) {
    if (known[index]) for (const z of structure.numbers) counts[elements.indexOf(z)]++;
  }
  const set = counts.map(
    (count): Environments => ({ rows: new Float32Array(count * F), frame: new Int32Array(count) }),
  );
  const next = elements.map(() => 0);
  const engine = openDescriptor(descriptor, kernel);
  try {
    for (const [index, { structure }] of frames.entries()) {
      if (!known[index]) continue;
      const x = engine.features(structure);
      for (const [i, z] of structure.numbers.entries()) {
        const species = elements.indexOf(z);
        const row = next[species]++;
        set[species].rows.set(x.subarray(i * F, (i + 1) * F), row * F);
        set[species].frame[row] = index;
      }
    }
  } finally {
    engine.close();
  }
  return set;
}

/** More environments than this do not make a covariance better. */
const MOST_ENVIRONMENTS = 20_000;

/** One whitening for each species, from two sets together; null for a species without environments. */
export function whiteningsOf(set: EnvironmentSet, more: EnvironmentSet, dimension: number): (Whitening | null)[] {
  return set.map(({ rows, frame }, species) => {
    if (frame.length === 0) return null;
    const stride = Math.ceil(frame.length / MOST_ENVIRONMENTS);
    const count = Math.ceil(frame.length / stride);
    const sample = new Float32Array(count * dimension + more[species].rows.length);
    for (let k = 0; k < count; k++) {
      const at = k * stride * dimension;
      sample.set(rows.subarray(at, at + dimension), k * dimension);
    }
    sample.set(more[species].rows, count * dimension);
    return whiteningOf(sample, dimension);
  });
}

/** Features become whitened coordinates, in place. */
export function whitenSet(set: EnvironmentSet, whitenings: readonly (Whitening | null)[]): void {
  for (const [species, { rows }] of set.entries()) {
    const whitening = whitenings[species];
    if (whitening !== null) whitenRows(rows, whitening);
  }
}

/** Some frames of a set: the environments of the frames that `keep` names. */
export function selectEnvironments(set: EnvironmentSet, keep: (frame: number) => boolean): EnvironmentSet {
  return set.map(({ rows, frame }) => {
    const dimension = frame.length === 0 ? 0 : rows.length / frame.length;
    const chosen = Array.from(frame.keys()).filter((i) => keep(frame[i]));
    const some = new Float32Array(chosen.length * dimension);
    for (const [k, i] of chosen.entries()) some.set(rows.subarray(i * dimension, (i + 1) * dimension), k * dimension);
    return { rows: some, frame: Int32Array.from(chosen, (i) => frame[i]) };
  });
}

/** How near the frames of one set are to those of another. */
export interface FrameDistances {
  /** Root-mean-square over a frame's atoms of the distance to the nearest environment; Infinity without any. */
  readonly distance: Float64Array;
  /** The frame that most of these nearest environments belong to, the first of several; −1 where there is none. */
  readonly nearest: Int32Array;
  /** Share of a frame's environments that are nearer than `within`. */
  readonly near: Float64Array;
}

export interface FrameSearch {
  readonly kernel: Kernel;
  /** Number of frames of the queries. */
  readonly frames: number;
  /** Numbers of coordinates. */
  readonly dimension: number;
  /** Labels by frame: environments of frames with the same label are not compared. */
  readonly exclude?: { readonly queries: Int32Array; readonly points: Int32Array };
  readonly within?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Environments that have been compared with all others. */
export interface SearchProgress {
  readonly done: number;
  readonly total: number;
}

/** Environments that are compared between two turns of the event loop: a second's work against 100,000 others. */
const TURN = 2048;

/** For each frame of `queries` how far its environments are from the nearest of `points`, in the whitened space. */
export async function* frameDistances(
  queries: EnvironmentSet,
  points: EnvironmentSet,
  search: FrameSearch,
): AsyncGenerator<SearchProgress, FrameDistances> {
  const { frames, within = 0, signal } = search;
  const square = new Float64Array(frames);
  const atoms = new Float64Array(frames);
  const near = new Float64Array(frames);
  const votes = Array.from({ length: frames }, () => new Map<number, number>());
  const total = queries.reduce((sum, { frame }) => sum + frame.length, 0);
  let done = 0;
  for (const [species, { frame }] of queries.entries()) {
    for (let from = 0; from < frame.length; from += TURN) {
      signal?.throwIfAborted();
      const to = Math.min(frame.length, from + TURN);
      const { distances, indices } = nearestIn(queries[species], points[species], { ...search, from, to });
      for (let i = from; i < to; i++) {
        const index = frame[i];
        const distance = distances[i - from];
        atoms[index]++;
        square[index] += distance ** 2;
        if (distance < within) near[index]++;
        const other = points[species].frame[indices[i - from]];
        if (other !== undefined) votes[index].set(other, (votes[index].get(other) ?? 0) + 1);
      }
      done += to - from;
      yield { done, total };
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }
  return {
    distance: square.map((sum, index) =>
      atoms[index] === 0 ? Number.POSITIVE_INFINITY : Math.sqrt(sum / atoms[index]),
    ),
    nearest: Int32Array.from(votes, winner),
    near: near.map((count, index) => (atoms[index] === 0 ? 0 : count / atoms[index])),
  };
}

/** The search for environments `from` … `to` − 1 of one species. */
function nearestIn(
  queries: Environments,
  points: Environments,
  { kernel, dimension, exclude, from, to }: FrameSearch & { readonly from: number; readonly to: number },
): NearestResult {
  return kernel.nearest({
    dimension,
    queries: queries.rows.subarray(from * dimension, to * dimension),
    points: points.rows,
    ...(exclude && {
      exclude: {
        queries: queries.frame.subarray(from, to).map((index) => exclude.queries[index]),
        points: points.frame.map((index) => exclude.points[index]),
      },
    }),
  });
}

/** The number with most votes, the smallest of several; −1 without votes. */
function winner(votes: ReadonlyMap<number, number>): number {
  let best = -1;
  let most = 0;
  for (const [frame, count] of votes) {
    if (count > most || (count === most && frame < best)) {
      best = frame;
      most = count;
    }
  }
  return best;
}

/** Root-mean-square distance between frames of two sets that have the same atoms in the same order, by frame. */
export function matchedDistances(a: EnvironmentSet, b: EnvironmentSet, frames: number): Float64Array {
  const square = new Float64Array(frames);
  const atoms = new Float64Array(frames);
  for (const [species, { rows, frame }] of a.entries()) {
    const dimension = frame.length === 0 ? 0 : rows.length / frame.length;
    for (let i = 0; i < frame.length; i++) {
      square[frame[i]] += rowDistance(rows, i, b[species].rows, i, dimension) ** 2;
      atoms[frame[i]]++;
    }
  }
  return square.map((sum, index) => Math.sqrt(sum / Math.max(1, atoms[index])));
}
