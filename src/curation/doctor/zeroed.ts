/** Forces of exactly zero on atoms that nothing holds by symmetry: constraints, or atoms that were not computed. */
import type { Frame } from '../../data/dataset.ts';
import { buildNeighbourList, sitePositions } from '../../structure/neighbours.ts';
import type { FrameFacts } from './facts.ts';

export interface ZeroedForces {
  /** Frames with such atoms, ascending. */
  readonly frames: readonly number[];
  /** How many such atoms there are. */
  readonly atoms: number;
}

/** Surroundings within so many nearest-neighbour distances are looked at. */
const REACH = 1.7;
/** The surroundings of a zeroed atom are at least so lopsided; below that, zero may be the truth. */
const LOPSIDED = 1e-3;
/** … and at least this share as lopsided as those of the atoms with forces in the same frame (median). */
const SHARE = 0.1;
/** Frames that are looked at before the others are believed to be alike. */
const FIRST_LOOK = 30;

/**
 * A force must vanish where the surroundings have no preferred direction. An atom whose surroundings have one, and whose
 * force is zero to the last digit all the same, was held or left out.
 */
export function findZeroed(frames: readonly Frame[], facts: readonly FrameFacts[]): ZeroedForces {
  const suspects: number[] = [];
  for (const [index, { forces }] of facts.entries()) {
    if (forces !== undefined && forces.zeros > 0 && frames[index].structure.numbers.length > 1) suspects.push(index);
  }
  const found: number[] = [];
  let atoms = 0;
  const look = (index: number): void => {
    const count = zeroedAtoms(frames[index], facts[index].contacts?.nearest.distance);
    if (count > 0) found.push(index);
    atoms += count;
  };
  const stride = Math.max(1, Math.floor(suspects.length / FIRST_LOOK));
  for (let k = 0; k < suspects.length; k += stride) look(suspects[k]);
  if (found.length > 0) for (let k = 0; k < suspects.length; k++) if (k % stride !== 0) look(suspects[k]);
  return { frames: found.sort((a, b) => a - b), atoms };
}

function zeroedAtoms({ structure, labels: { forces } }: Frame, nearest: number | undefined): number {
  if (forces === undefined || nearest === undefined || nearest < 0.1) return 0;
  const lopsided = lopsidedness(structure, REACH * nearest);
  const isZero = (i: number): boolean => forces[3 * i] === 0 && forces[3 * i + 1] === 0 && forces[3 * i + 2] === 0;
  const others: number[] = [];
  for (let i = 0; i < lopsided.length; i++) if (!isZero(i)) others.push(lopsided[i]);
  others.sort((a, b) => a - b);
  const least = Math.max(LOPSIDED, SHARE * (others[others.length >> 1] ?? 0));
  let count = 0;
  for (let i = 0; i < lopsided.length; i++) if (isZero(i) && lopsided[i] > least) count++;
  return count;
}

/** |Σ_j w(r_ij) r̂_ij| / Σ_j w(r_ij) of each atom, w falling smoothly to zero at reach; 0 without neighbours. */
function lopsidedness(structure: Frame['structure'], reach: number): Float64Array {
  const list = buildNeighbourList(structure, reach);
  const sites = sitePositions(list, structure);
  const { first, neighbours } = list;
  const result = new Float64Array(structure.numbers.length);
  for (let i = 0; i < result.length; i++) {
    let sum = 0;
    const v = [0, 0, 0];
    for (let edge = first[i]; edge < first[i + 1]; edge++) {
      const s = 3 * neighbours[edge];
      const d = [0, 1, 2].map((x) => sites[s + x] - sites[3 * i + x]);
      const r = Math.hypot(d[0], d[1], d[2]);
      const weight = Math.max(0, 1 - r / reach) ** 2;
      sum += weight;
      for (let x = 0; x < 3; x++) v[x] += (weight * d[x]) / r;
    }
    if (sum > 0) result[i] = Math.hypot(v[0], v[1], v[2]) / sum;
  }
  return result;
}
