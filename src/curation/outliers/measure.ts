/** Each block of labels of a frame against what all others say of it. */
import type { Frame } from '../../data/dataset.ts';
import type { LinearFit, LinearWeights } from '../../training/linear/linear-fit.ts';
import type { LinearRows } from '../../training/linear/linear-model.ts';
import { type BlockInfluence, blockInfluence, type WhiteRows, whitened } from './influence.ts';

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
  /** Whether the fit has seen it. */
  readonly inside: boolean;
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
  const measured = (
    white: WhiteRows,
    which: readonly number[],
    of: { readonly inside: boolean; readonly weight: number },
  ): Measured | null => {
    const found = blockInfluence(white, which, of.inside);
    if (found === null) alone = true;
    return found && { ...found, ...of, rows: which.length, mean: found.discrepancy / which.length };
  };
  const weight = weights.energy / N ** 2;
  let ofEnergy: Measured | null = null;
  if (energy !== undefined) {
    const row = whitened(rows.energy, Float64Array.of(energy), fit, weight);
    ofEnergy = measured(row, [0], { inside: !excluded.energy.has(k), weight });
  }
  if (forces === undefined) return { energy: ofEnergy, forces: null, atoms: [], alone };
  const white = whitened(rows.forces, forces, fit, weights.forces);
  const outside = excluded.forces.has(k);
  const without = excluded.atoms.get(k);
  const odd = (i: number): boolean => without?.has(i) ?? false;
  const atoms = Array.from({ length: N }, (_, i) =>
    measured(white, axesOf([i]), { inside: !outside && !odd(i), weight: weights.forces }),
  );
  const axes = axesOf(Array.from({ length: N }, (_, i) => i).filter((i) => !odd(i)));
  const ofForces = axes.length === 0 ? null : measured(white, axes, { inside: !outside, weight: weights.forces });
  return { energy: ofEnergy, forces: ofForces, atoms, alone };
}

/** Numbers of the rows of some atoms. */
const axesOf = (atoms: readonly number[]): number[] => atoms.flatMap((i) => [3 * i, 3 * i + 1, 3 * i + 2]);
