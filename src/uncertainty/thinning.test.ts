import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { farthestPoints, limitFor, quantileOf, shares, tailOf } from './thinning.ts';

test('shares spend the budget, and nobody gets more than he has', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(500), { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 12, max: 900 }),
      (sizes, budget) => {
        const found = shares(sizes, budget);
        const total = sizes.reduce((a, b) => a + b, 0);
        expect(found.reduce((a, b) => a + b, 0)).toBe(Math.min(total, budget));
        for (const [k, share] of found.entries()) {
          expect(share).toBeLessThanOrEqual(sizes[k]);
          expect(share > 0).toBe(sizes[k] > 0);
          // Who is cut gets as much as anyone else, up to rounding.
          if (share < sizes[k]) expect(Math.max(...found)).toBeLessThanOrEqual(share + 1);
        }
      },
    ),
  );
});

describe('farthest points', () => {
  const random = createRandom(2);
  const points = Float32Array.from({ length: 600 * 3 }, () => random.normal());
  const distance = (i: number, j: number): number =>
    Math.hypot(...[0, 1, 2].map((k) => points[3 * i + k] - points[3 * j + k]));

  test('are farther from each other than any other point is from them', () => {
    const chosen = Array.from(farthestPoints(points, 3, 40));
    expect(new Set(chosen).size).toBe(40);
    let reach = 0;
    for (let i = 0; i < 600; i++) reach = Math.max(reach, Math.min(...chosen.map((j) => distance(i, j))));
    let apart = Number.POSITIVE_INFINITY;
    for (const i of chosen) for (const j of chosen) if (i !== j) apart = Math.min(apart, distance(i, j));
    expect(apart).toBeGreaterThanOrEqual(reach - 1e-6);
  });

  test('are each place once where points coincide', () => {
    const twice = Float32Array.of(0, 0, 1, 1, 0, 0, 2, 0, 1, 1);
    expect([...farthestPoints(twice, 2, 5)].sort()).toEqual([0, 1, 3]);
    expect(farthestPoints(new Float32Array(0), 2, 5)).toHaveLength(0);
  });
});

describe('the limit', () => {
  const random = createRandom(4);
  const exponential = Array.from({ length: 20_000 }, () => -Math.log(1 - random.uniform()));

  test('is exceeded by chance as often as it should be', () => {
    // The largest of N exponential deviates exceeds ln(N/0.01) in one of a hundred draws.
    const tail = tailOf(exponential);
    for (const N of [1e3, 1e5, 1e7]) expect(limitFor(tail, N)).toBeCloseTo(Math.log(N / 0.01), -0.3);
    expect(quantileOf(exponential, 0.95)).toBeCloseTo(Math.log(20), 1);
  });

  test('grows with the number of atoms and is never below what was found', () => {
    const tail = tailOf(exponential);
    expect(limitFor(tail, 1e6)).toBeGreaterThan(limitFor(tail, 1e4));
    expect(limitFor(tail, 1)).toBe(Math.max(...exponential));
    expect(limitFor(tailOf([0, 0]), 100)).toBe(2);
  });

  test('is the only distance that was found, or the least one where none was', () => {
    expect(limitFor(tailOf([3]), 1e6)).toBe(3);
    expect(limitFor(tailOf([]), 1e6)).toBe(2);
  });
});
