import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRandom, type Random } from '../random.ts';
import type { NearestQuery, NearestSearch } from './nearest.ts';
import { createReferenceKernel } from './reference/kernel.ts';
import { createSimdKernel } from './simd/kernel.ts';

const searches: readonly [string, () => Promise<NearestSearch>][] = [
  ['reference', async () => createReferenceKernel().nearest],
  ['simd', async () => (await createSimdKernel({ guards: true })).nearest],
];

const cloud = (count: number, dimension: number, random: Random): Float32Array =>
  new Float32Array(count * dimension).map(() => random.normal());

describe.each(searches)('nearest points by the %s kernel', (_, create) => {
  test('a point of a grid is the nearest of what lies within half a spacing of it', async () => {
    const search = await create();
    const grid = Float32Array.from({ length: 3 * 343 }, (_x, n) => Math.floor(n / 3 / 7 ** (n % 3)) % 7);
    const random = createRandom(1);
    const queries = grid.map((x) => x + 0.8 * (random.uniform() - 0.5));
    const { distances, indices } = search({ dimension: 3, queries, points: grid });
    expect(Array.from(indices)).toEqual(Array.from({ length: 343 }, (_x, i) => i));
    for (let i = 0; i < 343; i++) {
      const moved = Math.hypot(...[0, 1, 2].map((k) => queries[3 * i + k] - grid[3 * i + k]));
      expect(distances[i]).toBeCloseTo(moved, 12);
    }
  });

  test('twins far from the origin are told apart: no digits are lost', async () => {
    const search = await create();
    const random = createRandom(2);
    const points = cloud(500, 20, random).map((x) => 100 + x);
    const queries = points.map((x, n) => (n % 20 === 7 ? x + 1e-3 : x));
    const { distances, indices } = search({ dimension: 20, queries, points });
    expect(Array.from(indices)).toEqual(Array.from({ length: 500 }, (_x, i) => i));
    for (const d of distances) expect(Math.abs(d - 1e-3)).toBeLessThan(1e-5);
  });

  test('points of the own label do not count, and where there are no others nothing is found', async () => {
    const search = await create();
    const random = createRandom(3);
    const points = cloud(90, 5, random);
    const labels = Int32Array.from({ length: 90 }, (_x, i) => i % 3);
    const { indices, distances } = search({ dimension: 5, queries: points, points, exclude: both(labels) });
    indices.forEach((j, i) => {
      expect(labels[j]).not.toBe(labels[i]);
    });
    expect(Math.min(...distances)).toBeGreaterThan(0);
    const alone = search({ dimension: 5, queries: points, points, exclude: both(labels.fill(4)) });
    expect(alone.indices.every((j) => j === -1)).toBe(true);
    expect(alone.distances.every((d) => d === Number.POSITIVE_INFINITY)).toBe(true);
    const none = search({ dimension: 5, queries: points, points: new Float32Array(0) });
    expect(none.indices.every((j) => j === -1)).toBe(true);
  });

  test('arrays that do not fit are refused', async () => {
    const search = await create();
    const six = new Float32Array(6);
    expect(() => search({ dimension: 4, queries: six, points: six })).toThrow(RangeError);
    expect(() => search({ dimension: 0, queries: six, points: six })).toThrow(RangeError);
    expect(() => search({ dimension: 2, queries: six, points: six, exclude: both(new Int32Array(2)) })).toThrow(
      RangeError,
    );
  });
});

const both = (labels: Int32Array): NonNullable<NearestQuery['exclude']> => ({ queries: labels, points: labels });

test('the kernels agree on clouds of any shape, across the blocks of the fast one', async () => {
  const [reference, simd] = await Promise.all(searches.map(([, create]) => create()));
  const compare = (query: NearestQuery): void => {
    const [expected, found] = [reference(query), simd(query)];
    for (let i = 0; i < found.indices.length; i++) {
      if (expected.indices[i] < 0) expect(found.indices[i]).toBe(-1);
      // Where two points are equally near to single precision, either may be named.
      else expect(found.distances[i] / expected.distances[i]).toBeLessThan(1 + 1e-5);
    }
  };
  const shape = fc.record({
    Q: fc.integer({ min: 0, max: 40 }),
    P: fc.integer({ min: 0, max: 200 }),
    dimension: fc.integer({ min: 1, max: 50 }),
    labels: fc.integer({ min: 0, max: 4 }),
    seed: fc.integer(),
  });
  fc.assert(
    fc.property(shape, ({ Q, P, dimension, labels, seed }) => {
      const random = createRandom(seed);
      const label = (n: number): Int32Array => new Int32Array(n).map(() => random.below(labels));
      const exclude = labels === 0 ? {} : { exclude: { queries: label(Q), points: label(P) } };
      compare({ dimension, queries: cloud(Q, dimension, random), points: cloud(P, dimension, random), ...exclude });
    }),
    { numRuns: 60 },
  );
  const random = createRandom(8);
  compare({ dimension: 2, queries: cloud(1101, 2, random), points: cloud(16400, 2, random).subarray(0, 2 * 16390) });
});
