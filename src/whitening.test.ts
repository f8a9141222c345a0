import { describe, expect, test } from 'vitest';
import { rowDistance } from './kernels/nearest.ts';
import { solveLowerRows } from './linear-algebra.ts';
import { createRandom, type Random } from './random.ts';
import { triangularWhitening, whiteningOf, whitenRows } from './whitening.ts';

const F = 6;
/** Correlated features: random mixtures of normal deviates, about a mean, with very different sizes. */
function correlated(n: number, random: Random, mixing: Float64Array): Float32Array {
  const rows = new Float32Array(n * F);
  for (let i = 0; i < n; i++) {
    const z = Array.from({ length: F }, () => random.normal());
    for (let f = 0; f < F; f++) {
      rows[i * F + f] = 10 ** (f - 3) * (2 + z.reduce((sum, x, k) => sum + x * mixing[f * F + k], 0));
    }
  }
  return rows;
}
const mixingOf = (random: Random): Float64Array => new Float64Array(F * F).map(() => random.normal());

function covariance(rows: Float32Array): Float64Array {
  const n = rows.length / F;
  const mean = Array.from({ length: F }, (_, f) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += rows[i * F + f];
    return sum / n;
  });
  return Float64Array.from({ length: F * F }, (_, k) => {
    const [f, g] = [Math.floor(k / F), k % F];
    let sum = 0;
    for (let i = 0; i < n; i++) sum += (rows[i * F + f] - mean[f]) * (rows[i * F + g] - mean[g]);
    return sum / n;
  });
}

describe('whitening', () => {
  test('many environments have unit covariance, whatever the sizes and correlations of the features', () => {
    const random = createRandom(1);
    const rows = correlated(19_000, random, mixingOf(random));
    const whitening = whiteningOf(rows, F);
    expect(whitening.shrinkage).toBeLessThan(0.01);
    whitenRows(rows, whitening);
    const found = covariance(rows);
    // Variances of the smallest principal axes are shrunk towards the mean: a little below 1.
    found.forEach((x, k) => {
      if (k % (F + 1) === 0) expect(x).toBeGreaterThan(0.75);
      expect(Math.abs(x - (k % (F + 1) === 0 ? 1 : 0))).toBeLessThan(k % (F + 1) === 0 ? 0.25 : 1e-3);
    });
  });

  test('distances do not depend on how the features are scaled', () => {
    const random = createRandom(2);
    const rows = correlated(500, random, mixingOf(random));
    const scaled = rows.map((x, k) => x * [3, 0.1, 7, 1, 40, 0.02][k % F]);
    for (const r of [rows, scaled]) whitenRows(r, whiteningOf(r, F));
    for (let i = 0; i < 20; i++) {
      expect(rowDistance(scaled, i, scaled, i + 50, F) / rowDistance(rows, i, rows, i + 50, F)).toBeCloseTo(1, 3);
    }
  });

  test('the shrinkage is the optimal one: for uncorrelated features 1, falling as 1/n for correlated ones', () => {
    const random = createRandom(3);
    const unit = Float64Array.from({ length: F * F }, (_, k) => (k % (F + 1) === 0 ? 1 : 0));
    expect(whiteningOf(correlated(300, random, unit), F).shrinkage).toBeGreaterThan(0.3);
    const mixing = mixingOf(random);
    const [few, many] = [200, 2000].map((n) => whiteningOf(correlated(n, random, mixing), F).shrinkage);
    expect(few / many).toBeGreaterThan(6);
    expect(few / many).toBeLessThan(16);
  });

  test('it is never singular: fewer environments than features, one, the same again and again', () => {
    const random = createRandom(4);
    const few = correlated(3, random, mixingOf(random));
    const same = new Float32Array(4 * F).fill(2);
    for (const rows of [few, few.slice(0, F), same]) {
      const copy = Float32Array.from([...rows, ...rows].map((x, k) => (k === 0 ? x + 1 : x)));
      whitenRows(copy, whiteningOf(rows, F));
      expect(copy.every((x) => Number.isFinite(x))).toBe(true);
      expect(rowDistance(copy, 0, copy, rows.length / F, F)).toBeGreaterThan(0);
    }
  });
});

test('the triangular whitening has the same distances', () => {
  const random = createRandom(6);
  // No direction that varies little: the two treat those differently.
  const mixing = Float64Array.from({ length: F * F }, (_, at) => (at % (F + 1) === 0 ? 1 : 0.2 * random.normal()));
  const rows = correlated(2000, random, mixing);
  const { mean, L } = triangularWhitening(rows, F);
  const z = Float64Array.from(rows, (x, at) => x - mean[at % F]);
  solveLowerRows(L, F, z, 2000);
  const points = rows.slice();
  whitenRows(points, whiteningOf(rows, F));
  const triangular = Float32Array.from(z);
  for (let i = 1; i < 50; i++) {
    const expected = rowDistance(points, 0, points, i, F);
    expect(rowDistance(triangular, 0, triangular, i, F) / expected).toBeCloseTo(1, 2);
  }
});
