/**
 * Labels of several levels of theory as sums that do not grow with their number: for each level and each kind of label
 * the Gram matrix of its rows, its product with the labels, and the labels' squares. Theory: docs/theory/multi-fidelity.md.
 */
import type { Labels } from '../../data/dataset.ts';
import { solveSymmetric, symmetricEigen } from '../../linear-algebra.ts';
import type { Structure } from '../../structure/structure.ts';
import { addBlock, type Block, blocksOf, emptyEquations } from '../linear/linear-fit.ts';
import type { LinearRows } from '../linear/linear-model.ts';
import { mirrorLower } from './dense.ts';

/** Kinds of labels: energies per atom (eV/atom), force components (eV/Å), stress components (eV/Å³). */
export const LABEL_KINDS = ['energy', 'forces', 'stress'] as const;
export type LabelKind = (typeof LABEL_KINDS)[number];

export interface LabelledStructure {
  readonly structure: Structure;
  readonly labels: Labels;
}

/** The labels of one kind at one level. */
export interface KindSums {
  readonly kind: LabelKind;
  /** Labels, n. */
  readonly rows: number;
  /** Xᵀ X, [P × P], both triangles. */
  readonly gram: Float64Array;
  /** Xᵀ y, [P]. */
  readonly vector: Float64Array;
  /** Σ y². */
  readonly squares: number;
}

/** All labels of one level of theory. */
export interface LevelSums {
  readonly name: string;
  readonly frames: number;
  /** Kinds that have labels. */
  readonly kinds: readonly KindSums[];
  /** Energy of each species that was taken off the energies, eV, [S]: the least-squares solution of smallest norm. */
  readonly reference: Float64Array;
  /**
   * Orthonormal directions of the space of compositions that the energies of this level tell something about, [r][S].
   * Water alone has one: what oxygen and what two hydrogens are worth can't be told apart.
   */
  readonly directions: Float64Array;
  /** log det of the Gram matrix of the energies' compositions in these directions: the constant of the likelihood. */
  readonly logCompositions: number;
}

/** Compositions whose share of the largest is below this tell nothing. */
const LEAST_SHARE = 1e-9;

const ONLY: Readonly<Record<LabelKind, { energy: number; forces: number; stress: number }>> = {
  energy: { energy: 1, forces: 0, stress: 0 },
  forces: { energy: 0, forces: 1, stress: 0 },
  stress: { energy: 0, forces: 0, stress: 1 },
};

/** Rows and labels of one kind of a frame, to be weighted by `block.weight`; null where it has none. */
export function kindBlock(frame: LabelledStructure, rows: LinearRows, kind: LabelKind): Block | null {
  return blocksOf(frame, rows, ONLY[kind])[0] ?? null;
}

/** The labels with `reference` (eV of each species, [S]) taken off the energy, given back by −reference. */
export function withoutReference(labels: Labels, counts: Float64Array, reference: Float64Array): Labels {
  if (labels.energy === undefined) return labels;
  return { ...labels, energy: labels.energy - dot(counts, reference) };
}

/** Atoms of each species, [S]: the last columns of the row of an energy. */
export function compositionOf(rows: LinearRows, species: number): Float64Array {
  return rows.energy.subarray(rows.energy.length - species);
}

/** Sums up a level. `rowsOf` gives the rows of frame k; it is called twice for each frame with an energy. */
export function sumLevel(
  name: string,
  frames: readonly LabelledStructure[],
  rowsOf: (k: number) => LinearRows,
  species: number,
): LevelSums {
  const S = species;
  const compositions = new Float64Array(S * S);
  const sums = new Float64Array(S);
  for (const [k, { structure, labels }] of frames.entries()) {
    if (labels.energy === undefined) continue;
    const counts = compositionOf(rowsOf(k), S);
    const N = structure.numbers.length;
    for (let a = 0; a < S; a++) {
      sums[a] += (counts[a] / N) * (labels.energy / N);
      for (let b = 0; b < S; b++) compositions[a * S + b] += (counts[a] / N) * (counts[b] / N);
    }
  }
  const reference = solveSymmetric(compositions, sums, LEAST_SHARE);
  const known = knownDirections(compositions, S);
  const all = new Map(LABEL_KINDS.map((kind) => [kind, null as ReturnType<typeof emptyEquations> | null]));
  for (const [k, frame] of frames.entries()) {
    const rows = rowsOf(k);
    const shifted = { ...frame, labels: withoutReference(frame.labels, compositionOf(rows, S), reference) };
    for (const kind of LABEL_KINDS) {
      const block = kindBlock(shifted, rows, kind);
      if (block === null) continue;
      const equations = all.get(kind) ?? emptyEquations(rows.energy.length);
      all.set(kind, equations);
      addBlock(equations, block);
    }
  }
  const kinds = [...all].flatMap(([kind, equations]) => {
    if (equations === null || equations.rows === 0) return [];
    const { matrix, vector, squares, rows, parameters } = equations;
    mirrorLower(matrix, parameters);
    return [{ kind, rows, gram: matrix, vector, squares }];
  });
  return { name, frames: frames.length, kinds, reference, ...known };
}

/** Directions of the space of compositions that energies with this Gram matrix tell of, [S × S]. */
export function knownDirections(gram: Float64Array, S: number): Pick<LevelSums, 'directions' | 'logCompositions'> {
  const { values, vectors } = symmetricEigen(gram, S);
  const largest = Math.max(...values);
  const kept = [...values.keys()].filter((k) => values[k] > LEAST_SHARE * largest && values[k] > 0);
  const directions = Float64Array.from({ length: kept.length * S }, (_, at) => {
    return vectors[(at % S) * S + kept[Math.floor(at / S)]];
  });
  return { directions, logCompositions: kept.reduce((sum, k) => sum + Math.log(values[k]), 0) };
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
  return sum;
}
