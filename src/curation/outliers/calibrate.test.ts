import { describe, expect, test } from 'vitest';
import { createRandom } from '../../random.ts';
import { chiSquareQuantile, limitOf, nearestPoints, normalQuantile, quantile } from './calibrate.ts';

describe('normal quantiles', () => {
  // Abramowitz & Stegun, tables 26.1 and 26.2; far tail from the continued fraction of Mills' ratio.
  test.each([
    [0.25, 0.67448975],
    [0.1, 1.28155157],
    [0.01, 2.32634787],
    [0.001, 3.09023231],
    [1e-6, 4.75342431],
    [1e-9, 5.99780702],
  ])('1 − Φ(z) = %f at z = %f', (p, z) => {
    expect(normalQuantile(p)).toBeCloseTo(z, 6);
  });
});

// Tables of the χ² distribution (Abramowitz & Stegun 26.8); the approximation is good to 2 % from one degree of freedom on.
test.each([
  [1, 0.01, 6.6349],
  [3, 0.001, 16.266],
  [30, 0.001, 59.703],
  [100, 0.01, 135.807],
])('χ² of %i degrees of freedom exceeds with probability %f the value %f', (n, p, value) => {
  expect(Math.abs(chiSquareQuantile(n, p) / value - 1)).toBeLessThan(0.02);
});

describe('limits', () => {
  const sample = (n: number, seed: number, draw: (random: ReturnType<typeof createRandom>) => number): Float64Array => {
    const random = createRandom(seed);
    return Float64Array.from({ length: n }, () => draw(random));
  };
  const lognormal = (spread: number) => (random: ReturnType<typeof createRandom>) => Math.exp(spread * random.normal());
  /** Mean square of three normal deviates: the residual of one force when nothing but chance is in it. */
  const three = (random: ReturnType<typeof createRandom>): number =>
    (random.normal() ** 2 + random.normal() ** 2 + random.normal() ** 2) / 3;

  test('a clean sample goes beyond its limit as rarely as was asked for, or more rarely', () => {
    for (const draw of [lognormal(0.3), lognormal(1), three]) {
      let beyond = 0;
      const n = 300;
      for (let trial = 0; trial < 300; trial++) {
        const values = sample(n, trial, draw);
        const { limit } = limitOf(values, { at: 0.9, level: 0.05 / n });
        if (values.some((value) => value > limit)) beyond++;
      }
      // Expected: 15 of 300, more because the spread is estimated from a tenth of 300 values.
      expect(beyond).toBeLessThan(45);
    }
  });

  test('one value in twenty may be anything', () => {
    const clean = sample(400, 5, lognormal(0.5));
    const spoilt = clean.map((value, k) => (k % 20 === 0 ? 1e6 : value));
    const options = { at: 0.9, level: 1e-5 };
    const ratio = limitOf(spoilt, options).limit / limitOf(clean, options).limit;
    expect(ratio).toBeGreaterThan(0.8);
    expect(ratio).toBeLessThan(3.5);
  });
});

test('nearest points are those of a sorted list', () => {
  const random = createRandom(3);
  const points = Array.from({ length: 60 }, () => Float64Array.of(random.normal(), 10 * random.normal()));
  const ranges = [0, 1].map((d) => {
    const values = points.map((point) => point[d]);
    return quantile(values, 0.9) - quantile(values, 0.1);
  });
  const distance = (p: Float64Array, q: Float64Array): number =>
    Math.hypot((p[0] - q[0]) / ranges[0], (p[1] - q[1]) / ranges[1]);
  for (const [i, near] of nearestPoints(points, 5).entries()) {
    const order = points.map((_, j) => j).filter((j) => j !== i);
    order.sort((a, b) => distance(points[i], points[a]) - distance(points[i], points[b]));
    expect([...near]).toEqual(order.slice(0, 5));
  }
});
