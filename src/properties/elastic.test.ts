import { describe, expect, test } from 'vitest';
import { finish } from '../md/progress.ts';
import { lennardJones, SILICON_LATTICE, stillingerWeber } from '../model/testing.ts';
import { rotated, rotationMatrix, strained } from '../structure/builders.ts';
import { crystal } from '../structure/crystals.ts';
import { elasticConstants, elasticModuli } from './elastic.ts';
import type { Matrix } from './linear.ts';
import { stressStrain } from './stress-strain.ts';

const potential = stillingerWeber();
const silicon = crystal('diamond', ['Si'], SILICON_LATTICE);

/** Cubic tensor along the axes. */
const cubic = (c11: number, c12: number, c44: number): Matrix =>
  Array.from({ length: 6 }, (_, i) =>
    Array.from({ length: 6 }, (_, j) => (i === j ? (i < 3 ? c11 : c44) : i < 3 && j < 3 ? c12 : 0)),
  );

describe('silicon of Stillinger and Weber', () => {
  // Literature: Cowley 1988, doi:10.1103/PhysRevLett.60.2379.
  test('C11 = 151.4, C12 = 76.4, C44 = 56.4 GPa', async () => {
    const c = await finish(elasticConstants(silicon, potential));
    expect(Math.abs(c.C11_GPa / 151.4 - 1)).toBeLessThan(0.01);
    expect(Math.abs(c.C12_GPa / 76.4 - 1)).toBeLessThan(0.01);
    expect(Math.abs(c.C44_GPa / 56.4 - 1)).toBeLessThan(0.01);
    expect(c.asymmetry_GPa).toBeLessThan(0.5);
    expect(c.non_cubic_GPa).toBeLessThan(0.5);
    expect(c.residual_stress_GPa).toBeLessThan(0.01);
    expect(c.born_stable).toBe(true);
    expect(c.bulk_modulus_hill_GPa).toBeCloseTo((c.C11_GPa + 2 * c.C12_GPa) / 3, 1);
  });

  test('with clamped atoms C44 = B + (C11 − C12)/9 = 109.8 GPa, and C11, C12 as before', async () => {
    // All bonds and angles of the potential being at their minima, B comes from stretching alone, C11 − C12 from
    // bending alone, and a clamped shear stretches and bends in these proportions. Justo et al. 1998,
    // doi:10.1103/PhysRevB.58.2539, give 117 GPa for energies scaled by 4.63/4.3366: 109.8 GPa.
    const c = await finish(elasticConstants(silicon, potential, { clamped: true }));
    expect(Math.abs(c.C11_GPa / 151.4 - 1)).toBeLessThan(0.01);
    expect(Math.abs(c.C12_GPa / 76.4 - 1)).toBeLessThan(0.01);
    expect(Math.abs(c.C44_GPa / 109.8 - 1)).toBeLessThan(0.01);
    expect(c.C44_GPa).toBeCloseTo((c.C11_GPa + 2 * c.C12_GPa) / 3 + (c.C11_GPa - c.C12_GPa) / 9, 1);
  });

  test('turned in space, the tensor changes and the moduli do not', async () => {
    const turned = rotated(silicon, rotationMatrix([1, 2, 0.5], 0.7));
    const a = await finish(elasticConstants(silicon, potential, { clamped: true }));
    const b = await finish(elasticConstants(turned, potential, { clamped: true }));
    expect(b.non_cubic_GPa).toBeGreaterThan(20);
    for (const key of [
      'bulk_modulus_voigt_GPa',
      'shear_modulus_voigt_GPa',
      'shear_modulus_reuss_GPa',
      'softest_eigenvalue_GPa',
    ] as const) {
      expect(Math.abs(b[key] - a[key])).toBeLessThan(0.05);
    }
  });

  test('the stress–strain line starts with the slope C11, and C44 for a shear', async () => {
    for (const [component, at, modulus] of [
      ['xx', 0, 151.4],
      ['yz', 3, 109.8],
    ] as const) {
      const line = await finish(
        stressStrain(silicon, potential, { component, from: -0.002, to: 0.002, points: 3, clamped: true }),
      );
      expect(line.points.map((p) => p.strain)).toEqual([-0.002, 0, 0.002]);
      const slope = (line.points[2].stress_GPa[at] - line.points[0].stress_GPa[at]) / 0.004;
      expect(Math.abs(slope / modulus - 1)).toBeLessThan(0.01);
      expect(line.points[2].stress_GPa[at]).toBeGreaterThan(0);
    }
  });
});

test('argon: a pair potential without stress has the Cauchy relation C12 = C44', async () => {
  // Every atom is a centre of inversion, so the atoms have nothing to relax. p = 0 lattice constant by bisection.
  const lj = lennardJones();
  const slope = (a: number): number => lj.evaluate(crystal('fcc', ['Ar'], a)).strainGradient[0];
  let [low, high] = [5, 5.6];
  for (let k = 0; k < 50; k++) {
    const middle = (low + high) / 2;
    if (slope(middle) > 0) high = middle;
    else low = middle;
  }
  const c = await finish(elasticConstants(crystal('fcc', ['Ar'], low), lj, { strain: 0.001 }));
  expect(c.C12_GPa).toBeGreaterThan(1);
  expect(Math.abs(c.C12_GPa / c.C44_GPa - 1)).toBeLessThan(1e-3);
});

describe('moduli', () => {
  test('an isotropic tensor gives its own two numbers, whichever way they are averaged', () => {
    const m = elasticModuli(cubic(3 + (4 * 2) / 3, 3 - (2 * 2) / 3, 2)); // B = 3, G = 2
    expect(m.bulk_modulus_voigt_GPa).toBeCloseTo(3, 12);
    expect(m.bulk_modulus_reuss_GPa).toBeCloseTo(3, 12);
    expect(m.shear_modulus_voigt_GPa).toBeCloseTo(2, 12);
    expect(m.shear_modulus_reuss_GPa).toBeCloseTo(2, 12);
    expect(m.young_modulus_hill_GPa).toBeCloseTo((9 * 3 * 2) / (9 + 2), 12);
    expect(m.poisson_ratio_hill).toBeCloseTo((9 - 4) / (18 + 4), 12);
  });

  test('a cubic one gives the formulas of the textbook, and Voigt ≥ Reuss', () => {
    const [c11, c12, c44] = [151.4, 76.4, 56.4];
    const m = elasticModuli(cubic(c11, c12, c44));
    expect(m.bulk_modulus_reuss_GPa).toBeCloseTo((c11 + 2 * c12) / 3, 10);
    expect(m.shear_modulus_voigt_GPa).toBeCloseTo((c11 - c12 + 3 * c44) / 5, 10);
    expect(m.shear_modulus_reuss_GPa).toBeCloseTo((5 * (c11 - c12) * c44) / (4 * c44 + 3 * (c11 - c12)), 10);
    expect(m.softest_eigenvalue_GPa).toBeCloseTo(Math.min(c11 - c12, 2 * c44), 10);
  });

  test.each([
    ['C11 < C12', cubic(70, 80, 50)],
    ['C44 < 0', cubic(150, 70, -1)],
    ['C11 + 2 C12 < 0', cubic(150, -76, 50)],
  ] as [string, Matrix][])('Born: %s is unstable', (_, tensor) => {
    expect(elasticModuli(tensor).born_stable).toBe(false);
  });
});

test('refuses strains that are none, and atoms that do not come to rest', async () => {
  await expect(finish(elasticConstants(silicon, potential, { strain: 0 }))).rejects.toThrow(/strain of 0/);
  const shaken = strained(silicon, [0, 0.02, 0, 0.02, 0, 0, 0, 0, 0]);
  await expect(finish(elasticConstants(shaken, potential, { maxForce: 1e-18 }))).rejects.toThrow(
    /largest force is still/,
  );
});

test('can be stopped', async () => {
  const work = elasticConstants(silicon, potential, { signal: AbortSignal.abort(new Error('enough')) });
  await expect(finish(work)).rejects.toThrow('enough');
});

test('forces that are no gradient have no elastic constants, and no stress–strain line', async () => {
  const direct = { ...potential, conservative: false } as const;
  await expect(finish(elasticConstants(silicon, direct))).rejects.toMatchObject({ code: 'forces-no-gradient' });
  const line = { component: 'xx', from: 0, to: 0.02, points: 2, clamped: true } as const;
  await expect(finish(stressStrain(silicon, direct, line))).rejects.toMatchObject({ code: 'forces-no-gradient' });
});
