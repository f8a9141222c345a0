import { NearsightError } from '../errors.ts';
import { cofactors3, determinant3, inverse3, rowsTimes3 } from './matrix3.ts';
import type { Structure } from './structure.ts';

/** Shorter lattice vectors are a mistake, Å. */
const SHORTEST_VECTOR = 1e-6;
/** A cell is singular when its volume is less than this share of the product of its edge lengths. */
const FLATTEST_CELL = 1e-9;

/**
 * Volume |a · (b × c)|, Å³, for cells of either handedness.
 * @throws NearsightError `singular-cell` when a lattice vector is missing or the three span no volume
 */
export function cellVolume(cell: Float64Array): number {
  for (let k = 0; k < 3; k++) {
    if (isZeroRow(cell, k)) {
      throw new NearsightError('singular-cell', `a cell without lattice vector ${'abc'[k]} has no volume`, {
        hint: 'volumes, densities and stresses need all three lattice vectors',
        place: { field: 'cell' },
      });
    }
  }
  return Math.abs(determinant3(checked(cell, cell)));
}

/**
 * The cell with each zero row replaced by a unit vector at right angles to the others, [9], Å.
 * Rows that are not zero are kept; three zero rows give the unit matrix.
 * @throws NearsightError `singular-cell`
 */
export function completedCell(cell: Float64Array): Float64Array {
  return completed(cell, [!isZeroRow(cell, 0), !isZeroRow(cell, 1), !isZeroRow(cell, 2)]);
}

/**
 * What repeats: the periodic lattice vectors, with unit vectors at right angles to them in place of the others
 * (whatever stands there in `cell`: it has no meaning for an infinite structure), [9], Å.
 * @throws NearsightError `singular-cell` when the periodic vectors are zero or linearly dependent
 */
export function periodicCell(structure: Pick<Structure, 'cell' | 'pbc'>): Float64Array {
  const { cell, pbc } = structure;
  for (let k = 0; k < 3; k++) {
    if (pbc[k] && isZeroRow(cell, k)) {
      throw new NearsightError('singular-cell', `direction ${'abc'[k]} is periodic but has no lattice vector`, {
        hint: `give lattice vector ${'abc'[k]}, or set pbc to false along it`,
        place: { field: 'cell' },
      });
    }
  }
  return completed(cell, pbc);
}

/**
 * Inverse of the (completed) cell, 1/Å, [9]: fractional = r · inverse.
 * @throws NearsightError `singular-cell`
 */
export function inverseCell(cell: Float64Array): Float64Array {
  return inverse3(completedCell(cell));
}

/**
 * Distances between opposite faces of the (completed) cell, Å: the perpendicular heights along a, b and c.
 * @throws NearsightError `singular-cell`
 */
export function cellHeights(cell: Float64Array): [number, number, number] {
  const whole = completedCell(cell);
  const volume = Math.abs(determinant3(whole));
  const faces = cofactors3(whole);
  return [volume / rowLength(faces, 0), volume / rowLength(faces, 1), volume / rowLength(faces, 2)];
}

/**
 * Fractional coordinates of Cartesian ones (Å), [3n] → [3n]; along a missing lattice vector they are in Å.
 * @throws NearsightError `singular-cell`
 */
export function toFractional(positions: ArrayLike<number>, cell: Float64Array, out?: Float64Array): Float64Array {
  return rowsTimes3(positions, inverseCell(cell), out);
}

/**
 * Cartesian coordinates, Å, of fractional ones, [3n] → [3n].
 * @throws NearsightError `singular-cell`
 */
export function toCartesian(fractional: ArrayLike<number>, cell: Float64Array, out?: Float64Array): Float64Array {
  return rowsTimes3(fractional, completedCell(cell), out);
}

function completed(cell: Float64Array, kept: readonly [boolean, boolean, boolean]): Float64Array {
  const whole = Float64Array.from(cell);
  const count = kept.filter((keep) => keep).length;
  if (count === 0) return Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);
  if (count === 1) {
    const k = kept.indexOf(true);
    setPerpendicular(whole, (k + 1) % 3, k);
    setNormal(whole, (k + 2) % 3);
  }
  if (count === 2) setNormal(whole, kept.indexOf(false));
  return checked(whole, cell);
}

/** Row `k` becomes the Cartesian axis least aligned with row `other`, made orthogonal to it and of unit length. */
function setPerpendicular(cell: Float64Array, k: number, other: number): void {
  const row = cell.subarray(3 * other, 3 * other + 3);
  const length = rowLength(cell, other);
  let axis = 0;
  for (let c = 1; c < 3; c++) if (Math.abs(row[c]) < Math.abs(row[axis])) axis = c;
  const along = row[axis] / length;
  for (let c = 0; c < 3; c++) cell[3 * k + c] = (c === axis ? 1 : 0) - (along * row[c]) / length;
  normaliseRow(cell, k);
}

/** Row `k` becomes the unit normal of the other two, with the handedness of a right-handed cell. */
function setNormal(cell: Float64Array, k: number): void {
  cell.set(cofactors3(cell).subarray(3 * k, 3 * k + 3), 3 * k);
  normaliseRow(cell, k);
}

function normaliseRow(cell: Float64Array, k: number): void {
  const length = rowLength(cell, k);
  for (let c = 3 * k; c < 3 * k + 3; c++) cell[c] /= length;
}

function rowLength(cell: Float64Array, k: number): number {
  return Math.hypot(cell[3 * k], cell[3 * k + 1], cell[3 * k + 2]);
}

function isZeroRow(cell: Float64Array, k: number): boolean {
  return cell[3 * k] === 0 && cell[3 * k + 1] === 0 && cell[3 * k + 2] === 0;
}

/** `whole`, once it is known to have a volume; NaN does not pass. `given` is what the user wrote. */
function checked(whole: Float64Array, given: Float64Array): Float64Array {
  const lengths = [rowLength(whole, 0), rowLength(whole, 1), rowLength(whole, 2)];
  const box = lengths[0] * lengths[1] * lengths[2];
  const solid = Math.abs(determinant3(whole)) >= FLATTEST_CELL * box;
  if (solid && box < Number.POSITIVE_INFINITY && Math.min(...lengths) >= SHORTEST_VECTOR) return whole;
  throw new NearsightError('singular-cell', `the lattice vectors [${Array.from(given).join(', ')}] span no volume`, {
    hint: 'give linearly independent lattice vectors in Å, or set pbc to false where nothing repeats',
    place: { field: 'cell' },
  });
}
