import { covalentRadiusOf } from '../../../elements.ts';
import { NearsightError } from '../../../errors.ts';
import { cellHeights } from '../../../structure/cell.ts';
import { buildNeighbourList, sitePositions } from '../../../structure/neighbours.ts';
import { BOHR } from '../../../units.ts';

/** Which unit of length suits a structure. */
export interface PlausibleLength {
  /** Absent where the distances suit both units or none. */
  readonly unit?: 'angstrom' | 'bohr';
  /** Median over the atoms of nearest distance / sum of covalent radii, if lengths are in Å; NaN where unknown. */
  readonly asAngstrom: number;
}

/** Nearest neighbours stand at this many sums of covalent radii: short bonds to loosely packed metals and salts. */
const SUITABLE = [0.75, 1.35] as const;
/** Larger structures are not looked at: this is for a hint. */
const MOST_ATOMS = 20_000;
const MOST_SITES = 1e6;
/** Elements heavier than those with a known covalent radius, Å. */
const LARGE_RADIUS = 1.7;

/**
 * Judges whether lengths of unknown unit are in Å or bohr by the distances to the nearest neighbours, compared with
 * covalent radii. For hints only: a gas or a noble liquid has no bonds to tell.
 * @param positions [3N] @param cell [9] where all directions repeat, else []
 */
export function plausibleLength(
  numbers: ArrayLike<number>,
  positions: ArrayLike<number>,
  cell: ArrayLike<number>,
): PlausibleLength {
  if (numbers.length === 0 || numbers.length > MOST_ATOMS) return { asAngstrom: Number.NaN };
  const ratios = nearestRatios(numbers, positions, cell).sort((a, b) => a - b);
  if (ratios.length < numbers.length / 2) return { asAngstrom: Number.NaN };
  const asAngstrom = ratios[Math.floor(ratios.length / 2)];
  const suits = (ratio: number): boolean => ratio >= SUITABLE[0] && ratio <= SUITABLE[1];
  const [angstrom, bohr] = [suits(asAngstrom), suits(asAngstrom * BOHR)];
  if (angstrom === bohr) return { asAngstrom };
  return { asAngstrom, unit: angstrom ? 'angstrom' : 'bohr' };
}

function nearestRatios(numbers: ArrayLike<number>, positions: ArrayLike<number>, cell: ArrayLike<number>): number[] {
  const periodic = cell.length === 9;
  const structure = {
    numbers: Int32Array.from(numbers),
    positions: Float64Array.from(positions),
    cell: periodic ? Float64Array.from(cell) : new Float64Array(9),
    pbc: [periodic, periodic, periodic] as const,
  };
  const radii = Float64Array.from(numbers, radiusOf);
  // As far as the largest suitable distance reaches in bohr.
  const reach = (SUITABLE[1] / BOHR) * 2 * radii.reduce((a, b) => Math.max(a, b));
  try {
    if (periodic && imagesWithin(reach, structure.cell) * numbers.length > MOST_SITES) return [];
    const list = buildNeighbourList(structure, reach);
    const sites = sitePositions(list, structure);
    const ratios: number[] = [];
    for (let i = 0; i < radii.length; i++) {
      let nearest = Number.POSITIVE_INFINITY;
      for (let edge = list.first[i]; edge < list.first[i + 1]; edge++) {
        const j = list.neighbours[edge];
        const [x, y, z] = [0, 1, 2].map((c) => sites[3 * j + c] - sites[3 * i + c]);
        nearest = Math.min(nearest, Math.hypot(x, y, z) / (radii[i] + radii[list.owner[j]]));
      }
      if (nearest < Number.POSITIVE_INFINITY) ratios.push(nearest);
    }
    return ratios;
  } catch (error) {
    // What cannot be searched gives no hint; the reader refuses it for its own reasons.
    if (error instanceof NearsightError) return [];
    throw error;
  }
}

/** Roughly how many cells a sphere of this radius reaches. */
function imagesWithin(reach: number, cell: Float64Array): number {
  return cellHeights(cell).reduce((product, height) => product * (1 + (2 * reach) / height), 1);
}

function radiusOf(z: number): number {
  try {
    return covalentRadiusOf(z);
  } catch (error) {
    if (error instanceof NearsightError) return LARGE_RADIUS;
    throw error;
  }
}
