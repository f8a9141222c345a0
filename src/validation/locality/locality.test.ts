import { describe, expect, test } from 'vitest';
import type { Frame } from '../../data/dataset.ts';
import { createReferenceKernel } from '../../kernels/reference/kernel.ts';
import { createSimdKernel } from '../../kernels/simd/kernel.ts';
import { finish } from '../../md/progress.ts';
import type { Potential } from '../../model/potential.ts';
import { createRandom } from '../../random.ts';
import { rattled, supercell } from '../../structure/builders.ts';
import { crystal } from '../../structure/crystals.ts';
import { COULOMB } from '../../units.ts';
import { runChecks } from '../check.ts';
import { sound } from '../testing.ts';
import {
  ballOf,
  cutoffErrors,
  expectedOutsideForce,
  fitDecay,
  INSULATOR,
  locality as localityCheck,
  localityOf,
  METAL,
  outsideForceOfBall,
} from './index.ts';

const radii = Array.from({ length: 19 }, (_, k) => 5 + 0.5 * k);

describe('a metal and an insulator', () => {
  const balls = { insulator: ballOf(INSULATOR, 28), metal: ballOf(METAL, 20) };
  const curves = {
    insulator: outsideForceOfBall(balls.insulator, { radii, draws: 50 }),
    metal: outsideForceOfBall(balls.metal, { radii, draws: 50 }),
  };

  test('the force from outside is what the closed form says', () => {
    for (const name of ['insulator', 'metal'] as const) {
      const ratios = curves[name].map(
        ({ radius, sigma, uncertainty }) => (sigma - expectedOutsideForce(balls[name], radius)) / uncertainty,
      );
      // Standard scores; terms of second order in the displacement make the screened force larger by a percent or two.
      for (const score of ratios) expect(Math.abs(score)).toBeLessThan(4);
    }
  });

  test('the closed form is the continuum, k q² s √(8πn/3) R^−3/2, to what shells leave', () => {
    const density = 8 / INSULATOR.lattice ** 3;
    for (const radius of [8, 10, 12]) {
      const continuum = COULOMB * 0.1 * Math.sqrt(((8 * Math.PI * density) / 3) * radius ** -3);
      expect(Math.abs(expectedOutsideForce(balls.insulator, radius) / continuum - 1)).toBeLessThan(0.12);
    }
  });

  test('bare charges decay as R^−3/2, screened ones as exp(−κR), and each law is told from the other', () => {
    const [insulator, metal] = [fitDecay(curves.insulator)!, fitDecay(curves.metal)!];
    expect(insulator.better).toBe('power');
    expect(insulator.evidence).toBeGreaterThan(2);
    expect(insulator.power.uncertainty).toBeLessThan(0.1);
    expect(Math.abs(insulator.power.exponent - 1.5)).toBeLessThan(3 * insulator.power.uncertainty);
    expect(metal.better).toBe('exponential');
    expect(metal.evidence).toBeGreaterThan(50);
    expect(Math.abs(metal.exponential.length * METAL.screening - 1)).toBeLessThan(0.15);
  });

  test('cutting a metal off costs ever less, an insulator always', () => {
    const metal = cutoffErrors(balls.metal, { radii: [5, 8, 11], draws: 5 });
    expect(metal[1].error).toBeLessThan(metal[0].error / 20);
    expect(metal[2].error).toBeLessThan(metal[1].error / 20);
    const insulator = cutoffErrors(balls.insulator, { radii: [5, 11], draws: 5 });
    expect(insulator[1].error).toBeGreaterThan(insulator[0].error / 10);
    expect(insulator[1].error).toBeGreaterThan(0.3 * insulator[1].force);
  });
});

describe('laws of decay', () => {
  const curveOf = (sigma: (radius: number) => number) =>
    radii.map((radius) => ({ radius, sigma: sigma(radius), uncertainty: 0.02 * sigma(radius) }));

  test('are found exactly where they hold exactly', () => {
    const power = fitDecay(curveOf((r) => 3 * r ** -2.5))!;
    expect(power.better).toBe('power');
    expect(power.power.exponent).toBeCloseTo(2.5, 10);
    expect(power.power.amplitude).toBeCloseTo(3, 10);
    const exponential = fitDecay(curveOf((r) => 7 * Math.exp(-r / 1.3)))!;
    expect(exponential.better).toBe('exponential');
    expect(exponential.exponential.length).toBeCloseTo(1.3, 10);
    expect(exponential.exponential.amplitude).toBeCloseTo(7, 10);
  });

  test('there is none where nothing is felt', () => {
    expect(fitDecay(curveOf(() => 0))).toBeNull();
  });
});

describe('the test put to a potential', () => {
  const argon = supercell(crystal('fcc', ['Ar'], 5.3), [3, 3, 3]);

  test('nothing beyond the cutoff is felt, everything within is', async () => {
    const { curve, decay } = await localityOf(sound, argon, { radii: [4, 5, 6, 7, 7.8], draws: 10 });
    expect(curve.map(({ sigma }) => sigma > 0)).toEqual([true, true, true, false, false]);
    expect(curve[1].sigma).toBeGreaterThan(curve[2].sigma);
    expect(decay).toBeNull();
  });

  test('a sphere that meets its own image is refused', async () => {
    const run = localityOf(sound, crystal('fcc', ['Ar'], 5.3), { radii: [4, 6] });
    await expect(run).rejects.toThrow(expect.objectContaining({ code: 'cell-too-small' }));
    await expect(localityOf(sound, argon, { radii: [4], centre: 999 })).rejects.toThrow(/no atom 999/);
  });
});

describe('the check of a cutoff', () => {
  const cell = supercell(crystal('fcc', ['Ar'], 5.3), [2, 2, 1]);
  const random = createRandom(3);
  const labelled = Array.from({ length: 30 }, (_, index): Frame => {
    const structure = rattled(cell, 0.15, random);
    const { energy, forces } = sound.evaluate(structure);
    return { structure, labels: { energy, forces }, group: '', info: {}, arrays: {}, line: 1, index };
  });
  const context = (potential: Potential) =>
    ({ potential, structures: [cell], seed: 1, precision: 'double', labelled }) as const;

  test('fails a potential that sees less than the labels ask for, and passes one that sees enough', async () => {
    const kernel = await createSimdKernel();
    const short: Potential = { ...sound, name: 'short-sighted', cutoff: 3.5 };
    const [bad] = await finish(runChecks([localityCheck], { ...context(short), kernel }));
    expect([bad.verdict, bad.value! >= 1]).toEqual(['fail', true]);
    const [good] = await finish(runChecks([localityCheck], { ...context(sound), kernel }));
    expect(good.verdict).toBe('pass');
    expect(good.curves?.[0].x[0]).toBeGreaterThan(3.7);
  });

  test('says why it says nothing', async () => {
    const [unlabelled] = await finish(runChecks([localityCheck], { ...context(sound), labelled: [] }));
    expect([unlabelled.verdict, unlabelled.reason]).toEqual(['skipped', expect.stringContaining('no labelled frames')]);
    const few = { ...context(sound), labelled: labelled.slice(0, 3), kernel: createReferenceKernel() };
    expect((await finish(runChecks([localityCheck], few)))[0].reason).toContain('too few');
  });
});
