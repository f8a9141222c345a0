/** Environments of many structures as points of a space of few dimensions. */
import { NearsightError } from '../errors.ts';
import type { Kernel } from '../kernels/kernels.ts';
import { symmetricEigen } from '../linear-algebra.ts';
import type { Structure } from '../structure/structure.ts';
import { createDescriptor, descriptorLength, openDescriptor } from '../training/linear/descriptor.ts';

/** Points of environments; distances between them say how different they are. */
export interface EnvironmentSpace {
  readonly dimensions: number;
  /** Principal components of the features, the largest first, [n][dimensions]. */
  readonly points: Float32Array;
  /** Points of frame f are first[f] … first[f+1] − 1. */
  readonly first: Int32Array;
  /** Atomic number in the middle of each environment, [n]. */
  readonly species: Int32Array;
  /** Share of the variance along each dimension. */
  readonly explained: readonly number[];
}

/** Components that are kept: those that hold this share of the variance, but no more than so many. */
const VARIANCE = 0.999;
const MOST_DIMENSIONS = 24;
/** Structures that settle the descriptor. */
const SETTLING = 60;
/** Spread of a feature that is nothing to speak of, as a share of the usual size of features. */
const NOISE = 0.01;
/** Numbers that features may take up: 2 GB. */
const MOST_FEATURES = 2 ** 29;
/** Frames between two looks up. */
const FRAMES_PER_TURN = 50;

/**
 * Features of all atoms, each less its mean over its standard deviation, in their principal components
 * (Pearson 1901, doi:10.1080/14786440109462720). Large deviations count by their logarithm (asinh), so that a few odd
 * environments do not rule the distances. Yields how far it has come.
 * @throws NearsightError `too-many-environments`
 */
export function* environmentSpace(
  structures: readonly Structure[],
  kernel: Kernel,
): Generator<string, EnvironmentSpace> {
  const descriptor = createDescriptor(settling(structures), kernel);
  const F = descriptorLength(descriptor);
  const first = Int32Array.from([0, ...structures.map(({ numbers }) => numbers.length)]);
  for (let f = 1; f < first.length; f++) first[f] += first[f - 1];
  const n = first[structures.length];
  if (n * F > MOST_FEATURES) {
    throw new NearsightError('too-many-environments', `${n} environments are too many to choose from`, {
      hint: 'ask for fewer or smaller structures, or leave the budget out',
    });
  }
  const features = new Float32Array(n * F);
  const engine = openDescriptor(descriptor, kernel);
  try {
    for (const [f, structure] of structures.entries()) {
      features.set(engine.features(structure), first[f] * F);
      if (f % FRAMES_PER_TURN === 0) yield `environments of structure ${f + 1} of ${structures.length}`;
    }
  } finally {
    engine.close();
  }
  standardise(features, F);
  const { axes, explained } = principalAxes(features, F);
  const dimensions = axes.length;
  const points = new Float32Array(n * dimensions);
  for (let i = 0; i < n; i++) {
    for (const [k, axis] of axes.entries()) {
      let projection = 0;
      for (let f = 0; f < F; f++) projection += features[i * F + f] * axis[f];
      points[i * dimensions + k] = projection;
    }
  }
  const species = Int32Array.from(structures.flatMap(({ numbers }) => Array.from(numbers)));
  return { dimensions, points, first, species, explained };
}

/** Some structures, evenly spread, and among them at least one with each element. */
function settling(structures: readonly Structure[]): Structure[] {
  const stride = Math.max(1, structures.length / SETTLING);
  const chosen = new Set<number>();
  for (let k = 0; Math.floor(k * stride) < structures.length; k++) chosen.add(Math.floor(k * stride));
  const known = new Set([...chosen].flatMap((k) => Array.from(structures[k].numbers)));
  for (const [k, { numbers }] of structures.entries()) {
    if (numbers.every((z) => known.has(z))) continue;
    for (const z of numbers) known.add(z);
    chosen.add(k);
  }
  return [...chosen].sort((a, b) => a - b).map((k) => structures[k]);
}

function standardise(features: Float32Array, F: number): void {
  const n = features.length / F;
  let squares = 0;
  for (const value of features) squares += value * value;
  // Where all environments are the same, what differs is rounding: it must not be blown up.
  const floor = NOISE * Math.sqrt(squares / features.length) || 1;
  for (let f = 0; f < F; f++) {
    let mean = 0;
    let square = 0;
    for (let i = f; i < features.length; i += F) mean += features[i] / n;
    for (let i = f; i < features.length; i += F) square += (features[i] - mean) ** 2 / n;
    const deviation = Math.sqrt(square) + floor;
    for (let i = f; i < features.length; i += F) features[i] = Math.asinh((features[i] - mean) / deviation);
  }
}

function principalAxes(rows: Float32Array, F: number): { axes: Float64Array[]; explained: number[] } {
  const n = rows.length / F;
  const covariance = new Float64Array(F * F);
  for (let at = 0; at < rows.length; at += F) {
    for (let f = 0; f < F; f++) {
      const value = rows[at + f] / n;
      for (let g = 0; g <= f; g++) covariance[f * F + g] += value * rows[at + g];
    }
  }
  for (let f = 0; f < F; f++) for (let g = 0; g < f; g++) covariance[g * F + f] = covariance[f * F + g];
  const { values, vectors } = symmetricEigen(covariance, F);
  const order = Array.from(values.keys()).sort((a, b) => values[b] - values[a]);
  const sum = values.reduce((all, value) => all + Math.max(0, value), 0) || 1;
  const explained: number[] = [];
  const axes: Float64Array[] = [];
  for (const column of order.slice(0, MOST_DIMENSIONS)) {
    if (axes.length >= 2 && explained.reduce((all, share) => all + share, 0) >= VARIANCE) break;
    const axis = Float64Array.from({ length: F }, (_, f) => vectors[f * F + column]);
    // The sign of a direction is arbitrary: its largest component is made positive.
    const largest = axis.reduce((most, x) => (Math.abs(x) > Math.abs(most) ? x : most), 0);
    axes.push(axis.map((x) => x * (Math.sign(largest) || 1)));
    explained.push(Math.max(0, values[column]) / sum);
  }
  return { axes, explained };
}
