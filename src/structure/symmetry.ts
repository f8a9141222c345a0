/** Symmetry of crystals, found by moyo (https://github.com/spglib/moyo, the successor of spglib), in this project's terms. */
import { analyze_cell, initSync, type MoyoDataset } from '@spglib/moyo-wasm';
import { NearsightError } from '../errors.ts';
import { supercell } from './builders.ts';
import { periodicCell, toCartesian, toFractional } from './cell.ts';
import { inverse3, multiply3 } from './matrix3.ts';
import { checkStructure, type Structure } from './structure.ts';

/** x → W x + w on fractional coordinates x (columns) of the cell that was asked about. */
export interface SymmetryOperation {
  /** W, [9], row-major, integers. */
  readonly rotation: Int32Array;
  /** w, [3]. */
  readonly translation: Float64Array;
}

/** What maps a crystal onto itself. */
export interface CrystalSymmetry {
  /** Number of the space group in the International Tables, 1 … 230. */
  readonly spaceGroup: number;
  /** Hermann–Mauguin symbol: `F d -3 m`. */
  readonly symbol: string;
  /** Operations that also keep the given cell, its pure translations among them; the identity comes first. */
  readonly operations: readonly SymmetryOperation[];
  /** Orthogonal matrices of the crystal class, [9], row-major, r → R r, whatever the shape of the given cell. */
  readonly pointGroup: readonly Float64Array[];
  /** For each atom the first one that it is equivalent to, [N]. */
  readonly orbits: Int32Array;
  /** Wyckoff letter of each atom. */
  readonly wyckoffs: readonly string[];
  /** The smallest cell, in the orientation of the given one. */
  readonly primitive: Structure;
  /** The conventional cell of the International Tables in the orientation of the given one; its origin is not moved. */
  readonly conventional: Structure;
}

/**
 * Symmetry of a structure that is periodic in three dimensions.
 * @param tolerance how far atoms may be off, Å; 1e-3 when absent
 * @throws NearsightError `not-periodic`, `no-symmetry` (atoms on top of each other), what `checkStructure` throws
 */
export type SymmetryFinder = (structure: Structure, tolerance?: number) => CrystalSymmetry;

const TOLERANCE = 1e-3;
const ALL = [true, true, true] as const;

/** @param wasm the bytes (or the compiled module) of `@spglib/moyo-wasm/moyo_wasm_bg.wasm` */
export function loadSymmetry(wasm: BufferSource | WebAssembly.Module): SymmetryFinder {
  initSync({ module: wasm });
  return symmetryOf;
}

function symmetryOf(structure: Structure, tolerance: number = TOLERANCE): CrystalSymmetry {
  checkStructure(structure);
  if (!structure.pbc.every((repeats) => repeats)) {
    throw new NearsightError('not-periodic', 'only what repeats in three dimensions has a space group', {
      hint: 'set pbc to true along all three lattice vectors',
    });
  }
  const found = analysed(structure, tolerance);
  const translations = found.operations.filter(({ rotation }) => rotation.every((n, k) => n === (k % 4 === 0 ? 1 : 0)));
  const primitive = primitiveOf(structure, found, translations.length, tolerance);
  // The operations of the given cell leave out what its shape forbids; those of the smallest cell are complete.
  const complete = translations.length === 1 ? found : analysed(primitive, tolerance);
  return {
    spaceGroup: found.number,
    symbol: found.hm_symbol,
    operations: operationsOf(found),
    pointGroup: cartesianRotations(operationsOf(complete), primitive.cell),
    orbits: Int32Array.from(found.orbits),
    wyckoffs: found.wyckoffs,
    primitive,
    conventional: conventionalOf(primitive, found),
  };
}

function analysed({ cell, positions, numbers }: Structure, tolerance: number): MoyoDataset {
  const x = toFractional(positions, cell);
  const input = {
    lattice: { basis: Array.from(cell) },
    positions: Array.from(numbers, (_, i) => [x[3 * i], x[3 * i + 1], x[3 * i + 2]]),
    numbers: Array.from(numbers),
  };
  try {
    return analyze_cell(JSON.stringify(input), tolerance, 'Standard');
  } catch (error) {
    throw new NearsightError(
      'no-symmetry',
      `no symmetry was found with a tolerance of ${tolerance} Å: ${String(error)}`,
      {
        hint: 'look whether atoms sit on top of each other; a smaller tolerance may help as well',
        cause: error,
      },
    );
  }
}

/** moyo writes matrices column by column. */
function operationsOf({ operations }: MoyoDataset): SymmetryOperation[] {
  return operations.map(({ rotation, translation }) => ({
    rotation: Int32Array.from(transposed(rotation)),
    translation: Float64Array.from(translation),
  }));
}

function transposed(m: ArrayLike<number>): number[] {
  return [m[0], m[3], m[6], m[1], m[4], m[7], m[2], m[5], m[8]];
}

/** R = A W A⁻¹ with the lattice vectors as columns of A; each once. */
function cartesianRotations(operations: readonly SymmetryOperation[], cell: Float64Array): Float64Array[] {
  const columns = transposed(cell);
  const back = inverse3(columns);
  const distinct = new Map(operations.map(({ rotation }) => [rotation.join(), rotation]));
  return [...distinct.values()].map((rotation) => multiply3(columns, multiply3(rotation, back)));
}

/** The lattice vectors of a standard cell of moyo, brought back to the orientation that was given, [9], Å. */
function turnedBack(basis: ArrayLike<number>, { std_rotation_matrix: rotation }: MoyoDataset): Float64Array {
  // Rows times R: r = Rᵀ r_std for each of them, and `rotation` holds R by columns, that is Rᵀ by rows.
  return multiply3(basis, transposed(rotation));
}

function primitiveOf(structure: Structure, found: MoyoDataset, copies: number, tolerance: number): Structure {
  if (copies === 1) return structure;
  const standard = turnedBack(found.prim_std_cell.lattice.basis, found);
  // Exact multiples of 1/copies of the given lattice vectors; moyo rounds, and takes averages where atoms are off.
  const shares = multiply3(standard, inverse3(structure.cell)).map((share) => Math.round(share * copies) / copies);
  const cell = multiply3(shares, structure.cell);
  const x = toFractional(structure.positions, cell);
  const pointOf = (i: number): Float64Array => x.subarray(3 * i, 3 * i + 3);
  const kept: number[] = [];
  const { numbers } = structure;
  for (let i = 0; i < numbers.length; i++) {
    const isCopy = kept.some(
      (j) => numbers[j] === numbers[i] && latticeDistance(pointOf(i), pointOf(j), { cell, pbc: ALL }) <= 10 * tolerance,
    );
    if (!isCopy) kept.push(i);
  }
  if (kept.length * copies !== numbers.length) {
    throw new NearsightError('no-symmetry', `the smallest cell holds ${kept.length} of ${numbers.length} atoms`, {
      hint: 'the atoms are off their places by more than the tolerance: relax the structure, or use a smaller tolerance',
    });
  }
  const inside = kept.flatMap((i) => [0, 1, 2].map((k) => wrapped(x[3 * i + k])));
  return {
    numbers: Int32Array.from(kept, (i) => numbers[i]),
    positions: toCartesian(inside, cell),
    cell,
    pbc: ALL,
  };
}

function conventionalOf(primitive: Structure, found: MoyoDataset): Structure {
  const standard = turnedBack(found.std_cell.lattice.basis, found);
  const repeats = Array.from(multiply3(standard, inverse3(primitive.cell)), (n) => Math.round(n) + 0);
  const large = supercell(primitive, repeats);
  const x = toFractional(large.positions, large.cell).map(wrapped);
  return { ...large, positions: toCartesian(x, large.cell) };
}

/** A fractional coordinate in the cell; what is below zero by rounding stays next to zero. */
function wrapped(x: number): number {
  const inside = x - Math.floor(x + 1e-9);
  return Math.abs(inside) < 1e-12 ? 0 : inside;
}

/**
 * Symmetry of anything: where not everything repeats, or none is found, the identity alone, and every atom for itself.
 * @throws NearsightError what `checkStructure` throws
 */
export function knownSymmetry(
  structure: Structure,
  find: SymmetryFinder,
): Pick<CrystalSymmetry, 'operations' | 'pointGroup' | 'orbits'> {
  if (structure.pbc.every((repeats) => repeats)) return find(structure);
  return {
    operations: [{ rotation: Int32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1), translation: new Float64Array(3) }],
    pointGroup: [Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1)],
    orbits: structure.numbers.map((_, i) => i),
  };
}

/** Fractional coordinates of the image of a point (fractional) under an operation, [3]. */
export function imageOf(x: ArrayLike<number>, { rotation: W, translation: w }: SymmetryOperation): Float64Array {
  return Float64Array.from([0, 1, 2], (r) => W[3 * r] * x[0] + W[3 * r + 1] * x[1] + W[3 * r + 2] * x[2] + w[r]);
}

/** Distance between two points given by fractional coordinates, up to lattice vectors, Å; exact where it is small. */
export function latticeDistance(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  structure: Pick<Structure, 'cell' | 'pbc'>,
): number {
  const cell = periodicCell(structure);
  const d = [0, 1, 2].map((k) => x[k] - y[k]).map((share, k) => (structure.pbc[k] ? share - Math.round(share) : share));
  return Math.hypot(...[0, 1, 2].map((c) => d[0] * cell[c] + d[1] * cell[3 + c] + d[2] * cell[6 + c]));
}
