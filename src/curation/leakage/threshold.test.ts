import { expect, test } from 'vitest';
import { nearestReference } from '../../kernels/reference/nearest.ts';
import { createRandom } from '../../random.ts';
import { thresholdFrom } from './threshold.ts';

test.each([2, 4, 8])(
  'points spread over %i dimensions raise no false alarms, and their twins are found',
  (dimension) => {
    const random = createRandom(dimension);
    const n = 300;
    let alarms = 0;
    let missed = 0;
    for (let trial = 0; trial < 30; trial++) {
      const cloud = (): Float32Array => new Float32Array(n * dimension).map(() => random.normal());
      const [train, test] = [cloud(), cloud()];
      const labels = Int32Array.from({ length: n }, (_, k) => k);
      const exclude = { queries: labels, points: labels };
      const within = nearestReference({ dimension, queries: train, points: train, exclude }).distances;
      const { value, exponent } = thresholdFrom(within, n, 1e-9);
      // Fewer than in the bulk, since normal deviates thin out.
      expect(exponent).toBeGreaterThan(0.4 * dimension);
      expect(exponent).toBeLessThan(1.6 * dimension);
      alarms += nearestReference({ dimension, queries: test, points: train }).distances.filter((d) => d < value).length;
      const twins = train.map((x) => x + 1e-4 * random.normal());
      missed += nearestReference({ dimension, queries: twins, points: train }).distances.filter(
        (d) => d >= value,
      ).length;
    }
    // One in a hundred data sets: 0.3 are expected in thirty.
    expect(alarms).toBeLessThanOrEqual(4);
    // In two dimensions a hundred-thousandth of the area is not far.
    expect(missed / (30 * n)).toBeLessThan(dimension === 2 ? 0.3 : 1e-3);
  },
);

test('twins within the training set do not count, and nothing is said from too few frames', () => {
  const unrelated = Float64Array.from({ length: 100 }, (_, k) => 5 + 0.02 * k);
  const withTwins = Float64Array.from([...unrelated, ...new Float64Array(150).fill(1e-4), Number.POSITIVE_INFINITY]);
  expect(thresholdFrom(withTwins, 50, 0.05)).toEqual(thresholdFrom(unrelated, 50, 0.05));
  const few = thresholdFrom(unrelated.subarray(0, 5), 50, 0.05);
  expect(few).toMatchObject({ value: 0.05, chance: null, frames: 5 });
});

test('frames that cannot be told apart are twins, and twins are far nearer than unrelated frames', () => {
  const narrow = Float64Array.from({ length: 100 }, (_, k) => 5 + 1e-3 * k);
  expect(thresholdFrom(narrow, 10, 0.05).value).toBeLessThan(2.6);
  expect(thresholdFrom(narrow, 10, 3).value).toBe(3);
});
