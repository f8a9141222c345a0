import { NearsightError } from '../errors.ts';
import type { Random } from '../random.ts';
import { cofactors3, determinant3, multiply3, rowsTimes3 } from './matrix3.ts';
import { checkStructure, copyStructure, type Structure } from './structure.ts';

const UNIT: readonly number[] = [1, 0, 0, 0, 1, 0, 0, 0, 1];

/**
 * The structure repeated; all copies of the cell that make up the new one, each with the atoms in their old order.
 * @param repeats three counts along a, b and c, or nine integers P, row-major: new cell = P · cell
 * @throws NearsightError `bad-supercell` when the counts are no positive integers, P is singular, a direction
 *   without lattice vector is to be repeated, or P mixes directions that repeat with others
 */
export function supercell(structure: Structure, repeats: readonly number[]): Structure {
  const matrix = repeatMatrix(repeats);
  checkRepeats(structure, matrix);
  const copies = Math.abs(determinant3(matrix));
  const atoms = structure.numbers.length;
  const numbers = new Int32Array(copies * atoms);
  const positions = new Float64Array(3 * copies * atoms);
  const translations = rowsTimes3(latticePoints(matrix), structure.cell);
  for (let n = 0; n < copies; n++) {
    numbers.set(structure.numbers, n * atoms);
    for (let c = 0; c < 3 * atoms; c++) {
      positions[3 * n * atoms + c] = structure.positions[c] + translations[3 * n + (c % 3)];
    }
  }
  return { numbers, positions, cell: multiply3(matrix, structure.cell), pbc: structure.pbc };
}

function repeatMatrix(repeats: readonly number[]): readonly number[] {
  if ((repeats.length !== 3 && repeats.length !== 9) || !repeats.every((n) => Number.isInteger(n))) {
    throw badSupercell(`[${repeats.join(', ')}] is not a supercell`, 'give three positive or nine integers');
  }
  if (repeats.length === 9) return repeats;
  if (repeats.some((n) => n < 1)) {
    throw badSupercell(`a cell cannot be repeated ${repeats.join(' × ')} times`, 'give three positive integers');
  }
  return [repeats[0], 0, 0, 0, repeats[1], 0, 0, 0, repeats[2]];
}

function checkRepeats(structure: Structure, matrix: readonly number[]): void {
  const { cell, pbc } = structure;
  if (determinant3(matrix) === 0) {
    throw badSupercell(`the supercell matrix [${matrix.join(', ')}] is singular`, 'its rows must be independent');
  }
  for (let k = 0; k < 3; k++) {
    const isMissing = cell[3 * k] === 0 && cell[3 * k + 1] === 0 && cell[3 * k + 2] === 0;
    for (let l = 0; l < 3; l++) {
      if (k !== l && matrix[3 * k + l] !== 0 && pbc[k] !== pbc[l]) {
        throw badSupercell(
          `the supercell matrix mixes directions ${'abc'[k]} and ${'abc'[l]}, of which only one repeats`,
          'set the elements between periodic and non-periodic directions to 0',
        );
      }
      const isUnit = matrix[3 * k + l] === UNIT[3 * k + l] && matrix[3 * l + k] === UNIT[3 * l + k];
      if (isMissing && !isUnit) {
        throw badSupercell(
          `direction ${'abc'[k]} has no lattice vector to repeat along`,
          `repeat once along ${'abc'[k]}`,
        );
      }
    }
  }
}

/** Integer points inside the parallelepiped of the rows of `matrix`, lowest first, [3 · |det|]. */
function latticePoints(matrix: readonly number[]): Float64Array {
  const determinant = determinant3(matrix);
  const cofactors = cofactors3(matrix);
  const points: number[] = [];
  const low = [0, 1, 2].map((c) => matrix.reduce((sum, n, at) => sum + (at % 3 === c ? Math.min(0, n) : 0), 0));
  const high = [0, 1, 2].map((c) => matrix.reduce((sum, n, at) => sum + (at % 3 === c ? Math.max(0, n) : 0), 0));
  for (let x = low[0]; x <= high[0]; x++) {
    for (let y = low[1]; y <= high[1]; y++) {
      for (let z = low[2]; z <= high[2]; z++) {
        // Fractional coordinate k of the point times the determinant: integers, hence exact.
        const isInside = [0, 1, 2].every((k) => {
          const share = x * cofactors[3 * k] + y * cofactors[3 * k + 1] + z * cofactors[3 * k + 2];
          return share * Math.sign(determinant) >= 0 && Math.abs(share) < Math.abs(determinant);
        });
        if (isInside) points.push(x, y, z);
      }
    }
  }
  return Float64Array.from(points);
}

/**
 * Homogeneously strained: every position and lattice vector r becomes (1 + ε) r.
 * @param strain ε, [9], row-major, dimensionless; its antisymmetric part rotates
 */
export function strained(structure: Structure, strain: ArrayLike<number>): Structure {
  return transformed(
    structure,
    UNIT.map((unit, c) => unit + strain[c]),
  );
}

/**
 * Rotated about the origin, cell and all: r becomes R r.
 * @param rotation R, [9], row-major, orthogonal; see `rotationMatrix`
 * @throws NearsightError `not-a-rotation` unless R Rᵀ = 1 to 1e-9; a determinant of −1 mirrors and is allowed
 */
export function rotated(structure: Structure, rotation: ArrayLike<number>): Structure {
  const product = multiply3(rotation, transposed(rotation));
  if (!product.every((entry, c) => Math.abs(entry - UNIT[c]) < 1e-9)) {
    throw new NearsightError('not-a-rotation', `the matrix [${Array.from(rotation).join(', ')}] is not orthogonal`, {
      hint: 'make rotations with rotationMatrix(axis, angle)',
    });
  }
  return transformed(structure, rotation);
}

/**
 * Rotation by `angle` (radian) about `axis` (any length), right-handed, [9], row-major (Rodrigues' formula).
 * @throws NearsightError `not-a-rotation` for an axis without length
 */
export function rotationMatrix(axis: readonly [number, number, number], angle: number): Float64Array {
  const length = Math.hypot(...axis);
  if (!(length > 0 && Number.isFinite(length) && Number.isFinite(angle))) {
    throw new NearsightError('not-a-rotation', `no rotation by ${angle} about [${axis.join(', ')}]`, {
      hint: 'give an axis that is not zero and an angle in radian',
    });
  }
  const [x, y, z] = axis.map((component) => component / length);
  const c = Math.cos(angle);
  const s = Math.sin(angle);
  const t = 1 - c;
  return Float64Array.of(
    t * x * x + c,
    t * x * y - s * z,
    t * x * z + s * y,
    t * x * y + s * z,
    t * y * y + c,
    t * y * z - s * x,
    t * x * z - s * y,
    t * y * z + s * x,
    t * z * z + c,
  );
}

/** All atoms moved by the same vector, Å; the cell stays. */
export function translated(structure: Structure, vector: readonly [number, number, number]): Structure {
  return { ...copyStructure(structure), positions: structure.positions.map((r, c) => r + vector[c % 3]) };
}

/** Every coordinate moved by normal deviates of standard deviation `sigma`, Å. */
export function rattled(structure: Structure, sigma: number, random: Random): Structure {
  return { ...copyStructure(structure), positions: structure.positions.map((r) => r + sigma * random.normal()) };
}

/**
 * The same atoms in another order: atom k of the result is atom order[k].
 * @throws NearsightError `bad-order` unless `order` names every atom once
 */
export function permuted(structure: Structure, order: ArrayLike<number>): Structure {
  const indices = Array.from(order);
  const atoms = structure.numbers.length;
  if (indices.length !== atoms || new Set(indices).size !== atoms || !indices.every((i) => i in structure.numbers)) {
    throw new NearsightError('bad-order', `[${indices.join(', ')}] is not an order of ${atoms} atoms`, {
      hint: `give each of 0 … ${atoms - 1} once`,
    });
  }
  return picked(structure, indices);
}

/**
 * The structure without atom `index`; the others keep their order.
 * @throws NearsightError `no-such-atom`; `no-atoms` when it was the last one
 */
export function vacancy(structure: Structure, index: number): Structure {
  const atoms = structure.numbers.length;
  if (!(Number.isInteger(index) && index >= 0 && index < atoms)) {
    throw new NearsightError('no-such-atom', `there is no atom ${index} among ${atoms}`, {
      hint: `atoms are numbered from 0 to ${atoms - 1}`,
    });
  }
  const rest = Array.from(structure.numbers, (_, i) => i).filter((i) => i !== index);
  const result = picked(structure, rest);
  checkStructure(result);
  return result;
}

/**
 * The atoms of `a`, then those of `b` moved by `translation` (Å), in one structure: far apart, energies must add.
 * @param cell [9], Å; large enough for both. When absent, that of `a`, which then must be that of `b` as well
 *   wherever `b` repeats. What repeats is decided by `a`.
 * @throws NearsightError `different-cells`, and what `checkStructure` throws
 */
export function combined(
  a: Structure,
  b: Structure,
  translation: readonly [number, number, number],
  cell?: ArrayLike<number>,
): Structure {
  for (let k = 0; k < 3 && cell === undefined; k++) {
    const isSame = [0, 1, 2].every((c) => a.cell[3 * k + c] === b.cell[3 * k + c]) && a.pbc[k];
    if (b.pbc[k] && !isSame) {
      throw new NearsightError('different-cells', `the structures repeat differently along ${'abc'[k]}`, {
        hint: 'join structures with the same periodic lattice vectors, or give the cell of the result',
      });
    }
  }
  const moved = translated(b, translation).positions;
  const result: Structure = {
    numbers: Int32Array.from([...a.numbers, ...b.numbers]),
    positions: Float64Array.from([...a.positions, ...moved]),
    cell: Float64Array.from(cell ?? a.cell),
    pbc: a.pbc,
  };
  checkStructure(result);
  return result;
}

/** Every position and lattice vector r becomes m r. */
function transformed(structure: Structure, m: ArrayLike<number>): Structure {
  const transpose = transposed(m);
  return {
    ...copyStructure(structure),
    positions: rowsTimes3(structure.positions, transpose),
    cell: rowsTimes3(structure.cell, transpose),
  };
}

function transposed(m: ArrayLike<number>): number[] {
  return [m[0], m[3], m[6], m[1], m[4], m[7], m[2], m[5], m[8]];
}

function picked(structure: Structure, indices: readonly number[]): Structure {
  const positions = new Float64Array(3 * indices.length);
  indices.forEach((i, k) => {
    positions.set(structure.positions.subarray(3 * i, 3 * i + 3), 3 * k);
  });
  return { ...copyStructure(structure), numbers: Int32Array.from(indices, (i) => structure.numbers[i]), positions };
}

function badSupercell(message: string, hint: string): NearsightError {
  return new NearsightError('bad-supercell', message, { hint });
}
