import { describe, expect, test } from 'vitest';
import { createRandom } from '../../random.ts';
import {
  addPoint,
  DECISIVE,
  DEVIATION,
  decide,
  emptySums,
  logLikelihood,
  type Sums,
  unnamedLikelihood,
} from './hypotheses.ts';

/** y = factor · x + noise, x of width 1. */
function observations(factor: number, noise: number, n = 20): Sums {
  const random = createRandom(3);
  const sums = emptySums();
  for (let k = 0; k < n; k++) {
    const x = random.normal();
    addPoint(sums, x, factor * x + noise * random.normal());
    sums.n++;
  }
  return sums;
}

describe('logLikelihood', () => {
  test('is that of Gaussian residuals: −n/2 ln(share of the squares that is left), for a slope that is known', () => {
    const data = { n: 10, xx: 4, xy: 4, yy: 5 }; // slope 1, a fifth of the squares left
    expect(logLikelihood(data, 1, 1e-9)).toBeCloseTo(-5 * Math.log(0.2), 6);
    expect(logLikelihood(data, 0.5, 1e-9)).toBeCloseTo(-5 * Math.log(1 - (2 * 0.5 * 4 - 0.25 * 4) / 5), 6);
  });

  test('a slope that is off by the width costs a half', () => {
    // So sharp that the slope must be followed; (ln 1.1 / 0.1)² / 2 is the price.
    const data = { n: 20, xx: 1, xy: 1.1, yy: 1.21 * (1 + 1e-4) };
    const price = 0.5 * (Math.log(1.1) / 0.1) ** 2;
    expect(logLikelihood(data, 1.1, 0.1) - logLikelihood(data, 1, 0.1)).toBeGreaterThan(0.8 * price);
    expect(logLikelihood(data, 1.1, 0.1) - logLikelihood(data, 1, 0.1)).toBeLessThanOrEqual(price + 1e-9);
  });

  test('prefers the right factor by more than a thousand to one where the data are good', () => {
    const data = observations(-1 / 27.2, 0.004);
    const right = logLikelihood(data, -1 / 27.2, 0.1);
    for (const wrong of [1, -1, 1 / 27.2, -1 / 13.6, -23.06]) {
      expect(right - logLikelihood(data, wrong, 0.1)).toBeGreaterThan(DECISIVE);
    }
    expect(right - unnamedLikelihood(data, -1)).toBeGreaterThan(DECISIVE);
  });

  test('says nothing for anything where there is nothing but noise', () => {
    const data = observations(0, 1);
    for (const factor of [1, -1, 100]) expect(logLikelihood(data, factor, 0.5)).toBeLessThan(2);
    expect(logLikelihood(emptySums(), 1, 0.1)).toBe(0);
  });

  test('an unnamed factor wins only where no name fits', () => {
    const data = observations(3.7, 0.1);
    expect(unnamedLikelihood(data, 1)).toBeGreaterThan(logLikelihood(data, 1, 0.1) + DECISIVE);
    expect(unnamedLikelihood(data, -1)).toBeLessThan(0);
  });
});

describe('decide', () => {
  const values = ['ok', 'kbar', 'GPa'] as const;
  const priors = [0, DEVIATION, DEVIATION];

  test('needs a thousand to one', () => {
    expect(decide(Float64Array.of(20, 3, 1), values, priors)).toMatchObject({
      value: 'ok',
      likeliest: 'ok',
      next: 'none',
    });
    expect(decide(Float64Array.of(20, 19, 1), values, priors)).toMatchObject({
      value: null,
      likeliest: 'ok',
      next: 'kbar',
    });
    expect(decide(Float64Array.of(1, 30, 1), values, priors)).toMatchObject({ value: 'kbar', next: 'ok' });
    expect(decide(Float64Array.of(22, 30, 1), values, priors)).toMatchObject({ value: null, likeliest: 'kbar' });
  });

  test('has no opinion without evidence', () => {
    const nothing = { value: null, likeliest: null, logOdds: 0, next: null };
    expect(decide(undefined, values, priors)).toEqual(nothing);
    expect(decide(new Float64Array(3), values, priors)).toEqual(nothing);
    expect(decide(Float64Array.of(-3, -2, -8), values, priors)).toEqual(nothing);
  });
});
