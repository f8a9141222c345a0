import { describe, expect, test } from 'vitest';
import { bruteForceNeighbours, edgeLength } from '../../tests/helpers/brute-force-neighbours.ts';
import { errorOf } from '../../tests/helpers/errors.ts';
import { createRandom } from '../random.ts';
import {
  combined,
  permuted,
  rattled,
  rotated,
  rotationMatrix,
  strained,
  supercell,
  translated,
  vacancy,
} from './builders.ts';
import { cellVolume, toFractional } from './cell.ts';
import { crystal, type Prototype } from './crystals.ts';
import { checkStructure, createStructure, type Structure } from './structure.ts';

const bondLength = (structure: Structure): number =>
  Math.min(...bruteForceNeighbours(structure, 6).map((edge) => edgeLength(edge)));

function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-12): void {
  expect(found.length).toBe(expected.length);
  for (let c = 0; c < found.length; c++) expect(Math.abs(found[c] - expected[c])).toBeLessThan(tolerance);
}

describe('crystals', () => {
  test('atoms per cell and shortest bonds in units of a', () => {
    const a = 4;
    const expected: [Prototype, string[], number, number][] = [
      ['sc', ['Po'], 1, 1],
      ['bcc', ['Fe'], 2, Math.sqrt(3) / 2],
      ['fcc', ['Cu'], 4, Math.sqrt(2) / 2],
      ['diamond', ['Si'], 8, Math.sqrt(3) / 4],
      ['hcp', ['Mg'], 2, 1],
      ['cscl', ['Cs', 'Cl'], 2, Math.sqrt(3) / 2],
      ['rocksalt', ['Na', 'Cl'], 8, 1 / 2],
      ['zincblende', ['Ga', 'As'], 8, Math.sqrt(3) / 4],
      ['fluorite', ['Ca', 'F'], 12, Math.sqrt(3) / 4],
    ];
    for (const [prototype, elements, atoms, bond] of expected) {
      const structure = crystal(prototype, elements, a);
      checkStructure(structure);
      expect(structure.numbers.length, prototype).toBe(atoms);
      expect(bondLength(structure) / a, prototype).toBeCloseTo(bond, 12);
      expect(structure.pbc).toEqual([true, true, true]);
    }
    const graphite = crystal('graphite', ['C'], 2.46, 6.7);
    expect(bondLength(graphite)).toBeCloseTo(2.46 / Math.sqrt(3), 12);
  });

  test('densities: silicon 2.33, copper 8.93, sodium chloride 2.16 g/cm³', () => {
    const perVolume = 1.6605390666; // u/Å³ in g/cm³
    const mass = { Si: 8 * 28.085, Cu: 4 * 63.546, NaCl: 4 * 58.44 };
    expect((perVolume * mass.Si) / cellVolume(crystal('diamond', ['Si'], 5.431).cell)).toBeCloseTo(2.33, 2);
    expect((perVolume * mass.Cu) / cellVolume(crystal('fcc', ['Cu'], 3.615).cell)).toBeCloseTo(8.93, 1);
    expect((perVolume * mass.NaCl) / cellVolume(crystal('rocksalt', ['Na', 'Cl'], 5.64).cell)).toBeCloseTo(2.16, 2);
  });

  test('unlike neighbours in the binary ones', () => {
    const cases: [Prototype, number][] = [
      ['rocksalt', 0.51],
      ['zincblende', 0.45],
      ['cscl', 0.9],
      ['fluorite', 0.45],
    ];
    for (const [prototype, reach] of cases) {
      const structure = crystal(prototype, ['Cs', 'F'], 4);
      for (const { i, j } of bruteForceNeighbours(structure, 4 * reach)) {
        expect(structure.numbers[i]).not.toBe(structure.numbers[j]);
      }
    }
  });

  test('wrong recipes are refused', () => {
    errorOf('bad-crystal', () => crystal('rocksalt', ['Na'], 5));
    errorOf('bad-crystal', () => crystal('fcc', ['Cu', 'Au'], 5));
    errorOf('bad-crystal', () => crystal('fcc', ['Cu'], 0));
    errorOf('bad-crystal', () => crystal('fcc', ['Cu'], Number.NaN));
    errorOf('bad-crystal', () => crystal('graphite', ['C'], 2.46));
    errorOf('bad-crystal', () => crystal('perovskite' as Prototype, ['Ca'], 4));
    errorOf('unknown-element', () => crystal('fcc', ['cu'], 3.6));
  });
});

describe('supercell', () => {
  const si = rattled(crystal('diamond', ['Si'], 5.43), 0.1, createRandom(1));

  test('copies are translations by lattice vectors', () => {
    const big = supercell(si, [2, 1, 3]);
    expect(big.numbers.length).toBe(48);
    expectClose(big.cell, [10.86, 0, 0, 0, 5.43, 0, 0, 0, 16.29]);
    for (let n = 0; n < 6; n++) {
      const copy = big.positions.subarray(24 * n, 24 * n + 24);
      const step = toFractional(
        [copy[0] - si.positions[0], copy[1] - si.positions[1], copy[2] - si.positions[2]],
        si.cell,
      );
      expectClose(step, step.map(Math.round), 1e-10);
      expectClose(
        copy,
        translated(si, [copy[0] - si.positions[0], copy[1] - si.positions[1], copy[2] - si.positions[2]]).positions,
      );
    }
    expect(bondLength(big)).toBeCloseTo(bondLength(si), 12);
  });

  test('the conventional cell of fcc from its primitive one', () => {
    const primitive = createStructure(['Cu'], [0, 0, 0], [0, 1.8, 1.8, 1.8, 0, 1.8, 1.8, 1.8, 0]);
    const cubic = supercell(primitive, [-1, 1, 1, 1, -1, 1, 1, 1, -1]);
    expectClose(cubic.cell, [3.6, 0, 0, 0, 3.6, 0, 0, 0, 3.6]);
    expect(cubic.numbers.length).toBe(4);
    const places = (structure: Structure): string[] =>
      Array.from({ length: 4 }, (_, i) =>
        Array.from(toFractional(structure.positions, structure.cell).subarray(3 * i, 3 * i + 3), (f) =>
          (((f % 1) + 1.25) % 1).toFixed(6),
        ).join(' '),
      ).sort();
    expect(places(cubic)).toEqual(places(crystal('fcc', ['Cu'], 3.6)));
    // A left-handed matrix and an oblique one.
    expect(supercell(si, [0, 1, 0, 1, 0, 0, 0, 0, 1]).numbers.length).toBe(8);
    expect(supercell(si, [2, 1, 0, -1, 3, 1, 0, 0, 2]).numbers.length).toBe(8 * 14);
  });

  test('layers are repeated within the layer', () => {
    const layer: Structure = { ...crystal('graphite', ['C'], 2.46, 6.7), pbc: [true, true, false] };
    expect(supercell(layer, [2, 1, 0, 0, 2, 0, 0, 0, 1]).pbc).toEqual([true, true, false]);
    errorOf('bad-supercell', () => supercell(layer, [1, 0, 1, 0, 1, 0, 0, 0, 1]));
    const molecule = createStructure(['H', 'H'], [0, 0, 0, 0.74, 0, 0]);
    expect(supercell(molecule, [1, 1, 1]).numbers.length).toBe(2);
    errorOf('bad-supercell', () => supercell(molecule, [2, 1, 1]));
  });

  test('nonsense is refused', () => {
    for (const repeats of [
      [0, 1, 1],
      [1, 1],
      [1.5, 1, 1],
      [1, 1, -1],
      [1, 1, 1, 1, 1, 1, 1, 1, 1],
      [1, Number.NaN, 1],
    ]) {
      errorOf('bad-supercell', () => supercell(si, repeats));
    }
  });
});

describe('deformations', () => {
  const si = rattled(crystal('diamond', ['Si'], 5.43), 0.1, createRandom(1));

  test('strain: r → (1 + ε) r', () => {
    const shear = strained(si, [0, 0.1, 0, 0, 0, 0, 0, 0, 0]);
    for (let c = 0; c < 24; c += 3) {
      expect(shear.positions[c]).toBeCloseTo(si.positions[c] + 0.1 * si.positions[c + 1], 12);
      expect(shear.positions[c + 1]).toBe(si.positions[c + 1]);
    }
    expectClose(shear.cell, [5.43, 0, 0, 0.543, 5.43, 0, 0, 0, 5.43]);
    const stretched = strained(si, [0.01, 0.02, 0.03, 0.02, -0.01, 0.01, 0.03, 0.01, 0.02]);
    expectClose(toFractional(stretched.positions, stretched.cell), toFractional(si.positions, si.cell), 1e-12);
  });

  test('rotation keeps lengths and turns the right way', () => {
    const quarter = rotationMatrix([0, 0, 5], Math.PI / 2);
    const turned = rotated(createStructure(['H'], [1, 0, 0], [2, 0, 0, 0, 3, 0, 0, 0, 4]), quarter);
    expectClose(turned.positions, [0, 1, 0]);
    expectClose(turned.cell, [0, 2, 0, -3, 0, 0, 0, 0, 4]);
    const any = rotated(si, rotationMatrix([1, -2, 0.5], 2.2));
    expect(cellVolume(any.cell)).toBeCloseTo(cellVolume(si.cell), 9);
    expect(bondLength(any)).toBeCloseTo(bondLength(si), 12);
    errorOf('not-a-rotation', () => rotated(si, [1, 0.1, 0, 0, 1, 0, 0, 0, 1]));
    errorOf('not-a-rotation', () => rotationMatrix([0, 0, 0], 1));
  });

  test('rattling has the standard deviation that was asked for and depends on the seed alone', () => {
    const big = supercell(crystal('fcc', ['Cu'], 3.6), [6, 6, 6]);
    const moved = rattled(big, 0.05, createRandom(7));
    const squares = moved.positions.reduce((sum, r, c) => sum + (r - big.positions[c]) ** 2, 0);
    // 2592 deviates: the standard error of the deviation is 1.4 %.
    expect(Math.sqrt(squares / big.positions.length) / 0.05).toBeGreaterThan(0.95);
    expect(Math.sqrt(squares / big.positions.length) / 0.05).toBeLessThan(1.05);
    expect(rattled(big, 0.05, createRandom(7))).toEqual(moved);
  });

  test('permutation, vacancy and translation', () => {
    const salt = crystal('rocksalt', ['Na', 'Cl'], 5.64);
    const order = [7, 6, 5, 4, 3, 2, 1, 0];
    const reversed = permuted(salt, order);
    expect(Array.from(reversed.numbers)).toEqual([17, 17, 17, 17, 11, 11, 11, 11]);
    expect(permuted(reversed, order)).toEqual(salt);
    errorOf('bad-order', () => permuted(salt, [0, 0, 1, 2, 3, 4, 5, 6]));
    errorOf('bad-order', () => permuted(salt, [0, 1, 2]));
    errorOf('bad-order', () => permuted(salt, [0, 1, 2, 3, 4, 5, 6, 8]));

    const hole = vacancy(salt, 2);
    expect(Array.from(hole.numbers)).toEqual([11, 11, 11, 17, 17, 17, 17]);
    expectClose(hole.positions.subarray(6, 9), salt.positions.subarray(9, 12));
    errorOf('no-such-atom', () => vacancy(salt, 8));
    errorOf('no-such-atom', () => vacancy(salt, 0.5));
    errorOf('no-atoms', () => vacancy(createStructure(['H'], [0, 0, 0]), 0));

    const away = translated(salt, [1, -2, 3]);
    expectClose(away.positions.subarray(0, 3), [1, -2, 3]);
    expect(away.cell).toEqual(salt.cell);
  });

  test('nothing is shared with the original', () => {
    const copies = [
      translated(si, [0, 0, 0]),
      rattled(si, 0, createRandom(1)),
      rotated(si, rotationMatrix([1, 0, 0], 0)),
      strained(si, new Float64Array(9)),
      permuted(si, [0, 1, 2, 3, 4, 5, 6, 7]),
      supercell(si, [1, 1, 1]),
    ];
    for (const copy of copies) {
      for (const name of ['numbers', 'positions', 'cell'] as const) expect(copy[name].buffer).not.toBe(si[name].buffer);
    }
  });
});

describe('combined', () => {
  const h2 = createStructure(['H', 'H'], [0, 0, 0, 0.74, 0, 0]);

  test('molecules side by side', () => {
    const both = combined(h2, createStructure(['O'], [0, 0, 1]), [0, 30, 0]);
    expect(Array.from(both.numbers)).toEqual([1, 1, 8]);
    expectClose(both.positions, [0, 0, 0, 0.74, 0, 0, 0, 30, 1]);
  });

  test('a molecule on a crystal, slabs in a taller cell', () => {
    const slab: Structure = { ...crystal('fcc', ['Cu'], 3.6), pbc: [true, true, false] };
    expect(combined(slab, h2, [0, 0, 6]).cell).toEqual(slab.cell);
    const cell = [3.6, 0, 0, 0, 3.6, 0, 0, 0, 7.2];
    const stacked = combined(crystal('fcc', ['Cu'], 3.6), crystal('fcc', ['Au'], 3.6), [0, 0, 3.6], cell);
    expect(stacked.numbers.length).toBe(8);
    expect(bondLength(stacked)).toBeCloseTo(3.6 / Math.sqrt(2), 12);
  });

  test('structures that repeat differently need a cell', () => {
    errorOf('different-cells', () => combined(h2, crystal('fcc', ['Cu'], 3.6), [0, 0, 0]));
    errorOf('different-cells', () => combined(crystal('fcc', ['Cu'], 3.6), crystal('fcc', ['Cu'], 3.7), [0, 0, 0]));
  });
});
