import { describe, expect, test } from 'vitest';
import { createRandom } from '../../random.ts';
import type { ModelShape } from '../kernels.ts';
import { largestDifference } from '../testing.ts';
import { harmonicGradients, radialBasis, sphericalHarmonics, switching } from './basis.ts';

const shape: ModelShape = {
  species: 1,
  radial: 12,
  lmax: 3,
  order: 3,
  channels: 4,
  hidden: [4, 4],
  heads: 1,
  cutoff: 5,
  onset: 3.5,
};
const random = createRandom(11);

function randomUnit(): number[] {
  const n = [random.normal(), random.normal(), random.normal()];
  return n.map((c) => c / Math.hypot(...n));
}

function harmonics(n: ArrayLike<number>): Float64Array {
  const Y = new Float64Array(16);
  sphericalHarmonics(3, n, Y);
  return Y;
}

/** P_l^m(z) without Condon–Shortley sign: P_m^m = (2m−1)!! ρ^m, then upwards in l. */
function legendre(l: number, m: number, z: number): number {
  let P = 1;
  for (let k = 1; k <= m; k++) P *= (2 * k - 1) * Math.sqrt(1 - z * z);
  let previous = 0;
  for (let k = m + 1; k <= l; k++) [P, previous] = [((2 * k - 1) * z * P - (k + m - 1) * previous) / (k - m), P];
  return P;
}

const factorial = (n: number): number => (n <= 1 ? 1 : n * factorial(n - 1));

describe('radial functions', () => {
  const values = new Float64Array(12);
  const slopes = new Float64Array(12);

  test('are cos(b·arccos x) times the switching function', () => {
    for (const r of [0.3, 1.5, 2.5, 3.4, 3.6, 4.2, 4.9]) {
      radialBasis(shape, r, values, slopes);
      const u = Math.max(0, (r - 3.5) / 1.5);
      const S = 1 - 10 * u ** 3 + 15 * u ** 4 - 6 * u ** 5;
      const expected = values.map((_, b) => Math.cos(b * Math.acos((2 * r) / 5 - 1)) * S);
      expect(largestDifference(values, expected)).toBeLessThan(1e-13);
    }
  });

  test('have the slopes of finite differences', () => {
    const h = 1e-5; // Å; truncation h²·B‴/6 ≲ 1e-7/Å for the twelfth polynomial at its steepest
    const [above, below] = [new Float64Array(12), new Float64Array(12)];
    for (const r of [0.5, 1.7, 3.3, 3.7, 4.5, 4.99]) {
      radialBasis(shape, r + h, above, slopes);
      radialBasis(shape, r - h, below, slopes);
      radialBasis(shape, r, values, slopes);
      const differences = above.map((B, b) => (B - below[b]) / (2 * h));
      expect(largestDifference(slopes, differences)).toBeLessThan(1e-6);
    }
  });

  test('vanish at the cutoff as the third power of what is left', () => {
    for (const left of [1e-2, 1e-3]) {
      const [S, slope] = switching(5 - left, 3.5, 5);
      // S → 10 w³, w = left/1.5
      expect(S / (10 * (left / 1.5) ** 3)).toBeCloseTo(1, 1);
      expect(slope / ((-30 * (left / 1.5) ** 2) / 1.5)).toBeCloseTo(1, 1);
    }
    expect(switching(5, 3.5, 5)).toEqual([0, 0]);
    expect(switching(6, 3.5, 5)).toEqual([0, 0]);
    expect(switching(3.5, 3.5, 5)).toEqual([1, 0]);
    expect(switching(4.25, 3.5, 5)[0]).toBeCloseTo(0.5, 14);
  });
});

describe('spherical harmonics', () => {
  test('are those of associated Legendre functions, sin|m|φ and cos mφ, without Condon–Shortley sign', () => {
    for (let n = 0; n < 20; n++) {
      const [x, y, z] = randomUnit();
      const phi = Math.atan2(y, x);
      const expected: number[] = [];
      for (let l = 0; l <= 3; l++) {
        for (let m = -l; m <= l; m++) {
          const k = Math.abs(m);
          const norm = Math.sqrt(((m === 0 ? 1 : 2) * factorial(l - k)) / factorial(l + k));
          expected.push(norm * legendre(l, k, z) * (m < 0 ? Math.sin(k * phi) : Math.cos(k * phi)));
        }
      }
      expect(largestDifference(harmonics([x, y, z]), expected)).toBeLessThan(1e-14);
    }
  });

  test('obey the addition theorem: Σ_m Y_lm(a) Y_lm(b) = P_l(a·b)', () => {
    for (let n = 0; n < 20; n++) {
      const [a, b] = [randomUnit(), randomUnit()];
      const cosine = a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
      const [Ya, Yb] = [harmonics(a), harmonics(b)];
      for (let l = 0; l <= 3; l++) {
        let sum = 0;
        for (let lm = l * l; lm < (l + 1) ** 2; lm++) sum += Ya[lm] * Yb[lm];
        expect(Math.abs(sum - legendre(l, 0, cosine))).toBeLessThan(1e-14);
      }
    }
  });

  test('have the gradients of finite differences by the edge vector', () => {
    const h = 1e-5; // Å; truncation ≲ 1e-9/Å, rounding 1e-16/h ≲ 1e-10/Å
    const gradients = new Float64Array(48);
    for (let n = 0; n < 20; n++) {
      const r = 1 + 4 * random.uniform();
      const vector = randomUnit().map((c) => c * r);
      const direction = (v: number[]): number[] => v.map((c) => c / Math.hypot(...v));
      harmonicGradients(3, direction(vector), r, gradients);
      for (let c = 0; c < 3; c++) {
        const above = harmonics(direction(vector.map((x, a) => (a === c ? x + h : x))));
        const below = harmonics(direction(vector.map((x, a) => (a === c ? x - h : x))));
        const differences = above.map((Y, lm) => (Y - below[lm]) / (2 * h));
        expect(
          largestDifference(
            differences,
            differences.map((_, lm) => gradients[3 * lm + c]),
          ),
        ).toBeLessThan(1e-8);
      }
    }
  });

  test('stop at l = 2 where that is asked for', () => {
    const Y = new Float64Array(10).fill(7);
    const gradients = new Float64Array(28).fill(7);
    sphericalHarmonics(2, [0.6, 0, 0.8], Y);
    harmonicGradients(2, [0.6, 0, 0.8], 2, gradients);
    expect(Y[9]).toBe(7);
    expect(gradients[27]).toBe(7);
  });
});
