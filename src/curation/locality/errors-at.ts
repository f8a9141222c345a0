/** Held-out force errors of a linear model that sees so far. */
import type { Frame } from '../../data/dataset.ts';
import type { Kernel } from '../../kernels/kernels.ts';
import { turnTaker } from '../../md/progress.ts';
import {
  addBlock,
  applyRows,
  emptyEquations,
  type NormalEquations,
  solveEquations,
} from '../../training/linear/linear-fit.ts';
import { createLinearModel, openLinearModel } from '../../training/linear/linear-model.ts';

/** Frames, which of them are held out together, and how much they count. */
export interface LocalitySample {
  readonly frames: readonly Frame[];
  /** Number of the part that a frame is held out with, [frames]. */
  readonly fold: Int32Array;
  readonly folds: number;
  /** Of squared errors of forces, Å²/eV², [frames]. */
  readonly weights: Float64Array;
  readonly channels: number;
  readonly seed: number;
}

/** Ridges that are tried; the one with the lowest held-out error counts. */
const RIDGES = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2];
/** Å; the switching function ends the sphere smoothly over this distance, as in the default potential. */
const SWITCH = 1.5;
/** Of the radius, for small ones. */
const LEAST_ONSET = 0.3;
/** As in the default potential; more of them fit the noise. */
const RADIAL = 8;

/** F* − F of each frame by models that were fitted to the other parts, eV/Å, [3N] each. @param cutoff Å */
export async function heldOutResiduals(
  sample: LocalitySample,
  cutoff: number,
  kernel: Kernel,
  signal?: AbortSignal,
): Promise<Float64Array[]> {
  const { frames, fold, folds, weights, channels, seed } = sample;
  const model = createLinearModel(
    frames.map(({ structure }) => structure),
    kernel,
    {
      ...{ cutoff, onset: Math.max(cutoff - SWITCH, LEAST_ONSET * cutoff), channels, order: 3, radial: RADIAL, seed },
    },
  );
  const engine = openLinearModel(model, kernel);
  const turn = turnTaker(100);
  try {
    const parts = Array.from({ length: folds }, () => emptyEquations(model.parameters));
    const rows: Float32Array[] = [];
    for (const [k, { structure, labels }] of frames.entries()) {
      const { forces } = engine.rows(structure);
      rows.push(forces);
      addBlock(parts[fold[k]], { rows: forces, targets: labels.forces!, weight: weights[k] });
      signal?.throwIfAborted();
      await turn();
    }
    let best: { readonly residuals: Float64Array[]; readonly total: number } | null = null;
    for (const ridge of RIDGES) {
      const residuals = residualsWith(sample, rows, parts, ridge);
      const total = residuals.reduce((sum, own, k) => sum + weights[k] * sumOfSquares(own), 0);
      if (best === null || total < best.total) best = { residuals, total };
      await turn();
    }
    return best!.residuals;
  } finally {
    engine.close();
  }
}

function residualsWith(
  { frames, fold }: LocalitySample,
  rows: readonly Float32Array[],
  parts: readonly NormalEquations[],
  ridge: number,
): Float64Array[] {
  const fits = parts.map((_, held) => solveEquations(sumOf(parts.filter((_, part) => part !== held)), ridge));
  return frames.map(({ labels }, k) => {
    const predicted = applyRows(rows[k], fits[fold[k]].coefficients);
    return predicted.map((f, c) => labels.forces![c] - f);
  });
}

export const sumOfSquares = (values: Float64Array): number => values.reduce((sum, value) => sum + value * value, 0);

function sumOf(parts: readonly NormalEquations[]): NormalEquations {
  const sum = emptyEquations(parts[0].parameters);
  for (const { matrix, vector, squares, rows } of parts) {
    for (let k = 0; k < matrix.length; k++) sum.matrix[k] += matrix[k];
    for (let k = 0; k < vector.length; k++) sum.vector[k] += vector[k];
    sum.squares += squares;
    sum.rows += rows;
  }
  return sum;
}
