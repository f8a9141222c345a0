import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { atomicNumberOf } from '../elements.ts';
import { createRandom } from '../random.ts';
import { exactCounts, randomAlloy } from './alloys.ts';
import { supercell } from './builders.ts';
import { crystal } from './crystals.ts';
import { substituted, uniquePairs, voidsOf, withAtom, withoutAtoms } from './point-defects.ts';
import { checkStructure, type Structure } from './structure.ts';
import { loadSymmetry } from './symmetry.ts';

const wasm = createRequire(import.meta.url).resolve('@spglib/moyo-wasm/moyo_wasm_bg.wasm');
const symmetryOf = loadSymmetry(readFileSync(wasm));
const voids = (structure: Structure): ReturnType<typeof voidsOf> => {
  const { orbits, operations } = symmetryOf(structure);
  return voidsOf(structure, [...new Set(orbits)], operations);
};

const SI = crystal('diamond', ['Si'], 5.43);
const CU = crystal('fcc', ['Cu'], 3.61);
const NACL = crystal('rocksalt', ['Na', 'Cl'], 5.64);

describe('voids of the textbook', () => {
  test('fcc: octahedral a/2, tetrahedral √3/4 a', () => {
    const found = voids(CU);
    expect(found.map(({ coordination }) => coordination)).toEqual([6, 4]);
    expect(found[0].radius).toBeCloseTo(3.61 / 2, 9);
    expect(found[1].radius).toBeCloseTo((Math.sqrt(3) / 4) * 3.61, 9);
  });

  test('bcc: tetrahedral, √5/4 a', () => {
    const found = voids(supercell(crystal('bcc', ['Mo'], 3.16), [2, 2, 2]));
    expect(found.map(({ coordination }) => coordination)).toEqual([4]);
    expect(found[0].radius).toBeCloseTo((Math.sqrt(5) / 4) * 3.16, 9);
  });

  test('diamond: the tetrahedral place, one bond length from four atoms', () => {
    const [first] = voids(supercell(SI, [2, 2, 2]));
    expect(first.coordination).toBe(4);
    expect(first.radius).toBeCloseTo((Math.sqrt(3) / 4) * 5.43, 9);
  });

  test('hcp: octahedral a/√2 and tetrahedral √(3/8) a at the ideal ratio', () => {
    const found = voids(crystal('hcp', ['Mg'], 3.2));
    expect(found.map(({ coordination }) => coordination)).toEqual([6, 4]);
    expect(found[0].radius).toBeCloseTo(3.2 / Math.SQRT2, 6);
    expect(found[1].radius).toBeCloseTo(Math.sqrt(3 / 8) * 3.2, 6);
  });

  test('rocksalt: the cube of four cations and four anions', () => {
    const found = voids(NACL);
    expect(found).toHaveLength(1);
    expect(found[0].coordination).toBe(8);
    expect(found[0].radius).toBeCloseTo((Math.sqrt(3) / 4) * 5.64, 9);
  });
});

describe('pairs', () => {
  const pairs = (structure: Structure, reach: number): ReturnType<typeof uniquePairs> => {
    const { orbits, operations } = symmetryOf(structure);
    return uniquePairs(structure, [...new Set(orbits)], reach, operations);
  };

  test('fcc: one for each shell of neighbours', () => {
    const found = pairs(supercell(CU, [3, 3, 3]), 4.5);
    expect(found.map(({ distance }) => distance)).toEqual([
      expect.closeTo(3.61 / Math.SQRT2, 9),
      expect.closeTo(3.61, 9),
      expect.closeTo(3.61 * Math.sqrt(1.5), 9),
    ]);
  });

  test('rocksalt: Na–Cl, then Na–Na and Cl–Cl at the same distance', () => {
    const found = pairs(supercell(NACL, [2, 2, 2]), 4.2);
    expect(found).toHaveLength(3);
    const { numbers } = supercell(NACL, [2, 2, 2]);
    expect(found.map(({ atoms }) => atoms.map((i) => numbers[i]).sort((a, b) => a - b))).toEqual([
      [11, 17],
      [11, 11],
      [17, 17],
    ]);
  });
});

describe('atoms out, in and exchanged', () => {
  test('one less, one more, another one; the rest stays', () => {
    const less = withoutAtoms(SI, [2, 5]);
    expect(less.numbers).toHaveLength(6);
    expect(Array.from(less.positions.subarray(0, 6))).toEqual(Array.from(SI.positions.subarray(0, 6)));
    expect(Array.from(less.positions.subarray(6, 9))).toEqual(Array.from(SI.positions.subarray(9, 12)));
    const more = withAtom(SI, 'C', [1, 2, 3]);
    expect(more.numbers[8]).toBe(6);
    expect(Array.from(more.positions.subarray(24))).toEqual([1, 2, 3]);
    const other = substituted(SI, 3, 'Ge');
    expect(Array.from(other.numbers)).toEqual([14, 14, 14, 32, 14, 14, 14, 14]);
    expect(SI.numbers[3]).toBe(14);
    for (const structure of [less, more, other]) checkStructure(structure);
  });

  test('what is not there is refused', () => {
    expect(() => withoutAtoms(SI, [8])).toThrow(expect.objectContaining({ code: 'no-such-atom' }));
    expect(() => substituted(SI, -1, 'Ge')).toThrow(expect.objectContaining({ code: 'no-such-atom' }));
    const one = crystal('sc', ['Po'], 3.3);
    expect(() => withoutAtoms(one, [0])).toThrow(expect.objectContaining({ code: 'no-atoms' }));
  });
});

describe('random alloys', () => {
  test('exact counts, also where the shares are no whole numbers of atoms', () => {
    expect([...exactCounts({ Nb: 0.5, Mo: 0.25, Ta: 0.25 }, 16)]).toEqual([
      ['Nb', 8],
      ['Mo', 4],
      ['Ta', 4],
    ]);
    expect([...exactCounts({ Nb: 1 / 3, Mo: 1 / 3, Ta: 1 / 3 }, 16)]).toEqual([
      ['Nb', 6],
      ['Mo', 5],
      ['Ta', 5],
    ]);
    expect([...exactCounts({ Si: 0.99, Ge: 0.01 }, 64)]).toEqual([
      ['Si', 63],
      ['Ge', 1],
    ]);
  });

  test('every seed its own, the same seed the same, the other sites untouched', () => {
    const host = supercell(NACL, [2, 2, 2]);
    const sites = Array.from(host.numbers.keys()).filter((i) => host.numbers[i] === 11);
    const made = [1, 2, 1].map((seed) => randomAlloy(host, sites, { Na: 0.75, K: 0.25 }, createRandom(seed)));
    expect(made[0].numbers).toEqual(made[2].numbers);
    expect(made[0].numbers).not.toEqual(made[1].numbers);
    for (const { numbers } of made) {
      expect(numbers.filter((z) => z === atomicNumberOf('K'))).toHaveLength(8);
      expect(numbers.filter((z) => z === 11)).toHaveLength(24);
      for (const [i, z] of host.numbers.entries()) if (z === 17) expect(numbers[i]).toBe(17);
    }
  });

  test('on average every site sees the composition: no order that nobody asked for', () => {
    const host = supercell(crystal('bcc', ['Mo'], 3.2), [2, 2, 2]);
    const sites = Array.from(host.numbers.keys());
    const counts = new Float64Array(16);
    const runs = 2000;
    const random = createRandom(7);
    for (let run = 0; run < runs; run++) {
      const { numbers } = randomAlloy(host, sites, { Mo: 0.75, Nb: 0.25 }, random);
      for (const [i, z] of numbers.entries()) if (z === 41) counts[i]++;
    }
    // Binomial: 500 ± 19; five standard deviations.
    for (const count of counts) expect(Math.abs(count - runs / 4)).toBeLessThan(5 * Math.sqrt((runs * 3) / 16));
  });

  test('shares that do not sum to 1 are refused', () => {
    expect(() => exactCounts({ Nb: 0.5, Mo: 0.4 }, 16)).toThrow(expect.objectContaining({ code: 'bad-composition' }));
    expect(() => exactCounts({ Nb: 1.5, Mo: -0.5 }, 16)).toThrow(expect.objectContaining({ code: 'bad-composition' }));
  });
});
