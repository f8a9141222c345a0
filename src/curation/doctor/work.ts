/**
 * Pairs of similar frames. Between two of them the work of forces and stresses along the way is the difference of the
 * energies, whatever made the labels: no model is needed, and nothing but arithmetic can be wrong.
 */
import type { Frame } from '../../data/dataset.ts';
import { cellVolume } from '../../structure/cell.ts';
import { inverse3, multiply3, rowsTimes3 } from '../../structure/matrix3.ts';
import { SHEAR } from './conventions.ts';

/** Work between two frames of the same atoms, all from the labels as they are. */
export interface WorkPair {
  /** Indices of the two frames. */
  readonly from: number;
  readonly to: number;
  readonly atoms: number;
  /** Difference of the energies. */
  readonly energy: number;
  /** Work of the forces; 0 where the atoms stay in their places of the cell. */
  readonly forces: number;
  /** Displacement of the atoms within the cell, rms, as a share of the distance between neighbours. */
  readonly shift: number;
  /** Norm of the strain between the cells. */
  readonly strain: number;
  /** Work of the stresses; null where the cell stays as it is or there are no stresses. */
  readonly stress: StressWork | null;
}

export interface StressWork {
  /** Of xx, yy and zz, with the stress times the volume, and with the bare label. */
  readonly diagonal: number;
  readonly bareDiagonal: number;
  /** Of the label in place a (yz, xz, xy) along strain b, [9], row a; with and without the volume. */
  readonly shear: Float64Array;
  readonly bareShear: Float64Array;
  /** Change of the volume, Å³. */
  readonly volume: number;
}

/** Norms of strain that count as one and that a trapezoid bridges. */
export const LEAST_STRAIN = 1e-3;
const MOST_STRAIN = 0.06;
/** Displacements that a trapezoid bridges (rms), as a share of the distance between neighbours. */
const MOST_SHIFT = 0.2;
/** Coordinates that are compared in all: bounds the time. */
const MOST_COORDINATES = 2_000_000;
/** Atoms in all pairs together, shared out by numbers of frames, and pairs that any set of frames may have. */
const MOST_ATOMS = 60_000;
const FEW_PAIRS = 20;
const FEWEST_PARTNERS = 3;

/**
 * Pairs among frames of one group with the same atoms in the same order: neighbours in the file, and as many others as
 * a fixed budget of comparisons allows.
 * @param usable frames without defects @param nearest typical distance between neighbours, Å
 */
export function findPairs(frames: readonly Frame[], usable: readonly number[], nearest: number): WorkPair[] {
  const buckets = bucketsOf(frames, usable);
  let coordinates = 0;
  for (const members of buckets) {
    if (members.length > 1) coordinates += members.length * frames[members[0]].structure.positions.length;
  }
  const partners = Math.max(FEWEST_PARTNERS, Math.floor(MOST_COORDINATES / Math.max(1, coordinates)));
  const pairs: WorkPair[] = [];
  for (const members of buckets) {
    const atoms = frames[members[0]].structure.numbers.length;
    const share = (MOST_ATOMS * members.length) / usable.length / atoms;
    const most = pairs.length + Math.max(FEW_PAIRS, Math.ceil(share));
    const places = new Map<number, Float64Array>();
    for (let gap = 1; gap <= Math.min(partners, members.length - 1) && pairs.length < most; gap++) {
      for (let k = 0; k + gap < members.length && pairs.length < most; k++) {
        const pair = pairOf(frames, [members[k], members[k + gap]], { places, nearest });
        if (pair !== null) pairs.push(pair);
      }
    }
  }
  return pairs;
}

/** Frames with energies of one group with the same atoms in the same order, at least two together. */
function bucketsOf(frames: readonly Frame[], usable: readonly number[]): number[][] {
  const buckets = new Map<string, number[]>();
  for (const index of usable) {
    const { structure, labels, group } = frames[index];
    if (labels.energy === undefined) continue;
    const { numbers, pbc } = structure;
    if (!(pbc[0] === pbc[1] && pbc[1] === pbc[2])) continue;
    let hash = 0;
    for (let i = 0; i < numbers.length; i++) hash = (Math.imul(hash, 31) + numbers[i]) | 0;
    const key = `${group}\n${numbers.length} ${hash} ${pbc[0]}`;
    const bucket = buckets.get(key);
    if (bucket === undefined) buckets.set(key, [index]);
    else if (sameAtoms(numbers, frames[bucket[0]].structure.numbers)) bucket.push(index);
  }
  return [...buckets.values()].filter((members) => members.length > 1);
}

function sameAtoms(a: Int32Array, b: Int32Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return a.length === b.length;
}

interface Reach {
  /** Fractional coordinates by frame, worked out once. */
  readonly places: Map<number, Float64Array>;
  /** Typical distance between neighbours, Å. */
  readonly nearest: number;
}

/**
 * Trapezoidal rule along the path on which cell and fractional coordinates change linearly, from cell C₁ to
 * C₂ = C₁ (1 + X): the strain rate is X at its start and C₂⁻¹ (C₂ − C₁) at its end. Null for frames that differ by
 * too much, or not at all, or lack the labels for it.
 */
function pairOf(
  frames: readonly Frame[],
  [from, to]: readonly [number, number],
  { places, nearest }: Reach,
): WorkPair | null {
  const a = frames[from];
  const b = frames[to];
  const periodic = a.structure.pbc[0];
  const cellA = a.structure.cell;
  const cellB = b.structure.cell;
  let strain = 0;
  let change: Float64Array | null = null;
  if (periodic && cellA.some((value, c) => Math.abs(value - cellB[c]) > 1e-9)) {
    change = cellB.map((value, c) => value - cellA[c]);
    strain = norm(multiply3(inverse3(cellA), change));
    if (!(strain <= MOST_STRAIN)) return null;
  }
  const moves = displacements(frames, [from, to], { places, nearest });
  if (moves === null || (moves === STILL && strain < LEAST_STRAIN)) return null;
  let forces = 0;
  if (moves !== STILL) {
    if (a.labels.forces === undefined || b.labels.forces === undefined) return null;
    forces = -(dot(a.labels.forces, moves.start) + dot(b.labels.forces, moves.end)) / 2;
  }
  return {
    ...{ from, to, atoms: a.structure.numbers.length, forces, strain, shift: moves.shift },
    energy: (b.labels.energy ?? Number.NaN) - (a.labels.energy ?? Number.NaN),
    stress: change === null || strain < LEAST_STRAIN ? null : stressWork(a, b, change),
  };
}

interface Moves {
  /** Rms, as a share of the distance between neighbours. */
  readonly shift: number;
  readonly start: Float64Array;
  readonly end: Float64Array;
}

const STILL: Moves = { shift: 0, start: new Float64Array(0), end: new Float64Array(0) };

/** Displacements in the cell of either frame, Å, [3N], a shift of the whole left out; null beyond reach. */
function displacements(
  frames: readonly Frame[],
  [from, to]: readonly [number, number],
  { places, nearest }: Reach,
): Moves | null {
  const a = frames[from].structure;
  const b = frames[to].structure;
  const periodic = a.pbc[0];
  const placesOf = (index: number): Float64Array => {
    let found = places.get(index);
    if (found === undefined) {
      const { positions, cell } = frames[index].structure;
      found = periodic ? rowsTimes3(positions, inverse3(cell)) : positions;
      places.set(index, found);
    }
    return found;
  };
  const p = placesOf(from);
  const q = placesOf(to);
  const atoms = a.numbers.length;
  if (farApart(p, q, { periodic, cell: a.cell, limit: FAR * MOST_SHIFT * nearest })) return null;
  const shifts = new Float64Array(3 * atoms);
  const mean = [0, 0, 0];
  let moved = false;
  for (let c = 0; c < shifts.length; c++) {
    let shift = q[c] - p[c];
    if (periodic) shift -= Math.round(shift);
    // Coordinates in files are rounded: what is below 1e-7 of the cell has not moved.
    if (Math.abs(shift) < 1e-7) continue;
    moved = true;
    shifts[c] = shift;
    mean[c % 3] += shift / atoms;
  }
  if (!moved) return STILL;
  for (let c = 0; c < shifts.length; c++) shifts[c] -= mean[c % 3];
  const start = periodic ? rowsTimes3(shifts, a.cell) : shifts;
  const rms = Math.sqrt(dot(start, start) / atoms);
  if (!(rms <= MOST_SHIFT * nearest)) return null;
  if (rms < 1e-6) return STILL;
  return { shift: rms / nearest, start, end: periodic ? rowsTimes3(shifts, b.cell) : shifts };
}

/** Structures whose first atoms are so many times too far apart are not compared any further. */
const FAR = 3;
const FIRST_ATOMS = 8;

/** A quick look at the first atoms, their common shift left out. */
function farApart(
  p: Float64Array,
  q: Float64Array,
  { periodic, cell, limit }: { readonly periodic: boolean; readonly cell: Float64Array; readonly limit: number },
): boolean {
  const n = Math.min(p.length, 3 * FIRST_ATOMS);
  let squares = 0;
  for (let axis = 0; axis < 3; axis++) {
    // In a skewed cell this is not the displacement, but of its size.
    const length = periodic ? Math.hypot(cell[3 * axis], cell[3 * axis + 1], cell[3 * axis + 2]) : 1;
    let sum = 0;
    let square = 0;
    for (let c = axis; c < n; c += 3) {
      let shift = q[c] - p[c];
      if (periodic) shift -= Math.round(shift);
      sum += shift;
      square += shift * shift;
    }
    squares += length * length * (square - (sum * sum * 3) / n);
  }
  return squares > (limit * limit * n) / 3;
}

function stressWork(a: Frame, b: Frame, change: Float64Array): StressWork | null {
  const { stress: first } = a.labels;
  const { stress: second } = b.labels;
  if (first === undefined || second === undefined) return null;
  const volumes = [cellVolume(a.structure.cell), cellVolume(b.structure.cell)];
  const work = { diagonal: 0, bareDiagonal: 0, shear: new Float64Array(9), bareShear: new Float64Array(9) };
  for (const [k, [label, frame]] of (
    [
      [first, a],
      [second, b],
    ] as const
  ).entries()) {
    const rate = multiply3(inverse3(frame.structure.cell), change);
    const diagonal = (label[0] * rate[0] + label[4] * rate[4] + label[8] * rate[8]) / 2;
    work.bareDiagonal += diagonal;
    work.diagonal += volumes[k] * diagonal;
    for (let place = 0; place < 3; place++) {
      for (let shear = 0; shear < 3; shear++) {
        const at = SHEAR[shear];
        const value = (label[SHEAR[place]] * (rate[at] + rate[3 * (at % 3) + Math.floor(at / 3)])) / 2;
        work.bareShear[3 * place + shear] += value;
        work.shear[3 * place + shear] += volumes[k] * value;
      }
    }
  }
  return { ...work, volume: volumes[1] - volumes[0] };
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let c = 0; c < b.length; c++) sum += a[c] * b[c];
  return sum;
}

const norm = (a: Float64Array): number => Math.sqrt(dot(a, a));
