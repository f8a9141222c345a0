import { describe, expect, test } from 'vitest';
import { coefficientsOf, solveMixed } from './mixed-model.ts';
import { type DrawOptions, drawLevels, modelOf } from './testing.ts';
import { estimateVariances } from './variances.ts';

const PLAIN = { noiseSpread: Number.POSITIVE_INFINITY };
const TRUTH: Omit<DrawOptions, 'seed'> = {
  ...{ features: 12, species: 2, spreads: [2, 0.5] },
  energies: [
    [30, 0.1],
    [60, 0.3],
  ],
  forces: [
    [40, 0.4],
    [200, 0.8],
  ],
};
/** In the order of `componentsOf`. */
const VARIANCES = Float64Array.of(4, 0.25, 0.01, 0.16, 0.09, 0.64);

describe('restricted likelihood', () => {
  const { model } = drawLevels({ ...TRUTH, seed: 3 });
  const at = (variances: Float64Array) => {
    const solved = solveMixed(model, variances);
    if (solved === null) throw new Error('singular');
    return solved;
  };

  test('its slope is that of finite differences', () => {
    const { slope } = at(VARIANCES);
    for (let k = 0; k < VARIANCES.length; k++) {
      const h = 1e-4;
      const [up, down] = [h, -h].map(
        (step) => at(VARIANCES.map((v, m) => (m === k ? v * Math.exp(step) : v))).deviance,
      );
      expect(slope[k]).toBeCloseTo((up - down) / (2 * h), 4);
    }
  });

  test('the average information is the curvature on average over data', () => {
    // Observed and average information have the same expectation at the true variances.
    const sums = { average: new Float64Array(6), observed: new Float64Array(6) };
    for (let seed = 1; seed <= 60; seed++) {
      const drawn = drawLevels({ ...TRUTH, seed });
      const solved = solveMixed(drawn.model, VARIANCES);
      for (let k = 0; k < 6; k++) {
        const h = 1e-3;
        const [up, down] = [h, -h].map(
          (step) =>
            solveMixed(
              drawn.model,
              VARIANCES.map((v, m) => (m === k ? v * Math.exp(step) : v)),
            )?.slope[k] ?? 0,
        );
        sums.average[k] += (solved?.curvature[k * 6 + k] ?? 0) / 60;
        // By logarithms of variances there is the slope, too; it vanishes on average.
        sums.observed[k] += ((up - down) / (2 * h) - (solved?.slope[k] ?? 0)) / 60;
      }
    }
    for (let k = 0; k < 6; k++) expect(sums.observed[k] / sums.average[k]).toBeCloseTo(1, 0);
  });

  test('a variance of zero, and one near it, are as good as any', () => {
    const without = at(VARIANCES.map((v, k) => (k === 1 ? 0 : v)));
    const nearly = at(VARIANCES.map((v, k) => (k === 1 ? 1e-14 : v)));
    expect(nearly.deviance).toBeCloseTo(without.deviance, 6);
    expect(without.slope[1]).toBeCloseTo(0, 12);
  });
});

describe('estimated variances', () => {
  test('are unbiased over many draws, with the standard errors that are stated', () => {
    const draws = 80;
    const estimates = Array.from({ length: draws }, (_, k) =>
      estimateVariances(drawLevels({ ...TRUTH, seed: 100 + k }).model, PLAIN),
    );
    for (let c = 0; c < VARIANCES.length; c++) {
      const ratios = estimates.map(({ variances }) => variances[c] / VARIANCES[c]);
      const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / draws;
      const spread = Math.sqrt(ratios.reduce((sum, ratio) => sum + (ratio - mean) ** 2, 0) / (draws - 1));
      // Three standard errors of the mean.
      expect(Math.abs(mean - 1)).toBeLessThan((3 * spread) / Math.sqrt(draws));
      const logs = ratios.map(Math.log);
      const centre = logs.reduce((sum, v) => sum + v, 0) / draws;
      const scatter = Math.sqrt(logs.reduce((sum, v) => sum + (v - centre) ** 2, 0) / (draws - 1));
      const stated = estimates.reduce((sum, { errors }) => sum + (errors[c] ?? 0), 0) / draws;
      expect(stated / scatter).toBeGreaterThan(0.7);
      expect(stated / scatter).toBeLessThan(1.5);
    }
    for (const { converged } of estimates) expect(converged).toBe(true);
  });

  test('are where a grid has its minimum', () => {
    const { model } = drawLevels({ ...TRUTH, seed: 7 });
    const found = estimateVariances(model, PLAIN);
    const ratios = [0.5, 0.8, 1, 1.25, 2];
    for (let one = 0; one < 6; one++) {
      for (let other = 0; other < one; other++) {
        for (const p of ratios) {
          for (const q of ratios) {
            const moved = found.variances.map((v, k) => (k === one ? v * p : k === other ? v * q : v));
            expect(solveMixed(model, moved)?.deviance).toBeGreaterThanOrEqual(found.deviance - 1e-3);
          }
        }
      }
    }
  });

  test('are zero where levels agree', () => {
    const { model, coefficients } = drawLevels({ ...TRUTH, spreads: [2, 0], seed: 5 });
    const found = estimateVariances(model, PLAIN);
    // A tenth of the coefficients' spread is what so few labels can tell from zero.
    expect(found.variances[1]).toBeLessThan(0.2 ** 2);
    expect(Math.max(...coefficients[1])).toBe(0);
    const without = solveMixed(
      model,
      found.variances.map((v, k) => (k === 1 ? 0 : v)),
    );
    expect(without?.deviance).toBeGreaterThanOrEqual(found.deviance - 1e-3);
    expect(without?.deviance).toBeLessThan(found.deviance + 6);
  });

  test('do not mind the unit of energy', () => {
    const draw = { ...TRUTH, seed: 11 };
    const [one, two] = [1, 1000].map((unit) => {
      const drawn = drawLevels(draw);
      const kinds = drawn.kinds.map((kind) => ({ ...kind, labels: kind.labels.map((y) => unit * y) }));
      return estimateVariances(modelOf(kinds, 2, drawn.model.damping, 2), PLAIN);
    });
    for (let k = 0; k < 6; k++) expect(two.variances[k] / one.variances[k] / 1e6).toBeCloseTo(1, 2);
  });

  test('compositions in a fixed ratio leave a fit, and noise that is tied follows the many labels', () => {
    const fixed = drawLevels({ ...TRUTH, fixedRatio: true, seed: 2 });
    expect(estimateVariances(fixed.model, PLAIN).converged).toBe(true);
    const few = drawLevels({
      ...TRUTH,
      energies: [
        [4, 0.3],
        [60, 0.3],
      ],
      forces: [
        [6, 0.8],
        [200, 0.8],
      ],
      seed: 2,
    });
    const tied = estimateVariances(few.model);
    for (const [target, level] of [
      [2, 4],
      [3, 5],
    ]) {
      expect(Math.abs(Math.log(tied.variances[target] / tied.variances[level]))).toBeLessThan(0.5);
    }
  });

  test('of variances that are held, the fit is generalised least squares', () => {
    const { model, kinds } = drawLevels({ ...TRUTH, seed: 4, features: 3, species: 1 });
    const { values } = coefficientsOf(estimateVariances(model, { held: VARIANCES }), { level: 0 });
    // Normal equations of w, b, c_0, c_1 with the random parts as further observations.
    const P = 8;
    const A = new Float64Array(P * P);
    const b = new Float64Array(P);
    const add = (row: readonly number[], label: number, variance: number): void => {
      for (let p = 0; p < P; p++) {
        b[p] += (row[p] * label) / variance;
        for (let q = 0; q < P; q++) A[p * P + q] += (row[p] * row[q]) / variance;
      }
    };
    for (const { level, kind, rows, labels } of kinds) {
      for (let r = 0; r < labels.length; r++) {
        const x = [...rows.subarray(r * 4, r * 4 + 3)];
        const constant = rows[r * 4 + 3];
        const bias = level === 0 ? [0, 0, 0] : x;
        add(
          [...x, ...bias, level === 0 ? constant : 0, level === 1 ? constant : 0],
          labels[r],
          VARIANCES[2 + 2 * level + (kind === 'energy' ? 0 : 1)],
        );
      }
    }
    for (let k = 0; k < 6; k++)
      add(
        Array.from({ length: P }, (_, p) => (p === k ? 1 : 0)),
        0,
        VARIANCES[Math.floor(k / 3)],
      );
    const x = gauss(A, b);
    for (const [k, at] of [0, 1, 2, 6].entries()) expect(values[k]).toBeCloseTo(x[at], 8);
  });

  test('nothing but zeros is refused', () => {
    const { kinds, model } = drawLevels({ ...TRUTH, seed: 1 });
    const zero = kinds.map((one) => ({ ...one, labels: one.labels.map(() => 0) }));
    expect(() => estimateVariances(modelOf(zero, 2, model.damping, 2))).toThrow(
      expect.objectContaining({ code: 'no-rows' }),
    );
  });
});

/** Gaussian elimination with pivots: an independent solver. */
function gauss(A: Float64Array, b: Float64Array): number[] {
  const n = b.length;
  const rows = Array.from({ length: n }, (_, i) => [...A.subarray(i * n, (i + 1) * n), b[i]]);
  for (let k = 0; k < n; k++) {
    const pivot = rows
      .slice(k)
      .reduce((best, row, i) => (Math.abs(row[k]) > Math.abs(rows[best][k]) ? k + i : best), k);
    [rows[k], rows[pivot]] = [rows[pivot], rows[k]];
    for (let i = k + 1; i < n; i++) {
      const factor = rows[i][k] / rows[k][k];
      for (let j = k; j <= n; j++) rows[i][j] -= factor * rows[k][j];
    }
  }
  const x = new Array<number>(n).fill(0);
  for (let i = n - 1; i >= 0; i--) {
    x[i] = (rows[i][n] - rows[i].slice(i + 1, n).reduce((sum, a, j) => sum + a * x[i + 1 + j], 0)) / rows[i][i];
  }
  return x;
}
