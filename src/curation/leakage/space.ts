/** The whitened descriptor space of a training set. */
import type { Frame } from '../../data/dataset.ts';
import type { Kernel } from '../../kernels/kernels.ts';
import { createRandom } from '../../random.ts';
import { rattled } from '../../structure/builders.ts';
import { type Descriptor, descriptorLength } from '../descriptor.ts';
import {
  descriptorFor,
  type EnvironmentSet,
  environmentsOf,
  matchedDistances,
  selectEnvironments,
  whiteningsOf,
  whitenSet,
} from './environments.ts';
import type { Whitening } from './metric.ts';

export interface Space {
  readonly descriptor: Descriptor;
  /** Coordinates of an environment, F. */
  readonly dimension: number;
  /** By species; null for one without environments. */
  readonly whitenings: readonly (Whitening | null)[];
  /** The training set itself, whitened. */
  readonly training: EnvironmentSet;
  /** Median distance between a frame and a copy of it whose atoms were moved by 0.001 Å. */
  readonly resolution: number;
}

/** Å. Coordinates are written with so many digits, and relaxed structures are relaxed so far. */
const SAME_PLACE = 1e-3;
const SAMPLED_FRAMES = 24;

/** The space in which the environments of `frames` have unit covariance, species by species. */
export function spaceOf(frames: readonly Frame[], kernel: Kernel): Space {
  const descriptor = descriptorFor(frames, kernel);
  const dimension = descriptorLength(descriptor);
  const training = environmentsOf(frames, descriptor, kernel);
  const whitenings = whiteningsOf(training, dimension);
  whitenSet(training, whitenings);
  const space = { descriptor, dimension, whitenings, training };
  return { ...space, resolution: resolutionOf(frames, space, kernel) };
}

/** Frames as points of the space; those with elements that the training set does not have are nowhere. */
export function placeFrames(
  frames: readonly Frame[],
  space: Omit<Space, 'resolution'>,
  kernel: Kernel,
): EnvironmentSet {
  const set = environmentsOf(frames, space.descriptor, kernel);
  whitenSet(set, space.whitenings);
  return set;
}

function resolutionOf(frames: readonly Frame[], space: Omit<Space, 'resolution'>, kernel: Kernel): number {
  const step = Math.ceil(frames.length / SAMPLED_FRAMES);
  const sampled = frames.map((_, index) => index).filter((index) => index % step === 0);
  const random = createRandom(1);
  const moved = sampled.map((index) => ({
    ...frames[index],
    // √3 displacements of this width along x, y and z are one of SAME_PLACE.
    structure: rattled(frames[index].structure, SAME_PLACE / Math.sqrt(3), random),
  }));
  const position = new Map(sampled.map((index, k) => [index, k]));
  const originals = selectEnvironments(space.training, (frame) => position.has(frame)).map(({ rows, frame }) => ({
    rows,
    frame: frame.map((index) => position.get(index)!),
  }));
  const distances = matchedDistances(placeFrames(moved, space, kernel), originals, sampled.length).sort();
  return distances[distances.length >> 1];
}
