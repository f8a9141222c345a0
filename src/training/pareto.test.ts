import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { chooseByNeed, dominates, hypervolume, kneeOf, nonDominated, type Objectives } from './pareto.ts';

/** Few values, so that ties are common. */
const coarse = fc.integer({ min: 0, max: 6 }).map((n) => n / 5);
const setsOf = (value: fc.Arbitrary<number>, dimensions: number, maxLength = 12): fc.Arbitrary<number[][]> =>
  fc.array(fc.array(value, { minLength: dimensions, maxLength: dimensions }), { minLength: 1, maxLength });
const sets = fc.integer({ min: 1, max: 4 }).chain((dimensions) => setsOf(coarse, dimensions));

describe('non-dominated points', () => {
  test('are those that the definition names, and every other is dominated by one of them', () => {
    fc.assert(
      fc.property(sets, (points) => {
        const front = nonDominated(points);
        const beaten = (i: number): boolean =>
          points.some((q) => q.every((x, k) => !(x > points[i][k])) && !q.every((x, k) => x === points[i][k]));
        expect(front).toEqual(points.map((_, i) => i).filter((i) => !beaten(i)));
        for (const [i, point] of points.entries()) {
          if (!front.includes(i)) expect(front.some((f) => dominates(points[f], point))).toBe(true);
        }
      }),
    );
  });

  test('nothing dominates itself', () => {
    expect(dominates([1, 2], [1, 2])).toBe(false);
    expect(
      nonDominated([
        [1, 2],
        [1, 2],
      ]),
    ).toEqual([0, 1]);
    expect(nonDominated([])).toEqual([]);
  });

  test('what is no error is refused', () => {
    for (const bad of [Number.NaN, -1, Number.POSITIVE_INFINITY]) {
      expect(() =>
        nonDominated([
          [1, 1],
          [1, bad],
        ]),
      ).toThrow(expect.objectContaining({ code: 'bad-objectives' }));
    }
    expect(() => nonDominated([[1, 1], [1]])).toThrow(expect.objectContaining({ code: 'bad-objectives' }));
  });
});

/** Volume of a union of boxes by inclusion and exclusion: a sum over all subsets. */
function inclusionExclusion(points: readonly Objectives[], reference: Objectives): number {
  let volume = 0;
  for (let subset = 1; subset < 1 << points.length; subset++) {
    const members = points.filter((_, i) => (subset >> i) & 1);
    const shared = reference.map((r, k) => Math.max(0, r - Math.max(...members.map((point) => point[k]))) / r);
    volume += (members.length % 2 === 1 ? 1 : -1) * shared.reduce((product, x) => product * x, 1);
  }
  return volume;
}

describe('hypervolume', () => {
  test('is the volume of the union of boxes by inclusion and exclusion, in 1 to 4 dimensions', () => {
    const value = fc.double({ min: 0, max: 3, noNaN: true });
    const cases = fc.integer({ min: 1, max: 4 }).chain((dimensions) =>
      fc.record({
        points: setsOf(fc.oneof(value, coarse), dimensions, 8),
        reference: fc.array(fc.double({ min: 0.5, max: 2, noNaN: true }), {
          minLength: dimensions,
          maxLength: dimensions,
        }),
      }),
    );
    fc.assert(
      fc.property(cases, ({ points, reference }) => {
        expect(hypervolume(points, reference)).toBeCloseTo(inclusionExclusion(points, reference), 10);
      }),
    );
  });

  test('is the share of random points that are dominated', () => {
    const random = createRandom(3);
    const points = Array.from({ length: 12 }, () => [random.uniform(), 2 * random.uniform(), 5 * random.uniform()]);
    const reference = [1, 2, 5];
    const samples = 40_000;
    let hits = 0;
    for (let n = 0; n < samples; n++) {
      const drawn = reference.map((r) => r * random.uniform());
      if (points.some((point) => dominates(point, drawn))) hits++;
    }
    const volume = hypervolume(points, reference);
    // Four standard deviations of a binomial share.
    expect(Math.abs(hits / samples - volume)).toBeLessThan(4 * Math.sqrt((volume * (1 - volume)) / samples));
  });

  test('a dominated point adds nothing, a new non-dominated one inside the box does', () => {
    fc.assert(
      fc.property(setsOf(coarse, 3), fc.array(coarse, { minLength: 3, maxLength: 3 }), (points, extra) => {
        const reference = [1.5, 1.5, 1.5];
        const [before, after] = [points, [...points, extra]].map((set) => hypervolume(set, reference));
        const adds = !points.some((point) => point.every((x, k) => x <= extra[k]));
        if (adds) expect(after).toBeGreaterThan(before);
        else expect(after).toBeCloseTo(before, 12);
      }),
    );
  });

  test('of one point is the product of its shares', () => {
    expect(hypervolume([[1, 30, 0.1]], [2, 60, 0.2])).toBeCloseTo(1 / 8, 15);
    expect(hypervolume([[3, 30, 0.1]], [2, 60, 0.2])).toBe(0);
    expect(hypervolume([], [1, 1])).toBe(0);
    expect(() => hypervolume([[1, 1]], [0, 1])).toThrow(expect.objectContaining({ code: 'bad-reference' }));
  });
});

describe('knee', () => {
  test('with two objectives: the point farthest from the line through the extremes', () => {
    const distinct = (length?: number): fc.Arbitrary<number[]> =>
      fc.uniqueArray(fc.integer({ min: 1, max: 1000 }), { minLength: length ?? 2, maxLength: length ?? 9 });
    const rising = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);
    const front = distinct().chain((xs) =>
      distinct(xs.length).map((ys) => rising(xs).map((x, i) => [x, rising(ys)[xs.length - 1 - i]])),
    );
    fc.assert(
      fc.property(front, (points) => {
        const logs = points.map((point) => point.map(Math.log));
        // Sorted: x rises from the first to the last, y falls.
        const [[left, top], [right, bottom]] = [logs[0], logs.at(-1)!];
        const distance = logs.map(([x, y]) => 1 - (x - left) / (right - left) - (y - bottom) / (top - bottom));
        expect(distance[kneeOf(points)]).toBeCloseTo(Math.max(...distance), 9);
      }),
    );
  });

  test('units do not matter, and neither do dominated points', () => {
    fc.assert(
      fc.property(setsOf(fc.integer({ min: 1, max: 50 }), 3), (points) => {
        const scaled = points.map(([a, b, c]) => [8 * a, b / 4, 1024 * c]);
        const sum = (i: number): number => points[i].reduce((all, x) => all + Math.log(x), 0);
        expect(sum(kneeOf(scaled))).toBeCloseTo(sum(kneeOf(points)), 9);
        const worst = [0, 1, 2].map((k) => 1 + Math.max(...points.map((point) => point[k])));
        expect(kneeOf([...points, worst])).toBe(kneeOf(points));
      }),
    );
  });

  test('of an elbow is its corner; of one point that point', () => {
    const elbow = [1, 1.1, 5, 100].map((x, k) => [x, [100, 2, 1.5, 1][k]]);
    expect(kneeOf(elbow)).toBe(1);
    expect(kneeOf([[5, 5, 5]])).toBe(0);
    expect(() => kneeOf([])).toThrow(expect.objectContaining({ code: 'no-points' }));
  });
});

describe('choice by need', () => {
  test('is the lowest of those within the limits, and non-dominated', () => {
    const limit = fc.option(coarse, { nil: null });
    const needs = fc.record({
      lowest: fc.integer({ min: 0, max: 2 }),
      limits: fc.array(limit, { minLength: 3, maxLength: 3 }),
    });
    fc.assert(
      fc.property(setsOf(coarse, 3), needs, (points, need) => {
        const allowed = points.filter((point) => need.limits.every((l, k) => l === null || point[k] <= l));
        const chosen = chooseByNeed(points, need);
        if (allowed.length === 0) {
          expect(chosen).toBeNull();
          return;
        }
        expect(points[chosen!][need.lowest]).toBe(Math.min(...allowed.map((point) => point[need.lowest])));
        expect(allowed).toContain(points[chosen!]);
        expect(nonDominated(points)).toContain(chosen);
      }),
    );
  });
});
