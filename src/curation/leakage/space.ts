/** The whitened descriptor space of a training set. */
import { agitatedCopies, enlarged, evenlySpread } from '../../data/agitated.ts';
import type { Frame } from '../../data/dataset.ts';
import type { Kernel } from '../../kernels/kernels.ts';
import { createRandom } from '../../random.ts';
import { rattled, strained } from '../../structure/builders.ts';
import type { Structure } from '../../structure/structure.ts';
import { type Descriptor, descriptorLength } from '../../training/linear/descriptor.ts';
import type { Whitening } from '../../whitening.ts';
import {
  descriptorFor,
  type EnvironmentSet,
  environmentsOf,
  matchedDistances,
  whiteningsOf,
  whitenSet,
} from './environments.ts';

export interface Space {
  readonly descriptor: Descriptor;
  /** Coordinates of an environment, F. */
  readonly dimension: number;
  /** By species; null for one without environments. */
  readonly whitenings: readonly (Whitening | null)[];
  /** The training set itself, whitened. */
  readonly training: EnvironmentSet;
  /** Median distance between a frame and a copy of it whose atoms, or nearest distances, were changed by 0.001 Å. */
  readonly resolution: number;
}

/** Å. Coordinates are written with so many digits, and relaxed structures are relaxed so far. */
const SAME_PLACE = 1e-3;
/** A stretch that takes an atom as far from a neighbour at 2.5 Å. */
const SAME_CELL = SAME_PLACE / 2.5;
const SAMPLED_FRAMES = 24;
/** Copies are at distances up to a tenth of this, from features in single precision. */
const ROUNDING = 1e-3;

/**
 * The space in which the environments of `frames` have unit covariance, species by species.
 *
 * Slightly agitated copies of some frames count among them: in a set of perfect crystals many features are zero by
 * symmetry, and what is nothing but rounding would else be magnified until it had unit variance.
 */
export function spaceOf(frames: readonly Frame[], kernel: Kernel): Space {
  const { copies: agitated } = agitatedCopies(frames, createRandom(1));
  const descriptor = descriptorFor([...frames, ...agitated], kernel);
  const dimension = descriptorLength(descriptor);
  const training = environmentsOf(frames, descriptor, kernel);
  const whitenings = whiteningsOf(training, environmentsOf(agitated, descriptor, kernel), dimension);
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

/**
 * Stretched or moved at random, whichever makes the smaller difference: in a set of perfect crystals a broken symmetry
 * is more of a novelty than a thousandth of an Å should be.
 */
function resolutionOf(frames: readonly Frame[], space: Omit<Space, 'resolution'>, kernel: Kernel): number {
  const originals = evenlySpread(frames, SAMPLED_FRAMES).map((index) => ({
    ...frames[index],
    structure: enlarged(frames[index].structure),
  }));
  const placed = placeFrames(originals, space, kernel);
  const medianTo = (change: (structure: Structure) => Structure): number => {
    const changed = originals.map((frame) => ({ ...frame, structure: change(frame.structure) }));
    const distances = matchedDistances(placeFrames(changed, space, kernel), placed, originals.length).sort();
    return distances[distances.length >> 1];
  };
  const random = createRandom(1);
  const stretch = Float64Array.from({ length: 9 }, (_, c) => (c % 4 === 0 ? SAME_CELL : 0));
  const resolution = Math.min(
    // √3 displacements of this width along x, y and z are one of SAME_PLACE.
    medianTo((structure) => rattled(structure, SAME_PLACE / Math.sqrt(3), random)),
    medianTo((structure) => strained(structure, stretch)),
  );
  return Math.max(resolution, ROUNDING);
}
