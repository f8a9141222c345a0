import { describe, expect, test } from 'vitest';
import { defaultNeed, describeNeed, type FrontPoint, frontOf } from './front.ts';

const point = (name: string, [energy, force, stress]: readonly (number | null)[]): FrontPoint => ({
  ...{ name, weights: { energy: 30, forces: 1, stress: 0.1 }, epochs: 5, seconds: 1, model: `${name}.safetensors` },
  ...{ energy_mae_meV_per_atom: energy, force_mae_meV_per_A: force, stress_mae_GPa: stress },
});
const POINTS = [
  point('default', [2, 50, 0.12]),
  point('point-01', [2.4, 48, 0.1]),
  point('point-02', [2.6, 49, 0.07]),
  point('point-03', [2.7, 51, 0.11]),
];
const ALL = ['energy', 'forces', 'stress'] as const;

describe('front', () => {
  test('unasked: the lowest stress error that costs at most a quarter of the energy error', () => {
    const front = frontOf(POINTS, ALL);
    expect(front.need).toEqual({ lowest: 'stress', limits: { energy: 2.5 } });
    expect(front.chosen).toBe('point-01');
    expect(front.points.map(({ dominated }) => dominated)).toEqual([false, false, false, true]);
    expect(front.reference).toEqual({ energy_mae_meV_per_atom: 4, force_mae_meV_per_A: 100, stress_mae_GPa: 0.24 });
    // The default alone dominates an eighth of the box.
    expect(frontOf(POINTS.slice(0, 1), ALL).hypervolume).toBeCloseTo(1 / 8, 12);
    expect(front.hypervolume).toBeGreaterThan(1 / 8);
  });

  test('by need, the knee, or nothing', () => {
    expect(frontOf(POINTS, ALL, { lowest: 'stress', limits: {} }).chosen).toBe('point-02');
    expect(frontOf(POINTS, ALL, { lowest: 'energy', limits: { forces: 49.5, stress: 0.11 } }).chosen).toBe('point-01');
    expect(frontOf(POINTS, ALL, { lowest: 'stress', limits: { energy: 1.9 } }).chosen).toBeNull();
    const { knee, chosen } = frontOf(POINTS, ALL, 'knee');
    expect(chosen).toBe(knee);
    expect(describeNeed({ lowest: 'stress', limits: { energy: 2, forces: 60 } })).toBe(
      'lowest stress error with energy ≤ 2 meV/atom and forces ≤ 60 meV/Å',
    );
  });

  test('without stresses: the knee, and a need of them is refused', () => {
    const points = POINTS.map((p) => ({ ...p, stress_mae_GPa: null }));
    const two = ['energy', 'forces'] as const;
    expect(defaultNeed(points, two)).toBe('knee');
    expect(frontOf(points, two).hypervolume).toBeGreaterThanOrEqual(1 / 4);
    expect(() => frontOf(points, two, { lowest: 'stress', limits: {} })).toThrow(
      expect.objectContaining({ code: 'no-such-objective' }),
    );
    // What should have been measured and was not is never taken for a number.
    expect(() => frontOf(points, ALL, 'knee')).toThrow(expect.objectContaining({ code: 'bad-objectives' }));
  });
});
