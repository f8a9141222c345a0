/** The structures that span a space of environments best. */
import type { EnvironmentSpace } from '../environment-space.ts';

/** Environments nearer than this to one that was chosen have nothing new. */
const NOTHING_NEW = 0.01;

/**
 * The frames to keep, in ascending order: those of `start`, then again and again the one with the environment that is
 * farthest from all environments of those chosen, at most `budget`; fewer where the rest has nothing new. Yields how
 * far it has come.
 * @param start the first frame when it is empty
 * @see farthest-point traversal: Gonzalez 1985, doi:10.1016/0304-3975(85)90224-5
 */
export function* farthestFrames(
  space: EnvironmentSpace,
  budget: number,
  start: readonly number[] = [],
): Generator<string, number[]> {
  const distance = new Float32Array(space.species.length).fill(Number.POSITIVE_INFINITY);
  const chosen: number[] = [];
  const waiting = start.length > 0 ? [...start] : [0];
  while (chosen.length < Math.max(budget, start.length)) {
    const frame = waiting.shift() ?? frameOf(farthest(distance), space);
    if (frame < 0) break;
    chosen.push(frame);
    approach(distance, frame, space);
    yield `kept ${chosen.length} of ${budget}`;
  }
  return chosen.sort((a, b) => a - b);
}

/** Lowers squared distances to the nearest chosen environment by those of one more frame. */
function approach(distance: Float32Array, frame: number, space: EnvironmentSpace): void {
  const { species, first } = space;
  // Of copies, and of what is chosen already, one will do.
  const centres: number[] = [];
  for (let i = first[frame]; i < first[frame + 1]; i++) {
    const isNew = (other: number): boolean =>
      species[other] !== species[i] || squareBetween(space, i, other, NOTHING_NEW ** 2) > NOTHING_NEW ** 2;
    if (distance[i] > NOTHING_NEW ** 2 && centres.every(isNew)) centres.push(i);
  }
  for (let j = 0; j < species.length; j++) {
    let least = distance[j];
    for (const i of centres) {
      if (species[i] === species[j]) least = Math.min(least, squareBetween(space, i, j, least));
    }
    distance[j] = least;
  }
}

/** Squared distance of two environments, or something above `most` where it is more than that. */
function squareBetween({ points, dimensions }: EnvironmentSpace, i: number, j: number, most: number): number {
  let square = 0;
  for (let k = 0; k < dimensions && square <= most; k++) {
    const difference = points[j * dimensions + k] - points[i * dimensions + k];
    square += difference * difference;
  }
  return square;
}

/** The environment that is farthest from what was chosen; −1 where all are covered. */
function farthest(distance: Float32Array): number {
  let most = NOTHING_NEW ** 2;
  let index = -1;
  for (let j = 0; j < distance.length; j++) {
    if (distance[j] > most) {
      most = distance[j];
      index = j;
    }
  }
  return index;
}

function frameOf(environment: number, { first }: EnvironmentSpace): number {
  if (environment < 0) return -1;
  let low = 0;
  let high = first.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (first[middle] <= environment) low = middle;
    else high = middle;
  }
  return low;
}

/** Distance from every environment to the nearest one of the chosen frames; infinite where no species is the same. */
export function distancesToChosen(space: EnvironmentSpace, frames: readonly number[]): Float32Array {
  const distance = new Float32Array(space.species.length).fill(Number.POSITIVE_INFINITY);
  for (const frame of frames) approach(distance, frame, space);
  return distance.map(Math.sqrt);
}
