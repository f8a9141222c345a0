import { describe, expect, test } from 'vitest';
import { covalentRadiusOf } from '../elements.ts';
import { createRandom } from '../random.ts';
import { rattled, strained } from '../structure/builders.ts';
import { crystal } from '../structure/crystals.ts';
import { createStructure, type Structure } from '../structure/structure.ts';
import { COULOMB } from '../units.ts';
import { DEFAULT_ZBL_REACH, screenedCoulomb, type ZblReach, zblPair, zblPotential } from './zbl.ts';

const pairOf = (a: string, b: string, r: number): Structure => createStructure([a, b], [0, 0, 0, r, 0, 0]);
const ANGSTROMS: ZblReach = { scale: 'angstrom', inner: 1, outer: 2.6 };

describe('screened Coulomb', () => {
  // Computed with 40 decimal digits from the formula and coefficients of Ziegler, Biersack & Littmark.
  test.each([
    [1, 14, 14, 50.9743636848, -189.796225732],
    [0.5, 1, 8, 33.1753934316, -162.367113663],
    [1.5, 26, 74, 33.8750146982, -114.372527975],
    [0.1, 14, 14, 13744.2618113, -217976.813468],
  ])('%f Å between elements %i and %i', (r, z1, z2, energy, slope) => {
    const [v, dv] = screenedCoulomb(r, z1, z2);
    expect(v / energy).toBeCloseTo(1, 10);
    expect(dv / slope).toBeCloseTo(1, 10);
  });

  test('bare nuclei at r → 0, to first order in r; symmetric in the elements', () => {
    const r = 1e-6;
    const [v, dv] = screenedCoulomb(r, 6, 29);
    expect((v * r) / (COULOMB * 6 * 29)).toBeCloseTo(1, 4);
    expect((-dv * r * r) / (COULOMB * 6 * 29)).toBeCloseTo(1, 8);
    expect(screenedCoulomb(0.7, 6, 29)).toEqual(screenedCoulomb(0.7, 29, 6));
  });

  test('always repulsive, always weaker than bare', () => {
    for (let r = 0.05; r < 3; r += 0.05) {
      const [v, dv] = screenedCoulomb(r, 14, 8);
      expect(v).toBeGreaterThan(0);
      expect(dv).toBeLessThan(0);
      expect(v).toBeLessThan((COULOMB * 14 * 8) / r);
    }
  });
});

describe('the switch', () => {
  const radii = { inner: 0.8, outer: 1.6 };

  test('in full below the inner radius, nothing beyond the outer one', () => {
    expect(zblPair(0.79, 14, 14, radii)).toEqual(screenedCoulomb(0.79, 14, 14));
    expect(zblPair(1.2, 14, 14, radii)[0]).toBeCloseTo(screenedCoulomb(1.2, 14, 14)[0] / 2, 10); // half way: one half
    for (const r of [1.6, 1.61, 50]) expect(zblPair(r, 14, 14, radii).map(Math.abs)).toEqual([0, 0]);
  });

  test('two continuous derivatives at either end', () => {
    const curvature = (r: number): number =>
      (zblPair(r + 1e-6, 14, 14, radii)[1] - zblPair(r - 1e-6, 14, 14, radii)[1]) / 2e-6;
    for (const r of [radii.inner, radii.outer]) {
      const [below, above] = [zblPair(r - 1e-7, 14, 14, radii), zblPair(r + 1e-7, 14, 14, radii)];
      expect(above[0] - below[0]).toBeCloseTo(0, 3);
      expect(above[1] - below[1]).toBeCloseTo(0, 3);
      expect(Math.abs(curvature(r + 2e-5) - curvature(r - 2e-5))).toBeLessThan(5); // eV/Å²; with a kink in the slope some 500
    }
  });

  test('the slope is the derivative all the way', () => {
    const h = 1e-5;
    for (let r = 0.5; r < 1.7; r += 0.1) {
      const numeric = (zblPair(r + h, 8, 14, radii)[0] - zblPair(r - h, 8, 14, radii)[0]) / (2 * h);
      expect(zblPair(r, 8, 14, radii)[1]).toBeCloseTo(numeric, 4);
    }
  });
});

describe('potential', () => {
  const structure = rattled(crystal('rocksalt', ['Mg', 'O'], 3.4), 0.15, createRandom(1));
  const potential = zblPotential([8, 12], ANGSTROMS);

  test('a pair has the energy of the pair, half on either atom, and opposite forces', () => {
    const { energy, atomicEnergies, forces, strainGradient } = potential.evaluate(pairOf('O', 'Mg', 1.7));
    const [v, dv] = zblPair(1.7, 8, 12, ANGSTROMS);
    expect(energy).toBeCloseTo(v, 12);
    expect(Array.from(atomicEnergies)).toEqual([v / 2, v / 2]);
    expect(Array.from(forces)).toEqual([dv, 0, 0, -dv, 0, 0]);
    expect(strainGradient[0]).toBeCloseTo(1.7 * dv, 12);
    expect(strainGradient.slice(1).every((g) => g === 0)).toBe(true);
  });

  test('forces are −∂E/∂r', () => {
    const h = 1e-5;
    const { forces, energy } = potential.evaluate(structure);
    expect(energy).toBeGreaterThan(10);
    for (let c = 0; c < 24; c += 5) {
      const energyAt = (move: number): number => {
        const positions = structure.positions.slice();
        positions[c] += move;
        return potential.evaluate({ ...structure, positions }).energy;
      };
      expect(forces[c]).toBeCloseTo(-(energyAt(h) - energyAt(-h)) / (2 * h), 5);
    }
  });

  test('the strain gradient is ∂E/∂ε', () => {
    const h = 1e-6;
    const { strainGradient } = potential.evaluate(structure);
    for (const [a, b] of [
      [0, 0],
      [1, 1],
      [2, 2],
      [2, 1],
      [0, 2],
      [1, 0],
    ]) {
      const energyAt = (by: number): number => {
        const strain = new Float64Array(9);
        strain[3 * a + b] += by / 2;
        strain[3 * b + a] += by / 2;
        return potential.evaluate(strained(structure, strain)).energy;
      };
      expect(strainGradient[3 * a + b]).toBeCloseTo((energyAt(h) - energyAt(-h)) / (2 * h), 4);
    }
  });

  test('by default each pair has a reach of its own, from its covalent radii, short of any bond', () => {
    const standard = zblPotential([1, 14]);
    expect(standard.cutoff).toBeCloseTo(0.7 * 2 * covalentRadiusOf(14), 12);
    const energyOf = (a: string, b: string, r: number): number => standard.evaluate(pairOf(a, b, r)).energy;
    expect(energyOf('H', 'H', 0.7 * 2 * covalentRadiusOf(1) + 1e-9)).toBe(0);
    expect(energyOf('H', 'H', 0.7 * 2 * covalentRadiusOf(1) - 0.05)).toBeGreaterThan(0);
    expect(energyOf('Si', 'Si', 1.5)).toBeGreaterThan(0);
    expect(energyOf('Si', 'Si', 2.35)).toBe(0);
  });
});

describe('refused', () => {
  const code = (of: string): unknown => expect.objectContaining({ code: of });

  test('radii that make no switch', () => {
    for (const [inner, outer] of [
      [1, 1],
      [2, 1],
      [-1, 1],
      [0, Number.NaN],
      [0, Number.POSITIVE_INFINITY],
    ]) {
      expect(() => zblPotential([14], { scale: 'angstrom', inner, outer })).toThrow(code('bad-radii'));
    }
    expect(() => zblPotential([100], DEFAULT_ZBL_REACH)).toThrow(code('no-covalent-radius'));
  });

  test('an element that it was not made for, and two atoms at one point', () => {
    expect(() => zblPotential([14]).evaluate(pairOf('Si', 'C', 5))).toThrow(code('unknown-species'));
    expect(() => zblPotential([14]).evaluate(pairOf('Si', 'Si', 1e-7))).toThrow(code('coinciding-atoms'));
  });
});
