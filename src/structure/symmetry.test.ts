import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { rattled, rotated, rotationMatrix, strained, supercell } from './builders.ts';
import { cellVolume, toFractional } from './cell.ts';
import { crystal } from './crystals.ts';
import { multiply3 } from './matrix3.ts';
import { buildNeighbourList, sitePositions } from './neighbours.ts';
import { strainTensor, uniqueStrains, VOIGT_COMPONENTS } from './strains.ts';
import { createStructure, type Structure } from './structure.ts';
import { imageOf, knownSymmetry, latticeDistance, loadSymmetry } from './symmetry.ts';

const wasm = createRequire(import.meta.url).resolve('@spglib/moyo-wasm/moyo_wasm_bg.wasm');
const symmetryOf = loadSymmetry(readFileSync(wasm));

/** TiO2: u = 0.305, a = 4.594 Å, c = 2.959 Å (Swope, Smyth & Larson 1995). */
function rutile(): Structure {
  const [a, c, u] = [4.594, 2.959, 0.305];
  const x = [0, 0, 0, 0.5, 0.5, 0.5, u, u, 0, 1 - u, 1 - u, 0, 0.5 + u, 0.5 - u, 0.5, 0.5 - u, 0.5 + u, 0.5];
  const scale = [a, a, c];
  return createStructure(
    ['Ti', 'Ti', 'O', 'O', 'O', 'O'],
    x.map((f, k) => f * scale[k % 3]),
    [a, 0, 0, 0, a, 0, 0, 0, c],
  );
}

const SI = crystal('diamond', ['Si'], 5.43);
const NACL = crystal('rocksalt', ['Na', 'Cl'], 5.64);
const HCP = crystal('hcp', ['Mg'], 3.21, 5.21);
const TILT = rotationMatrix([1, 2, 0.5], 0.7);

describe('space groups of the textbook', () => {
  test.each([
    ['diamond Si', SI, 227, 'F d -3 m', 192, 48, 2],
    ['NaCl', NACL, 225, 'F m -3 m', 192, 48, 2],
    ['hcp Mg', HCP, 194, 'P 6_3/m m c', 24, 24, 2],
    ['rutile', rutile(), 136, 'P 4_2/m n m', 16, 16, 6],
    ['zincblende', crystal('zincblende', ['Ga', 'As'], 5.65), 216, 'F -4 3 m', 96, 24, 2],
    ['bcc', crystal('bcc', ['Mo'], 3.16), 229, 'I m -3 m', 96, 48, 1],
    ['graphite', crystal('graphite', ['C'], 2.46, 6.7), 194, 'P 6_3/m m c', 24, 24, 4],
  ] as const)('%s', (_, structure, number, symbol, operations, directions, atoms) => {
    const found = symmetryOf(structure);
    expect(found.spaceGroup).toBe(number);
    expect(found.symbol).toBe(symbol);
    expect(found.operations).toHaveLength(operations);
    expect(found.pointGroup).toHaveLength(directions);
    expect(found.primitive.numbers).toHaveLength(atoms);
  });

  test('a rattled crystal has none', () => {
    const found = symmetryOf(rattled(SI, 0.05, createRandom(1)));
    expect(found.spaceGroup).toBe(1);
    expect(found.operations).toHaveLength(1);
    expect(Array.from(found.orbits)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  test('atoms that symmetry makes the same: one orbit of Ti, one of O', () => {
    expect(Array.from(symmetryOf(rutile()).orbits)).toEqual([0, 0, 2, 2, 2, 2]);
    expect(new Set(symmetryOf(supercell(SI, [2, 1, 1])).orbits)).toEqual(new Set([0]));
  });
});

describe('operations', () => {
  test.each([
    ['hcp, tilted', rotated(HCP, TILT)],
    ['rutile, tilted', rotated(rutile(), TILT)],
    ['a supercell', supercell(NACL, [2, 1, 1])],
    ['a skew supercell', supercell(HCP, [1, 1, 0, 0, 1, 0, 0, 0, 2])],
  ])('%s: each maps every atom onto one of its own element', (_, structure) => {
    const { operations } = symmetryOf(structure);
    const x = toFractional(structure.positions, structure.cell);
    for (const operation of operations) {
      for (const [i, z] of structure.numbers.entries()) {
        const image = imageOf(x.subarray(3 * i, 3 * i + 3), operation);
        const lands = Array.from(structure.numbers.keys()).some(
          (j) => structure.numbers[j] === z && latticeDistance(image, x.subarray(3 * j, 3 * j + 3), structure) < 1e-6,
        );
        expect(lands).toBe(true);
      }
    }
  });

  test('the crystal class is orthogonal, and whole also for a supercell whose shape has less of it', () => {
    const long = symmetryOf(rotated(supercell(SI, [3, 1, 1]), TILT));
    expect(long.operations.length).toBeLessThan(48 * 12);
    expect(long.pointGroup).toHaveLength(48);
    for (const r of long.pointGroup) {
      const transposed = [r[0], r[3], r[6], r[1], r[4], r[7], r[2], r[5], r[8]];
      const one = multiply3(r, transposed);
      for (let c = 0; c < 9; c++) expect(one[c]).toBeCloseTo(c % 4 === 0 ? 1 : 0, 9);
    }
  });

  test('where not everything repeats, every atom is its own', () => {
    const slab: Structure = { ...SI, pbc: [true, true, false] };
    expect(() => symmetryOf(slab)).toThrow(expect.objectContaining({ code: 'not-periodic' }));
    expect(knownSymmetry(slab, symmetryOf).operations).toHaveLength(1);
    expect(Array.from(knownSymmetry(slab, symmetryOf).orbits)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  test('two atoms in one place are refused', () => {
    const twice = createStructure(['Si', 'Si'], [0, 0, 0, 0, 0, 0], [3, 0, 0, 0, 3, 0, 0, 0, 3]);
    expect(() => symmetryOf(twice)).toThrow(expect.objectContaining({ code: 'no-symmetry' }));
  });
});

/** All distances from all atoms up to 6 Å, sorted, and how often per atom. */
function distances(structure: Structure): number[] {
  const list = buildNeighbourList(structure, 6);
  const sites = sitePositions(list, structure);
  const found: number[] = [];
  for (let i = 0; i < structure.numbers.length; i++) {
    for (let e = list.first[i]; e < list.first[i + 1]; e++) {
      const s = list.neighbours[e];
      found.push(Math.hypot(...[0, 1, 2].map((c) => sites[3 * s + c] - sites[3 * i + c])));
    }
  }
  return found.sort((a, b) => a - b);
}

test('the smallest and the conventional cell are the same crystal in the same orientation, from any supercell', () => {
  const crystals = [SI, NACL, HCP, rutile(), crystal('bcc', ['Mo'], 3.16)];
  const entry = fc.integer({ min: -1, max: 2 });
  fc.assert(
    fc.property(
      fc.constantFrom(...crystals),
      fc.array(entry, { minLength: 9, maxLength: 9 }),
      fc.double({ min: -3, max: 3, noNaN: true }),
      (start, repeats, angle) => {
        const copies = Math.abs(
          repeats[0] * (repeats[4] * repeats[8] - repeats[5] * repeats[7]) -
            repeats[1] * (repeats[3] * repeats[8] - repeats[5] * repeats[6]) +
            repeats[2] * (repeats[3] * repeats[7] - repeats[4] * repeats[6]),
        );
        fc.pre(copies > 0 && copies <= 6);
        const structure = rotated(supercell(start, repeats), rotationMatrix([1, 0.3, 0.2], angle));
        const { primitive, conventional } = symmetryOf(structure);
        expect(primitive.numbers.length).toBe(symmetryOf(start).primitive.numbers.length);
        expect(conventional.numbers.length).toBe(start.numbers.length);
        for (const cell of [primitive, conventional]) {
          const density = cell.numbers.length / cellVolume(cell.cell);
          expect(density).toBeCloseTo(start.numbers.length / cellVolume(start.cell), 9);
          const [own, given] = [distances(cell), distances(structure)];
          const share = given.length / own.length;
          expect(share).toBeCloseTo(structure.numbers.length / cell.numbers.length, 9);
          for (let k = 0; k < own.length; k += 17) expect(own[k]).toBeCloseTo(given[Math.floor(k * share)], 6);
          // Same orientation: every vector of the smallest cell is a lattice vector of the given crystal.
          const moved = cell.positions.map((r, c) => r + cell.cell[c % 3]);
          const x = toFractional(moved, structure.cell);
          const y = toFractional(structure.positions, structure.cell);
          const lands = Array.from(structure.numbers.keys()).some(
            (j) =>
              structure.numbers[j] === cell.numbers[0] &&
              latticeDistance(x.subarray(0, 3), y.subarray(3 * j, 3 * j + 3), structure) < 1e-6,
          );
          expect(lands).toBe(true);
        }
      },
    ),
    { numRuns: 40, seed: 5 },
  );
});

test('the conventional cell of cubic crystals is a cube', () => {
  const primitive = symmetryOf(rotated(SI, TILT)).primitive;
  const { cell } = symmetryOf(primitive).conventional;
  for (let k = 0; k < 3; k++) {
    for (let l = 0; l < 3; l++) {
      const product = [0, 1, 2].reduce((sum, c) => sum + cell[3 * k + c] * cell[3 * l + c], 0);
      expect(product).toBeCloseTo(k === l ? 5.43 ** 2 : 0, 9);
    }
  }
});

describe('strains that symmetry makes the same', () => {
  const classes = (structure: Structure, value: number): { uniaxial: string[]; shear: string[] } => {
    const { pointGroup } = symmetryOf(structure);
    const unique = (names: readonly (typeof VOIGT_COMPONENTS)[number][]): string[] =>
      uniqueStrains(
        names.map((name) => strainTensor(name, value)),
        pointGroup,
      ).map((k) => names[k]);
    return { uniaxial: unique(VOIGT_COMPONENTS.slice(0, 3)), shear: unique(VOIGT_COMPONENTS.slice(3)) };
  };

  test('cubic: one uniaxial and one shear class', () => {
    for (const cubic of [SI, NACL, supercell(SI, [2, 1, 1])]) {
      expect(classes(cubic, 0.02)).toEqual({ uniaxial: ['xx'], shear: ['yz'] });
    }
  });

  test('tetragonal: two of each; hexagonal: no rotation by 90°, so three of each', () => {
    expect(classes(rutile(), 0.02)).toEqual({ uniaxial: ['xx', 'zz'], shear: ['yz', 'xy'] });
    expect(classes(HCP, 0.02)).toEqual({ uniaxial: ['xx', 'yy', 'zz'], shear: ['yz', 'xz', 'xy'] });
  });

  test('triclinic: all six', () => {
    const skew = strained(SI, [0.01, 0.02, 0.03, 0.05, -0.02, 0.04, 0.01, 0.02, 0.03]);
    expect(classes(skew, 0.02).uniaxial).toHaveLength(3);
    expect(classes(skew, 0.02).shear).toHaveLength(3);
  });

  test('cubic: a shear and its opposite are the same, a stretch and a squeeze are not', () => {
    const { pointGroup } = symmetryOf(SI);
    expect(uniqueStrains([strainTensor('xy', 0.03), strainTensor('xy', -0.03)], pointGroup)).toEqual([0]);
    expect(uniqueStrains([strainTensor('xx', 0.03), strainTensor('xx', -0.03)], pointGroup)).toEqual([0, 1]);
  });
});
