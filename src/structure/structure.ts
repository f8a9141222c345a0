import { atomicNumberOf, isElement, massOf } from '../elements.ts';
import { NearsightError, type Place } from '../errors.ts';
import { periodicCell } from './cell.ts';

/**
 * Atoms in a cell: the one configuration that everything else is about. A plain record; functions do the rest.
 */
export interface Structure {
  /** Atomic numbers, [N]. */
  readonly numbers: Int32Array;
  /** Cartesian positions, Å, [3N], row-major. Atoms may lie outside the cell. */
  readonly positions: Float64Array;
  /** Lattice vectors as rows, Å, [9]; r = fractional · cell. All zero where there is no cell. */
  readonly cell: Float64Array;
  /** Which lattice vectors repeat. */
  readonly pbc: readonly [boolean, boolean, boolean];
}

/**
 * A checked structure from symbols and plain numbers. Without a cell nothing repeats; with one, everything does
 * unless `pbc` says otherwise.
 * @param symbols one per atom @param positions Å, [3N] @param cell Å, [9], lattice vectors as rows
 * @throws NearsightError as `checkStructure` does
 */
export function createStructure(
  symbols: readonly string[],
  positions: ArrayLike<number>,
  cell?: ArrayLike<number>,
  pbc: readonly [boolean, boolean, boolean] = cell === undefined ? [false, false, false] : [true, true, true],
): Structure {
  const structure: Structure = {
    numbers: Int32Array.from(symbols, atomicNumberOf),
    positions: Float64Array.from(positions),
    cell: Float64Array.from(cell ?? new Float64Array(9)),
    pbc: [pbc[0], pbc[1], pbc[2]],
  };
  checkStructure(structure);
  return structure;
}

/** A copy that shares no memory with the original. */
export function copyStructure(structure: Structure): Structure {
  const { numbers, positions, cell, pbc } = structure;
  return { numbers: numbers.slice(), positions: positions.slice(), cell: cell.slice(), pbc: [pbc[0], pbc[1], pbc[2]] };
}

/** Standard atomic masses, u, [N]. */
export function massesOf(structure: Structure): Float64Array {
  return Float64Array.from(structure.numbers, massOf);
}

/**
 * Refuses what no physics can be done with; `place` is passed on into the error.
 * @throws NearsightError `no-atoms`, `wrong-length` (array lengths disagree), `not-finite` (NaN or infinity),
 *   `unknown-element`, `singular-cell` (what repeats has no or linearly dependent lattice vectors)
 */
export function checkStructure(structure: Structure, place: Place = {}): void {
  const { numbers, positions, cell, pbc } = structure;
  const atoms = numbers.length;
  if (atoms === 0) {
    throw new NearsightError('no-atoms', 'the structure has no atoms', { hint: 'give at least one atom', place });
  }
  checkLength('positions', positions.length, 3 * atoms, place);
  checkLength('cell', cell.length, 9, place);
  checkLength('pbc', pbc.length, 3, place);
  for (let i = 0; i < atoms; i++) {
    if (!isElement(numbers[i])) {
      throw new NearsightError('unknown-element', `atom ${i} has the atomic number ${numbers[i]}`, {
        hint: 'atomic numbers are integers from 1 (H) to 118 (Og)',
        place: { ...place, field: 'numbers' },
      });
    }
  }
  for (let c = 0; c < positions.length; c++) {
    if (!Number.isFinite(positions[c])) {
      const name = `the ${'xyz'[c % 3]} coordinate of atom ${Math.floor(c / 3)}`;
      throw notFinite(name, positions[c], { ...place, field: 'positions' });
    }
  }
  for (let c = 0; c < 9; c++) {
    if (!Number.isFinite(cell[c])) {
      const name = `the ${'xyz'[c % 3]} component of lattice vector ${'abc'[Math.floor(c / 3)]}`;
      throw notFinite(name, cell[c], { ...place, field: 'cell' });
    }
  }
  try {
    periodicCell(structure);
  } catch (error) {
    if (!(error instanceof NearsightError)) throw error;
    const { code, message, hint } = error;
    throw new NearsightError(code, message, { hint, place: { ...place, ...error.place } });
  }
}

function checkLength(field: string, found: number, expected: number, place: Place): void {
  if (found === expected) return;
  throw new NearsightError('wrong-length', `${field} must hold ${expected} numbers, found ${found}`, {
    hint: 'numbers is [N], positions is [3N], cell is [9] and pbc is [3]',
    place: { ...place, field },
  });
}

function notFinite(name: string, value: number, place: Place): NearsightError {
  return new NearsightError('not-finite', `${name} is ${value}`, {
    hint: 'every coordinate must be a finite number, in Å',
    place,
  });
}
