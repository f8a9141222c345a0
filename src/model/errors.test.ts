import { describe, expect, test } from 'vitest';
import type { Frame, Labels } from '../data/dataset.ts';
import { createRandom } from '../random.ts';
import { createStructure, type Structure } from '../structure/structure.ts';
import { GPA } from '../units.ts';
import { type ErrorReport, type EvaluateOptions, type EvaluateProgress, evaluateFrames, NO_GROUP } from './errors.ts';
import { createPairSample, keepLargest } from './pairs.ts';
import type { Potential } from './potential.ts';

/** Says 1 eV per atom, forces (1, 0, 0) and a strain gradient of 2 eV along xx, whatever it is asked. */
const dull: Potential = {
  name: 'dull',
  cutoff: 1,
  elements: [1, 14],
  evaluate({ numbers }) {
    return {
      energy: numbers.length,
      atomicEnergies: new Float64Array(numbers.length).fill(1),
      forces: Float64Array.from({ length: 3 * numbers.length }, (_, c) => (c % 3 === 0 ? 1 : 0)),
      strainGradient: Float64Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0),
    };
  },
};

const crystal = (symbols: string[]): Structure =>
  createStructure(
    symbols,
    symbols.flatMap((_, i) => [i, 0, 0]),
    [10, 0, 0, 0, 10, 0, 0, 0, 10],
  );
const frame = (structure: Structure, labels: Labels, group = ''): Frame => ({
  structure,
  labels,
  group,
  info: {},
  arrays: {},
  line: 5,
  index: 1,
});

async function report(frames: Frame[], options: EvaluateOptions = {}): Promise<ErrorReport> {
  return (await run(frames, options)).result;
}

async function run(
  frames: Frame[],
  options: EvaluateOptions,
): Promise<{ steps: EvaluateProgress[]; result: ErrorReport }> {
  const steps: EvaluateProgress[] = [];
  const work = evaluateFrames(dull, frames, options);
  for (let next = await work.next(); ; next = await work.next()) {
    if (next.done) return { steps, result: next.value };
    steps.push(next.value);
  }
}

describe('numbers', () => {
  // Errors by hand: energies 0.1 and −0.3 eV/atom.
  const frames = [
    frame(crystal(['Si', 'H']), { energy: 1.8, forces: Float64Array.of(1, 0, 0, 0, 0, 0.5) }, 'a'),
    frame(crystal(['Si']), { energy: 1.3 }, 'b'),
    frame(crystal(['H']), { forces: Float64Array.of(1, 2, 0) }, 'b'),
  ];

  test('energies per atom, in meV', async () => {
    const { overall, groups } = await report(frames);
    expect(overall.energy_mae_meV_per_atom).toBeCloseTo(200, 9);
    expect(overall.energy_rmse_meV_per_atom).toBeCloseTo(1000 * Math.sqrt((0.01 + 0.09) / 2), 9);
    expect(overall.energy_max_meV_per_atom).toBeCloseTo(300, 9);
    expect([overall.energy_count, overall.frames, overall.atoms]).toEqual([2, 3, 4]);
    expect(groups.a.energy_rmse_meV_per_atom).toBeCloseTo(100, 9);
    expect(groups.b.energy_mae_meV_per_atom).toBeCloseTo(300, 9);
    expect([groups.b.frames, groups.b.energy_count]).toEqual([2, 1]);
  });

  test('force components, in meV/Å, by element', async () => {
    const { overall, elements, groups } = await report(frames);
    // Differences: Si (0, 0, 0); H (1, 0, −0.5); H (0, −2, 0).
    expect(overall.force_mae_meV_per_A).toBeCloseTo(3500 / 9, 9);
    expect(overall.force_rmse_meV_per_A).toBeCloseTo(1000 * Math.sqrt((1 + 0.25 + 4) / 9), 9);
    expect(overall.force_max_meV_per_A).toBe(2000);
    expect(overall.force_count).toBe(9);
    expect(Object.keys(elements)).toEqual(['H', 'Si']);
    expect(elements.Si).toEqual({
      atoms: 1,
      force_mae_meV_per_A: 0,
      force_rmse_meV_per_A: 0,
      force_max_meV_per_A: 0,
      force_count: 3,
    });
    expect(elements.H.force_mae_meV_per_A).toBeCloseTo(3500 / 6, 9);
    expect(elements.H.atoms).toBe(2);
    expect(groups.b.force_count).toBe(3);
  });

  test('stress components, in GPa, over the full tensor', async () => {
    const stress = new Float64Array(9);
    stress[0] = 0.002 + GPA; // the potential says 2 eV / 1000 Å³
    stress[1] = stress[3] = -GPA;
    const { overall } = await report([frame(crystal(['Si']), { stress })]);
    expect(overall.stress_mae_GPa).toBeCloseTo(3 / 9, 9);
    expect(overall.stress_rmse_GPa).toBeCloseTo(Math.sqrt(3 / 9), 9);
    expect(overall.stress_max_GPa).toBeCloseTo(1, 9);
    expect(overall.stress_count).toBe(9);
  });

  test('what is not labelled is null and counted, never zero', async () => {
    const molecule = createStructure(['H'], [0, 0, 0]);
    const { overall, unlabelled, groups, worst } = await report([
      frame(molecule, { stress: new Float64Array(9) }), // a stress without a volume
      frame(crystal(['H']), { energy: 1 }),
    ]);
    expect(unlabelled).toEqual({ energy: 1, forces: 2, stress: 2 });
    expect(overall.energy_rmse_meV_per_atom).toBe(0);
    expect([overall.force_mae_meV_per_A, overall.force_rmse_meV_per_A, overall.force_max_meV_per_A]).toEqual([
      null,
      null,
      null,
    ]);
    expect([overall.stress_mae_GPa, overall.stress_rmse_GPa, overall.stress_count]).toEqual([null, null, 0]);
    expect(Object.keys(groups)).toEqual([NO_GROUP]);
    expect(worst.forces).toEqual([]);
  });

  test('no frames, no numbers; a group may have any name', async () => {
    expect((await report([])).overall).toMatchObject({ frames: 0, energy_mae_meV_per_atom: null, energy_count: 0 });
    const { groups } = await report([frame(crystal(['H']), {}, '__proto__')]);
    expect(Object.keys(groups)).toEqual(['__proto__']);
  });

  test('a report is plain JSON', async () => {
    const whole = await report(frames, { parity: 10 });
    expect(JSON.parse(JSON.stringify(whole))).toEqual(whole);
  });
});

test('errors of all frames together are what the groups make of them', async () => {
  const random = createRandom(3);
  const frames = Array.from({ length: 40 }, (_, n) => {
    const atoms = 1 + random.below(4);
    const labels = {
      ...(n % 3 === 0 ? {} : { energy: random.normal() }),
      ...(n % 4 === 0 ? {} : { forces: Float64Array.from({ length: 3 * atoms }, () => random.normal()) }),
    };
    return frame(
      crystal(Array.from({ length: atoms }, () => (random.below(2) === 0 ? 'H' : 'Si'))),
      labels,
      'abc'[n % 3],
    );
  });
  const { overall, groups, elements } = await report(frames);
  const total = (rows: object[], key: string, count: string, power: number): number =>
    rows.reduce((sum: number, row) => {
      const numbers = row as Record<string, number | null>;
      return sum + (numbers[key] ?? 0) ** power * (numbers[count] ?? 0);
    }, 0);
  for (const rows of [Object.values(groups), Object.values(elements)]) {
    expect(total(rows, 'force_rmse_meV_per_A', 'force_count', 2)).toBeCloseTo(
      overall.force_rmse_meV_per_A! ** 2 * overall.force_count,
      4,
    );
    expect(total(rows, 'force_mae_meV_per_A', 'force_count', 1)).toBeCloseTo(
      overall.force_mae_meV_per_A! * overall.force_count,
      6,
    );
  }
  expect(total(Object.values(groups), 'energy_rmse_meV_per_atom', 'energy_count', 2)).toBeCloseTo(
    overall.energy_rmse_meV_per_atom! ** 2 * overall.energy_count,
    4,
  );
});

describe('progress', () => {
  test('one step for each frame, with its prediction and its own errors', async () => {
    const forces = Float64Array.of(1, 0, 3);
    const { steps } = await run([frame(crystal(['H']), { energy: 1.5, forces }, 'g'), frame(crystal(['H']), {})], {});
    expect(steps.map(({ done, of }) => [done, of])).toEqual([
      [1, 2],
      [2, 2],
    ]);
    expect(steps[0].prediction.energy).toBe(1);
    expect(steps[0].errors).toEqual({
      position: 0,
      frame: 1,
      line: 5,
      group: 'g',
      atoms: 1,
      energy_error_meV_per_atom: -500,
      force_rmse_meV_per_A: 1000 * Math.sqrt(3),
      force_max_meV_per_A: 3000,
      stress_rmse_GPa: null,
    });
    expect(steps[1].errors.energy_error_meV_per_atom).toBeNull();
  });

  test('the worst frames come first, as many as asked for', async () => {
    const errors = [0.1, -0.5, 0.3, 0.2, -0.4];
    const frames = errors.map((e) => frame(crystal(['H']), { energy: 1 - e }));
    const { worst } = await report(frames, { worst: 3 });
    expect(worst.energy.map(({ position }) => position)).toEqual([1, 4, 2]);
    expect((await report(frames, { worst: 0 })).worst.energy).toEqual([]);
  });

  test('stops between frames, also by a timer during many of them', async () => {
    const frames = Array.from({ length: 3000 }, () => frame(crystal(['H', 'H', 'H', 'H']), { energy: 1 }));
    await expect(run(frames, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error('later')), 0);
    await expect(run(frames, { signal: controller.signal })).rejects.toThrow('later');
  });
});

describe('refused', () => {
  const rejected = (bad: Frame, code: string, field?: string) =>
    expect(report([frame(crystal(['H']), { energy: 1 }), bad], { source: 'data.xyz' })).rejects.toMatchObject({
      code,
      place: { path: 'data.xyz', line: 5, frame: 1, field },
    });

  test('labels that do not fit or are no numbers', async () => {
    await rejected(frame(crystal(['H']), { energy: Number.NaN }), 'bad-label', 'energy');
    await rejected(frame(crystal(['H']), { forces: new Float64Array(6) }), 'bad-label', 'forces');
    await rejected(frame(crystal(['H']), { forces: Float64Array.of(0, Number.NaN, 0) }), 'bad-label', 'forces');
    await rejected(frame(crystal(['H']), { stress: new Float64Array(6) }), 'bad-label', 'stress');
  });

  test('a potential that gives no number', async () => {
    const broken = { ...dull, evaluate: (s: Structure) => ({ ...dull.evaluate(s), energy: Number.NaN }) };
    await expect(evaluateFrames(broken, [frame(crystal(['H']), {})]).next()).rejects.toMatchObject({
      code: 'not-finite',
      place: { frame: 1 },
    });
  });
});

describe('pairs for plots', () => {
  test('reference and prediction in the units that their names say', async () => {
    const stress = new Float64Array(9).fill(0.5);
    const forces = Float64Array.of(3, 4, 5, 6, 7, 8);
    const { parity } = await report([frame(crystal(['H', 'H']), { energy: 5, forces, stress })], { parity: 100 });
    expect(parity!.energy_eV_per_atom).toEqual({ reference: [2.5], predicted: [1], total: 1 });
    expect(parity!.force_eV_per_A).toEqual({ reference: [3, 4, 5, 6, 7, 8], predicted: [1, 0, 0, 1, 0, 0], total: 6 });
    expect(parity!.stress_eV_per_A3.predicted[0]).toBe(0.002);
    expect((await report([])).parity).toBeNull();
  });

  test.each([
    [0, 10],
    [10, 10],
    [11, 10],
    [1999, 1],
    [5000, 300],
    [4096, 1024],
  ])('%i pairs for %i places: thinned evenly, in their order, never without the largest errors', (total, maximum) => {
    const random = createRandom(total);
    const errors = Float64Array.from({ length: total }, () => random.below(5000) * (random.below(2) - 0.5));
    const sample = createPairSample(maximum);
    for (const [n, error] of errors.entries()) sample.add(n, n + error);

    const { reference, predicted, total: counted } = sample.pairs();
    expect(counted).toBe(total);
    expect(reference.length).toBeLessThanOrEqual(total <= maximum ? total : maximum + 200);
    for (const [k, n] of reference.entries()) {
      expect(predicted[k] - n).toBe(errors[n]);
      const gap = k === 0 ? n : n - reference[k - 1];
      expect(gap).toBeGreaterThanOrEqual(k === 0 ? 0 : 1);
      expect(gap).toBeLessThanOrEqual(Math.max(1, (2 * total) / maximum));
    }
    const worst = [...errors.keys()].sort((p, q) => Math.abs(errors[q]) - Math.abs(errors[p]) || p - q).slice(0, 200);
    const kept = new Set(reference);
    expect(worst.filter((n) => !kept.has(n))).toEqual([]);
  });

  test('the largest of many, of equals the earlier ones', () => {
    const items: [number, string][] = [];
    for (const item of [
      [1, 'a'],
      [3, 'b'],
      [2, 'c'],
      [3, 'd'],
      [0, 'e'],
      [2, 'f'],
    ] as [number, string][]) {
      keepLargest(items, 3, item, ([size]) => size);
    }
    expect(items.map(([, name]) => name).join('')).toBe('bdc');
  });
});
