/** Each block of labels of a frame against what all others say of it. */
import type { Frame } from '../../data/dataset.ts';
import type { LinearFit, LinearWeights } from '../linear-fit.ts';
import type { LinearRows } from '../linear-model.ts';
import { type BlockInfluence, blockInfluence, whitened } from './influence.ts';

/** Blocks that a fit has not seen, by the number of their frame. */
export interface Excluded {
  readonly energy: ReadonlySet<number>;
  /** Frames without any of their forces. */
  readonly forces: ReadonlySet<number>;
  /** Atoms that stand out in their frame, whether or not the rest of it does. */
  readonly atoms: ReadonlyMap<number, ReadonlySet<number>>;
}

export interface Measured extends BlockInfluence {
  /** Rows of the block, m. */
  readonly rows: number;
  /** T / m. */
  readonly mean: number;
  /** Weight of its rows: residuals in eV or eV/Å are those of the block over √weight. */
  readonly weight: number;
}

/** Null: no label, or no other label has a say in it. */
export interface FrameMeasures {
  readonly energy: Measured | null;
  /** Without the atoms that stood out in the round before. */
  readonly forces: Measured | null;
  readonly atoms: readonly (Measured | null)[];
  /** Whether the frame has a label that no other label has a say in. */
  readonly alone: boolean;
}

export interface MeasureContext {
  readonly fit: LinearFit;
  readonly weights: LinearWeights;
  readonly excluded: Excluded;
}

/** Measures frame number k. */
export function measureFrame(frame: Frame, k: number, rows: LinearRows, context: MeasureContext): FrameMeasures {
  const { fit, weights, excluded } = context;
  const { energy, forces } = frame.labels;
  const N = frame.structure.numbers.length;
  let alone = false;
  const measured = (found: BlockInfluence | null, count: number, weight: number): Measured | null => {
    if (found === null) alone = true;
    return found && { ...found, rows: count, mean: found.discrepancy / count, weight };
  };
  const weight = weights.energy / N ** 2;
  let ofEnergy: Measured | null = null;
  if (energy !== undefined) {
    const row = whitened(rows.energy, Float64Array.of(energy), fit, weight);
    ofEnergy = measured(blockInfluence(row, [0], !excluded.energy.has(k)), 1, weight);
  }
  if (forces === undefined) return { energy: ofEnergy, forces: null, atoms: [], alone };
  const white = whitened(rows.forces, forces, fit, weights.forces);
  const outside = excluded.forces.has(k);
  const without = excluded.atoms.get(k);
  const odd = (i: number): boolean => without?.has(i) ?? false;
  const atoms = Array.from({ length: N }, (_, i) =>
    measured(blockInfluence(white, axesOf([i]), !outside && !odd(i)), 3, weights.forces),
  );
  const axes = axesOf(Array.from({ length: N }, (_, i) => i).filter((i) => !odd(i)));
  const ofForces =
    axes.length === 0 ? null : measured(blockInfluence(white, axes, !outside), axes.length, weights.forces);
  return { energy: ofEnergy, forces: ofForces, atoms, alone };
}

/** Numbers of the rows of some atoms. */
const axesOf = (atoms: readonly number[]): number[] => atoms.flatMap((i) => [3 * i, 3 * i + 1, 3 * i + 2]);
