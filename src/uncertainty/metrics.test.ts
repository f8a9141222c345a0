import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findPython, runPython } from '../../tests/helpers/python.ts';
import { createRandom } from '../random.ts';
import {
  coverage,
  crps,
  effectiveCount,
  ence,
  errorSizes,
  miscalibrationArea,
  negativeLogLikelihood,
  ranks,
  recallWorstTenth,
  reliability,
  scores,
  spearman,
  spearmanError,
} from './metrics.ts';

const NORMAL = Number.POSITIVE_INFINITY;

/** Normal errors of standard deviations between 0.5 and 2, and what is stated of them: `wrong` times as much. */
function normalErrors(n: number, wrong: number, seed = 5): { errors: Float64Array; sigma: Float64Array } {
  const random = createRandom(seed);
  const sigma = Float64Array.from({ length: n }, () => 0.5 + 1.5 * random.uniform());
  return { errors: sigma.map((s) => s * random.normal()), sigma: sigma.map((s) => wrong * s) };
}

describe('normal errors', () => {
  const { errors, sigma } = normalErrors(20_000, 1);
  const meanSigma = sigma.reduce((sum, s) => sum + s, 0) / sigma.length;

  it('with the right σ: on the diagonal, CRPS σ/√π, NLL ½ + ½ log 2πσ²', () => {
    const z = scores(errors, sigma);
    expect(miscalibrationArea(reliability(z, NORMAL))).toBeLessThan(0.005);
    expect(coverage(z, 1.6449)).toBeCloseTo(0.9, 2);
    expect(crps(errors, sigma, NORMAL) / (meanSigma / Math.sqrt(Math.PI))).toBeCloseTo(1, 1.7);
    const logSigma = sigma.reduce((sum, s) => sum + Math.log(s), 0) / sigma.length;
    expect(negativeLogLikelihood(errors, sigma, NORMAL)).toBeCloseTo(0.5 + 0.5 * Math.log(2 * Math.PI) + logSigma, 1.7);
    expect(ence(errors, sigma)).toBeLessThan(0.03);
  });

  it('with σ stated k times too large: the area that the two normal laws enclose, ENCE |1 − 1/k|', () => {
    for (const wrong of [0.5, 2]) {
      const stated = normalErrors(20_000, wrong);
      // ∫ |P(|Z| ≤ k z_p) − p| dp over the levels p = erf(z/√2), by quadrature over z.
      let area = 0;
      const step = 0.001;
      const within = (z: number): number => reliabilityOfNormal(z);
      for (let z = step / 2; z < 8; z += step) {
        const density = (2 * Math.exp((-z * z) / 2)) / Math.sqrt(2 * Math.PI);
        area += step * density * Math.abs(within(wrong * z) - within(z));
      }
      const curve = reliability(scores(stated.errors, stated.sigma), NORMAL);
      expect(miscalibrationArea(curve)).toBeCloseTo(area, 2);
      expect(ence(stated.errors, stated.sigma)).toBeCloseTo(Math.abs(1 - 1 / wrong), 1);
    }
  });

  it('the right σ has the least CRPS and the least NLL', () => {
    for (const score of [crps, negativeLogLikelihood]) {
      const at = (wrong: number): number => {
        const stated = normalErrors(20_000, wrong);
        return score(stated.errors, stated.sigma, NORMAL);
      };
      expect(at(1)).toBeLessThan(at(0.8));
      expect(at(1)).toBeLessThan(at(1.25));
    }
  });
});

/** erf(z/√2) by its series. */
function reliabilityOfNormal(z: number): number {
  if (z > 6) return 1;
  let term = z;
  let sum = z;
  for (let n = 1; n < 150; n++) {
    term *= (-z * z) / (2 * n);
    sum += term / (2 * n + 1);
  }
  return Math.min(1, Math.sqrt(2 / Math.PI) * sum);
}

describe('ranks', () => {
  it('share their mean where values are equal', () => {
    expect(Array.from(ranks(Float64Array.of(3, 1, 3, 2, 3)))).toEqual([4, 1, 4, 2, 4]);
  });

  it('know only the order: any growing function keeps the correlation, a falling one turns its sign', () => {
    const values = fc.array(fc.tuple(fc.integer({ min: -20, max: 20 }), fc.integer({ min: -20, max: 20 })), {
      minLength: 3,
      maxLength: 40,
    });
    fc.assert(
      fc.property(values, (pairs) => {
        const a = Float64Array.from(pairs, ([x]) => x);
        const b = Float64Array.from(pairs, ([, y]) => y);
        const rho = spearman(a, b);
        expect(Math.abs(rho)).toBeLessThanOrEqual(1 + 1e-12);
        const cubes = b.map((y) => y ** 3);
        expect(spearman(a, cubes)).toBeCloseTo(rho, 12);
        expect(spearman(b, a)).toBeCloseTo(rho, 12);
        expect(
          spearman(
            a,
            b.map((y) => -y),
          ),
        ).toBeCloseTo(-rho, 12);
      }),
      { seed: 11, numRuns: 200 },
    );
  });

  const python = findPython(['scipy.stats', 'json']);
  it.skipIf(python === undefined)('agree with scipy, ties included', () => {
    const random = createRandom(2);
    const a = Array.from({ length: 200 }, () => random.below(30));
    const b = a.map((x) => x + random.below(20));
    const script = `
import json, sys
from scipy.stats import spearmanr
a, b = json.load(sys.stdin)
print(json.dumps(float(spearmanr(a, b)[0])))`;
    expect(spearman(Float64Array.from(a), Float64Array.from(b))).toBeCloseTo(
      runPython(python!, script, [a, b]) as number,
      12,
    );
  });
});

it('the error of a rank correlation is that of repeated experiments, also where atoms of a frame go together', () => {
  for (const shared of [0, 1]) {
    const found: number[] = [];
    const stated: number[] = [];
    for (let seed = 1; seed <= 40; seed++) {
      const random = createRandom(seed);
      const frames = Int32Array.from({ length: 600 }, (_, i) => Math.floor(i / 20));
      const x = Float64Array.from({ length: 30 }, () => random.normal());
      const y = x.map((value) => value + random.normal());
      const a = Float64Array.from(frames, (f) => shared * x[f] + random.normal());
      const b = Float64Array.from(frames, (f, i) => shared * y[f] + 0.5 * a[i] + random.normal());
      found.push(spearman(a, b));
      stated.push(spearmanError(a, b, frames));
    }
    const mean = (values: number[]): number => values.reduce((p, q) => p + q, 0) / values.length;
    const deviation = Math.sqrt(mean(found.map((f) => (f - mean(found)) ** 2)));
    expect(mean(stated) / deviation).toBeGreaterThan(0.7);
    expect(mean(stated) / deviation).toBeLessThan(1.4);
  }
});

it('the error of the rank correlation is that of as many atoms as there are', () => {
  const many = Float64Array.from({ length: 150_000 }, (_, i) => i);
  expect(
    spearmanError(
      many,
      many,
      Int32Array.from(many, (i) => i % 3),
    ),
  ).toBe(0);
});

it('recall of the worst tenth: 1 for the errors themselves, a tenth by chance', () => {
  const { errors } = normalErrors(5000, 1);
  const sizes = errorSizes(errors, 1);
  expect(recallWorstTenth(sizes, sizes)).toBe(1);
  const random = createRandom(9);
  expect(
    recallWorstTenth(
      sizes,
      sizes.map(() => random.uniform()),
    ),
  ).toBeCloseTo(0.1, 1);
});

it('labels that go together count once', () => {
  const random = createRandom(4);
  const frames = Int32Array.from({ length: 4000 }, (_, i) => Math.floor(i / 40));
  const alone = Uint8Array.from(frames, () => (random.uniform() < 0.9 ? 1 : 0));
  expect(effectiveCount(alone, frames)).toBeGreaterThan(2000);
  const fate = Uint8Array.from({ length: 100 }, () => (random.uniform() < 0.8 ? 1 : 0));
  const together = Uint8Array.from(frames, (f) => fate[f]);
  expect(effectiveCount(together, frames)).toBeLessThan(130);
});
