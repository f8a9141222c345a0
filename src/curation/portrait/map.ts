import type { Frame } from '../../data/dataset.ts';
import type { Kernel } from '../../kernels/kernels.ts';
import { symmetricEigen } from '../../linear-algebra.ts';
import { createDescriptor, descriptorLength, openDescriptor } from '../descriptor.ts';

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

/** Points of a map, and atoms that its directions are taken from. */
const MOST_POINTS = 6000;

/**
 * The two first principal components of the features, brought to one scale, of environments (Pearson 1901,
 * doi:10.1080/14786440109462720). Large data sets are thinned evenly. Null with fewer than three atoms.
 */
export function environmentMap(frames: readonly Frame[], kernel: Kernel): EnvironmentMap | null {
  const total = frames.reduce((sum, { structure }) => sum + structure.numbers.length, 0);
  if (total < 3) return null;
  const used = thinnedFrames(frames, total);
  const descriptor = createDescriptor(
    used.map((index) => frames[index].structure),
    kernel,
  );
  const F = descriptorLength(descriptor);
  const engine = openDescriptor(descriptor, kernel);
  const rows: Float64Array[] = [];
  const frame: number[] = [];
  const atom: number[] = [];
  try {
    for (const index of used) {
      const features = engine.features(frames[index].structure);
      for (let i = 0; i * F < features.length; i++) {
        rows.push(features.subarray(i * F, (i + 1) * F));
        frame.push(index);
        atom.push(i);
      }
    }
  } finally {
    engine.close();
  }
  return { ...project(standardised(rows, F), F), frame, atom };
}

/** Frames, evenly spread, that hold about as many atoms as a map has room for. */
function thinnedFrames(frames: readonly Frame[], atoms: number): number[] {
  const stride = Math.max(1, atoms / MOST_POINTS);
  const kept: number[] = [];
  for (let k = 0; Math.floor(k * stride) < frames.length; k++) kept.push(Math.floor(k * stride));
  return kept;
}

/**
 * Features less their mean, over their standard deviation; large deviations grow with their logarithm only (asinh), so
 * that a few odd environments do not rule the map.
 */
function standardised(rows: readonly Float64Array[], F: number): Float64Array[] {
  const mean = new Float64Array(F);
  const square = new Float64Array(F);
  for (const row of rows) for (let f = 0; f < F; f++) mean[f] += row[f] / rows.length;
  for (const row of rows) for (let f = 0; f < F; f++) square[f] += (row[f] - mean[f]) ** 2 / rows.length;
  return rows.map((row) => row.map((value, f) => Math.asinh((value - mean[f]) / (Math.sqrt(square[f]) + 1e-9))));
}

function project(rows: readonly Float64Array[], F: number): Pick<EnvironmentMap, 'x' | 'y' | 'explained'> {
  const covariance = new Float64Array(F * F);
  for (const row of rows) {
    for (let f = 0; f < F; f++) {
      const value = row[f] / rows.length;
      for (let g = 0; g <= f; g++) covariance[f * F + g] += value * row[g];
    }
  }
  for (let f = 0; f < F; f++) for (let g = 0; g < f; g++) covariance[g * F + f] = covariance[f * F + g];
  const { values, vectors } = symmetricEigen(covariance, F);
  const order = Array.from(values.keys()).sort((a, b) => values[b] - values[a]);
  const sum = values.reduce((all, value) => all + Math.max(0, value), 0) || 1;
  const along = (k: number): number[] => {
    const column = order[k];
    // The sign of a direction is arbitrary: its largest component is made positive.
    let largest = 0;
    for (let f = 0; f < F; f++) {
      if (Math.abs(vectors[f * F + column]) > Math.abs(largest)) largest = vectors[f * F + column];
    }
    const sign = Math.sign(largest) || 1;
    return rows.map((row) => {
      let projection = 0;
      for (let f = 0; f < F; f++) projection += row[f] * vectors[f * F + column];
      return sign * projection;
    });
  };
  return { x: along(0), y: along(1), explained: [values[order[0]] / sum, values[order[1]] / sum] };
}
