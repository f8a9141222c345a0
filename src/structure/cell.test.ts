import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { errorOf } from '../../tests/helpers/errors.ts';
import {
  cellHeights,
  cellVolume,
  completedCell,
  inverseCell,
  periodicCell,
  toCartesian,
  toFractional,
} from './cell.ts';
import { determinant3, inverse3, multiply3 } from './matrix3.ts';
import { checkStructure, createStructure, massesOf, type Structure } from './structure.ts';

const UNIT = [1, 0, 0, 0, 1, 0, 0, 0, 1];
const triclinic = Float64Array.of(4, 0.3, -0.2, 1.7, 5, 0.4, -2.1, 0.9, 6);
const leftHanded = Float64Array.of(1.7, 5, 0.4, 4, 0.3, -0.2, -2.1, 0.9, 6);

function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-12): void {
  expect(found.length).toBe(expected.length);
  for (let c = 0; c < found.length; c++) expect(Math.abs(found[c] - expected[c])).toBeLessThan(tolerance);
}

describe('cell', () => {
  test('volume and heights of a hexagonal cell', () => {
    const a = 3;
    const c = 5;
    const cell = Float64Array.of(a, 0, 0, -a / 2, (a * Math.sqrt(3)) / 2, 0, 0, 0, c);
    expect(cellVolume(cell)).toBeCloseTo((a * a * c * Math.sqrt(3)) / 2, 12);
    expectClose(cellHeights(cell), [(a * Math.sqrt(3)) / 2, (a * Math.sqrt(3)) / 2, c]);
  });

  test('handedness changes the sign of the determinant and nothing else', () => {
    expect(determinant3(triclinic)).toBeCloseTo(-determinant3(leftHanded), 12);
    expect(cellVolume(triclinic)).toBeCloseTo(cellVolume(leftHanded), 12);
    const [h0, h1, h2] = cellHeights(triclinic);
    expectClose(cellHeights(leftHanded), [h1, h0, h2]);
  });

  test('an atom one height away from a face is one lattice vector further', () => {
    const heights = cellHeights(triclinic);
    const inverse = inverseCell(triclinic);
    for (let k = 0; k < 3; k++) {
      // The normal of the face is column k of the inverse; its length is 1 / height.
      const normal = [inverse[k], inverse[3 + k], inverse[6 + k]];
      const step = normal.map((n) => n * heights[k] * heights[k]);
      expect(toFractional(step, triclinic)[k]).toBeCloseTo(1, 12);
    }
  });

  test('fractional coordinates and back, for random cells of either handedness', () => {
    const length = fc.double({ min: -10, max: 10, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(length, { minLength: 9, maxLength: 9 }),
        fc.array(length, { minLength: 3, maxLength: 3 }),
        (rows, r) => {
          const cell = Float64Array.from(rows, (x, c) => x + (c % 4 === 0 ? 25 : 0));
          expectClose(toCartesian(toFractional(r, cell), cell), r, 1e-10);
          expectClose(multiply3(inverse3(cell), cell), UNIT, 1e-12);
        },
      ),
      { seed: 1, numRuns: 200 },
    );
  });

  test('missing vectors are completed at right angles, right-handed, and kept ones are kept', () => {
    expectClose(completedCell(new Float64Array(9)), UNIT);
    for (let mask = 1; mask < 7; mask++) {
      const cell = triclinic.map((x, c) => ((mask >> Math.floor(c / 3)) & 1 ? x : 0));
      const whole = completedCell(cell);
      expect(determinant3(whole)).toBeGreaterThan(0);
      const rows = [0, 3, 6].map((c) => Array.from(whole.subarray(c, c + 3)));
      for (let k = 0; k < 3; k++) {
        if ((mask >> k) & 1) {
          expect(rows[k]).toEqual(Array.from(triclinic.subarray(3 * k, 3 * k + 3)));
          continue;
        }
        expect(Math.hypot(...rows[k])).toBeCloseTo(1, 12);
        for (let l = 0; l < 3; l++) {
          const dot = rows[k][0] * rows[l][0] + rows[k][1] * rows[l][1] + rows[k][2] * rows[l][2];
          if (l !== k) expect(Math.abs(dot)).toBeLessThan(1e-12);
        }
      }
      errorOf('singular-cell', () => cellVolume(cell));
    }
  });

  test('one vector along any axis', () => {
    for (let k = 0; k < 3; k++) {
      for (let axis = 0; axis < 3; axis++) {
        const cell = new Float64Array(9);
        cell[3 * k + axis] = -5;
        expect(determinant3(completedCell(cell))).toBeCloseTo(5, 12);
      }
    }
  });

  test('what does not repeat plays no role, even when it is singular', () => {
    const cell = Float64Array.of(4, 0, 0, 8, 0, 0, 0, 0, 5);
    expectClose(periodicCell({ cell, pbc: [false, false, false] }), UNIT);
    expectClose(periodicCell({ cell, pbc: [true, false, true] }), [4, 0, 0, 0, 1, 0, 0, 0, 5]);
    errorOf('singular-cell', () => periodicCell({ cell, pbc: [true, true, false] }));
    errorOf('singular-cell', () => completedCell(cell));
  });

  test('cells without volume are refused', () => {
    errorOf('singular-cell', () => inverseCell(Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9)));
    errorOf('singular-cell', () => inverseCell(Float64Array.of(1e-9, 0, 0, 0, 1, 0, 0, 0, 1)));
    errorOf('singular-cell', () => inverseCell(Float64Array.of(Number.NaN, 0, 0, 0, 1, 0, 0, 0, 1)));
    errorOf('singular-cell', () => cellVolume(Float64Array.of(1e200, 0, 0, 0, 1e200, 0, 0, 0, 1e200)));
    const missing = { cell: new Float64Array(9), pbc: [false, true, false] as const };
    expect(errorOf('singular-cell', () => periodicCell(missing)).message).toContain('direction b');
  });
});

describe('checkStructure', () => {
  const good = createStructure(['Na', 'Cl'], [0, 0, 0, 2.8, 0, 0], [5.6, 0, 0, 0, 5.6, 0, 0, 0, 5.6]);
  const broken = (change: Partial<Structure>): (() => void) => {
    return () => checkStructure({ ...good, ...change }, { path: 'a.xyz', frame: 3 });
  };

  test('accepts molecules and crystals', () => {
    checkStructure(good);
    checkStructure(createStructure(['H'], [0, 0, 0]));
    expect(Array.from(massesOf(good))).toEqual([22.99, 35.45]);
  });

  test('names what is wrong and where', () => {
    errorOf('no-atoms', broken({ numbers: new Int32Array(0), positions: new Float64Array(0) }));
    const length = errorOf('wrong-length', broken({ positions: new Float64Array(5) }));
    expect(length.message).toBe('positions must hold 6 numbers, found 5');
    errorOf('wrong-length', broken({ cell: new Float64Array(6) }));
    errorOf('wrong-length', broken({ pbc: [true, true] as unknown as Structure['pbc'] }));
    errorOf('unknown-element', broken({ numbers: Int32Array.of(11, 0) }));
    errorOf('unknown-element', () => createStructure(['na'], [0, 0, 0]));
    const coordinate = errorOf('not-finite', broken({ positions: Float64Array.of(0, 0, 0, 0, Number.NaN, 0) }));
    expect(coordinate.message).toBe('the y coordinate of atom 1 is NaN');
    expect(coordinate.place).toEqual({ path: 'a.xyz', frame: 3, field: 'positions' });
    const infinite = good.cell.map((x, c) => (c === 5 ? Number.POSITIVE_INFINITY : x));
    expect(errorOf('not-finite', broken({ cell: infinite })).message).toContain('z component of lattice vector b');
    const flat = errorOf('singular-cell', broken({ cell: new Float64Array(9) }));
    expect(flat.place).toEqual({ path: 'a.xyz', frame: 3, field: 'cell' });
  });
});
