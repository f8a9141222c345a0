import { describe, expect, test } from 'vitest';
import { createRandom } from '../../random.ts';
import { sphericalHarmonics } from './basis.ts';
import { gauntTerms, gaussLegendre } from './coupling.ts';

const random = createRandom(12);

function randomHarmonics(): { n: number[]; Y: Float64Array } {
  const v = [random.normal(), random.normal(), random.normal()];
  const n = v.map((c) => c / Math.hypot(...v));
  const Y = new Float64Array(16);
  sphericalHarmonics(3, n, Y);
  return { n, Y };
}

const dot = (a: number[], b: number[]): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

test('Gauss–Legendre quadrature integrates even powers of z to 2/(p + 1)', () => {
  for (let n = 1; n <= 8; n++) {
    for (let p = 0; p < 2 * n; p += 2) {
      const sum = gaussLegendre(n).reduce((s, { z, weight }) => s + weight * z ** p, 0);
      expect(Math.abs(sum - 2 / (p + 1))).toBeLessThan(1e-14);
    }
  }
});

describe('Gaunt coefficients', () => {
  const coefficient = (l1: number, l2: number, l3: number, lm: [number, number, number]): number =>
    gauntTerms(l1, l2, l3).find((t) => t.lm1 === lm[0] && t.lm2 === lm[1] && t.lm3 === lm[2])?.coefficient ?? 0;

  test('are sums of powers over the sphere: by hand for dipole, dipole, quadrupole', () => {
    // With ∫ z⁴ = 4π/5, ∫ x²y² = 4π/15: ∫ zz(3z²−1)/2 = 4π·2/15, ∫ xx(3z²−1)/2 = −4π/15, ∫ x·y·√3xy = 4π·√3/15.
    const norm = Math.sqrt(4 + 1 + 1 + 6 * 3 + 3 + 3); // of (2, −1, −1; six of √3; ±√3)
    expect(coefficient(1, 1, 2, [2, 2, 6])).toBeCloseTo(2 / norm, 14);
    expect(coefficient(1, 1, 2, [3, 3, 6])).toBeCloseTo(-1 / norm, 14);
    expect(coefficient(1, 1, 2, [1, 1, 6])).toBeCloseTo(-1 / norm, 14);
    expect(coefficient(1, 1, 2, [3, 1, 4])).toBeCloseTo(Math.sqrt(3) / norm, 14);
    expect(coefficient(1, 1, 2, [3, 3, 8])).toBeCloseTo(Math.sqrt(3) / norm, 14);
    expect(coefficient(1, 1, 2, [1, 1, 8])).toBeCloseTo(-Math.sqrt(3) / norm, 14);
    expect(gauntTerms(1, 1, 2)).toHaveLength(11);
  });

  test('of m = 0 are the Wigner symbols (l1 l2 l3; 0 0 0)', () => {
    const centre = (l: number): number => l * l + l;
    for (const [l1, l2, l3, square] of [
      [1, 1, 2, 2 / 15],
      [1, 2, 3, 3 / 35],
      [2, 2, 2, 2 / 35],
      [2, 3, 3, 4 / 105],
    ]) {
      expect(coefficient(l1, l2, l3, [centre(l1), centre(l2), centre(l3)])).toBeCloseTo(Math.sqrt(square), 14);
    }
  });

  test('have norm 1, and are the same in any order of the three', () => {
    for (const [l1, l2, l3] of [
      [1, 1, 2],
      [1, 2, 3],
      [2, 2, 2],
      [2, 3, 3],
    ]) {
      const terms = gauntTerms(l1, l2, l3);
      expect(terms.reduce((sum, t) => sum + t.coefficient ** 2, 0)).toBeCloseTo(1, 14);
      for (const { lm1, lm2, lm3, coefficient: c } of terms) {
        expect(coefficient(l3, l1, l2, [lm3, lm1, lm2])).toBeCloseTo(c, 14);
      }
    }
  });

  test('make of three directions what Cartesian tensors make of them', () => {
    for (let n = 0; n < 10; n++) {
      const [a, b, c] = [randomHarmonics(), randomHarmonics(), randomHarmonics()];
      const [ab, bc, ca] = [dot(a.n, b.n), dot(b.n, c.n), dot(c.n, a.n)];
      const coupled = (l1: number, l2: number, l3: number): number =>
        gauntTerms(l1, l2, l3).reduce((sum, t) => sum + t.coefficient * a.Y[t.lm1] * b.Y[t.lm2] * c.Y[t.lm3], 0);
      // Both sides are 1 (times the Wigner symbol) where the three directions are one.
      expect(coupled(1, 1, 2) / Math.sqrt(2 / 15)).toBeCloseTo((3 * ca * bc - ab) / 2, 13);
      // Trace of the product of the traceless tensors 3aa − 1, 3bb − 1, 3cc − 1, over 6.
      const trace = 27 * ab * bc * ca - 9 * (ab ** 2 + bc ** 2 + ca ** 2) + 6;
      expect(coupled(2, 2, 2) / Math.sqrt(2 / 35)).toBeCloseTo(trace / 6, 13);
      // a·(octupole of c)·b·b, contracted.
      const octupole = (5 * ca * bc ** 2 - ca - 2 * ab * bc) / 2;
      expect(coupled(1, 2, 3) / Math.sqrt(3 / 35)).toBeCloseTo(octupole, 13);
    }
  });
});
