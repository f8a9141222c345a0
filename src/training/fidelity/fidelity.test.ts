import { beforeAll, describe, expect, test } from 'vitest';
import type { Frame } from '../../data/dataset.ts';
import { createReferenceKernel } from '../../kernels/reference/kernel.ts';
import { createRandom } from '../../random.ts';
import { rattled } from '../../structure/builders.ts';
import { crystal } from '../../structure/crystals.ts';
import { createStructure, type Structure } from '../../structure/structure.ts';
import { systemOf } from '../linear/descriptor.ts';
import { fitFidelities } from './analyse.ts';
import { liftResiduals, residualsOf, rms, shiftedResiduals } from './compare.ts';
import { coefficientsOf } from './mixed-model.ts';
import { biasEstimator, levelEstimator, liftLabels } from './predict.ts';
import { createProblem, type FidelityProblem, type LevelFrames, restrictProblem } from './problem.ts';
import { estimateVariances, type VarianceEstimate } from './variances.ts';

/** Energy of species (eV), and strength and length of a repulsion a·exp(−r/b), that make a level of theory. */
interface Theory {
  readonly species: Readonly<Record<number, number>>;
  readonly strength: number;
  readonly length: number;
}
const GOOD: Theory = { species: { 11: -5, 17: -7 }, strength: 900, length: 0.36 };
const CHEAP: Theory = { species: { 11: -50, 17: -40 }, strength: 750, length: 0.4 };
const CUTOFF = 6;

function labelled(structure: Structure, { species, strength, length }: Theory, index: number): Frame {
  const { sites, owner, first, neighbours } = systemOf(structure, [11, 17], CUTOFF);
  let energy = structure.numbers.reduce((sum, z) => sum + species[z], 0);
  const forces = new Float64Array(structure.positions.length);
  for (let i = 0; i < structure.numbers.length; i++) {
    for (let edge = first[i]; edge < first[i + 1]; edge++) {
      const j = neighbours[edge];
      const d = [0, 1, 2].map((c) => sites[3 * j + c] - sites[3 * i + c]);
      const r = Math.hypot(...d);
      energy += 0.5 * strength * Math.exp(-r / length);
      // Half of each pair from either side, on both atoms.
      for (let c = 0; c < 3; c++) {
        const pull = (0.5 * strength * Math.exp(-r / length) * d[c]) / (length * r);
        forces[3 * i + c] -= pull;
        forces[3 * owner[j] + c] += pull;
      }
    }
  }
  return { structure, labels: { energy, forces }, group: '', info: {}, arrays: {}, line: 0, index };
}

/** Rattled rock salt, sometimes with a vacancy so that compositions differ. */
function salt(seed: number): Structure {
  const whole = rattled(crystal('rocksalt', ['Na', 'Cl'], 5.4), 0.12, createRandom(seed));
  if (seed % 3 !== 0) return whole;
  const kept = whole.numbers.length - 1;
  return { ...whole, numbers: whole.numbers.slice(0, kept), positions: whole.positions.slice(0, 3 * kept) };
}

const range = (n: number, from = 1): number[] => Array.from({ length: n }, (_, k) => from + k);
const target = range(6).map((seed) => labelled(salt(seed), GOOD, seed - 1));
// The first four have the geometries of the target.
const cheap = range(14).map((seed) => labelled(salt(seed < 5 ? seed : seed + 50), CHEAP, seed - 1));
const LEVELS: LevelFrames[] = [
  { name: 'good', frames: target },
  { name: 'cheap', frames: cheap },
];
const DESCRIPTOR = { cutoff: 5, onset: 0.5, radial: 4, channels: 4, seed: 1 };
const kernel = createReferenceKernel();

async function problemOf(levels: readonly LevelFrames[]): Promise<FidelityProblem> {
  const work = createProblem(levels, kernel, { descriptor: DESCRIPTOR });
  for (;;) {
    const next = await work.next();
    if (next.done === true) return next.value;
  }
}

let problem: FidelityProblem;
let estimate: VarianceEstimate;
beforeAll(async () => {
  problem = await problemOf(LEVELS);
  estimate = estimateVariances(problem.model);
});

/** The fit without some frame of the target, at the same variances. */
function without(k: number): { rest: FidelityProblem; fit: VarianceEstimate } {
  const rest = restrictProblem(problem, [range(6, 0).filter((frame) => frame !== k), null]);
  const model = { ...rest.model, damping: problem.model.damping };
  return { rest, fit: estimateVariances(model, { held: estimate.variances }) };
}

describe('leave-one-out', () => {
  test('is what fits without a frame say, energies and forces', () => {
    const all = residualsOf(problem, estimate);
    for (const k of [0, 2, 5]) {
      const { structure, labels } = target[k];
      const said = levelEstimator(without(k).fit, 0).estimate(structure, problem.levels[0].rows(k));
      const [energy, forces] = all[k] ?? [];
      const N = structure.numbers.length;
      expect(energy.leftOut[0]).toBeCloseTo(((labels.energy ?? 0) - (said.energy ?? 0)) / N, 5);
      for (let c = 0; c < 3 * N; c++) {
        expect(forces.leftOut[c]).toBeCloseTo((labels.forces?.[c] ?? 0) - said.forces[c], 5);
      }
      // Larger than what the fit leaves of labels that it has seen.
      expect(rms(all, 'forces', 'leftOut')).toBeGreaterThan(rms(all, 'forces', 'trained') ?? 0);
    }
  });

  test('of lifted labels is what a bias without the frame makes of them', () => {
    const all = liftResiduals(problem, estimate, 1);
    expect(all.map((one) => one !== null)).toEqual([true, true, true, true, false, false]);
    for (const k of [0, 2]) {
      const { structure, labels } = cheap[k];
      const bias = biasEstimator(without(k).fit, 1, { energy: 0, forces: 0 });
      const lifted = liftLabels(bias, structure, labels, problem.levels[0].rows(k)).labels;
      const [energy, forces] = all[k] ?? [];
      const N = structure.numbers.length;
      expect(energy.leftOut[0]).toBeCloseTo(((target[k].labels.energy ?? 0) - (lifted.energy ?? 0)) / N, 5);
      for (let c = 0; c < 3 * N; c++) {
        expect(forces.leftOut[c]).toBeCloseTo((target[k].labels.forces?.[c] ?? 0) - (lifted.forces?.[c] ?? 0), 5);
      }
    }
  });

  test('of a cheap level alone leaves the frame out of the energies of species', () => {
    const alone = estimateVariances({ ...problem.model, levels: [problem.model.levels[1]] });
    const all = shiftedResiduals(problem, alone);
    const rest = restrictProblem(problem, [range(5, 0), null]);
    const few = shiftedResiduals({ ...rest, levels: [problem.levels[0], rest.levels[1]] }, alone);
    expect(few).toEqual(all);
    const [energy, forces] = all[3] ?? [];
    expect(Math.abs(energy.leftOut[0])).toBeGreaterThan(Math.abs(energy.trained[0]));
    expect([...forces.leftOut]).toEqual([...forces.trained]);
  });
});

describe('several levels', () => {
  test('together say more of frames that nobody has seen than each alone', () => {
    const test = range(6, 200).map((seed) => labelled(salt(seed), GOOD, seed));
    const error = (fit: VarianceEstimate): number => {
      let sum = 0;
      let count = 0;
      for (const { structure, labels } of test) {
        const { forces } = levelEstimator(fit, 0).estimate(structure, problem.engine.rows(structure));
        for (const [c, force] of forces.entries()) sum += (force - (labels.forces?.[c] ?? 0)) ** 2;
        count += forces.length;
      }
      return Math.sqrt(sum / count);
    };
    const [first, second] = [0, 1].map((level) =>
      estimateVariances({ ...problem.model, levels: [problem.model.levels[level]] }),
    );
    expect(error(estimate)).toBeLessThan(error(first));
    expect(error(estimate)).toBeLessThan(error(second));
  });

  test('lifted labels are near those of the target, within their errors; the bias of species is found', async () => {
    const work = fitFidelities(LEVELS, kernel, { descriptor: DESCRIPTOR });
    let next = await work.next();
    while (next.done !== true) next = await work.next();
    const { analysis, liftNoise, estimate: fit, problem: own } = next.value;
    own.close();
    const noise = liftNoise[1] ?? { energy: 0, forces: 0 };
    const bias = biasEstimator(fit, 1, noise);
    const scores: number[] = [];
    for (const k of range(10, 4)) {
      const { structure, labels } = cheap[k];
      const { labels: lifted, forceErrors } = liftLabels(bias, structure, labels, problem.levels[1].rows(k));
      const truth = labelled(structure, GOOD, k).labels;
      const N = structure.numbers.length;
      // The levels are 39 eV/atom apart.
      expect(Math.abs((lifted.energy ?? 0) - (truth.energy ?? 0)) / N).toBeLessThan(0.03);
      for (let c = 0; c < 3 * N; c++) {
        scores.push(((lifted.forces?.[c] ?? 0) - (truth.forces?.[c] ?? 0)) / (forceErrors?.[c] ?? 0));
      }
    }
    const score = Math.sqrt(scores.reduce((sum, z) => sum + z * z, 0) / scores.length);
    expect(score).toBeGreaterThan(0.3);
    expect(score).toBeLessThan(1.6);
    const [good, low] = analysis.levels;
    expect(good.bias).toBeNull();
    expect(low.bias?.speciesKnown).toBe(true);
    expect(low.bias?.forces).toBeGreaterThan(0.01);
    expect(analysis.verdicts.find(({ kind }) => kind === 'forces')?.verdict).not.toBe('hurt');
    expect(analysis.errors.map((one) => one.fit)).toEqual(['target', 'level', 'combined']);
  });

  test('covariances of coefficients are those of draws from the fit', () => {
    // Var(x·κ) by coefficientsOf against the change of the fit with one label: σ²-scaled influence, by differences.
    const { values, covariance } = coefficientsOf(estimate, { level: 0 });
    const level = problem.model.levels[0];
    const energies = level.kinds[0];
    const row = problem.levels[0].rows(1).energy.map((x) => x / 8);
    const moved = energies.vector.map((v, a) => v + row[a]);
    const kinds = [{ ...energies, vector: moved }, ...level.kinds.slice(1)];
    const model = { ...problem.model, levels: [{ ...level, kinds }, problem.model.levels[1]] };
    const after = coefficientsOf(estimateVariances(model, { held: estimate.variances }), { level: 0 }).values;
    const change = row.reduce((sum, x, a) => sum + x * (after[a] - values[a]), 0);
    let variance = 0;
    for (let a = 0; a < row.length; a++) {
      for (let b = 0; b < row.length; b++) variance += row[a] * covariance[a * row.length + b] * row[b];
    }
    // A label that is larger by one moves its own prediction by leverage = variance / σ².
    expect(change).toBeCloseTo(variance / estimate.variances[2], 6);
  });

  test('what cannot be told is left out or refused', async () => {
    const one = { name: 'cheap', frames: cheap };
    await expect(problemOf([one])).rejects.toMatchObject({ code: 'too-few-levels' });
    await expect(problemOf([{ name: 'good', frames: target.slice(0, 2) }, one])).rejects.toMatchObject({
      code: 'too-few-labels',
    });
    await expect(problemOf([LEVELS[0], { name: 'cheap', frames: [...cheap, target[1]] }])).rejects.toMatchObject({
      code: 'same-labels',
      message: `1 of ${cheap.length + 1} frames of cheap have the very labels that the target ${LEVELS[0].name} has for them`,
    });
    const gold = { ...cheap[0], structure: crystal('fcc', ['Au'], 4.1) };
    await expect(problemOf([LEVELS[0], { name: 'other', frames: [gold] }])).rejects.toMatchObject({
      code: 'no-common-element',
    });
    const bare = target.map((frame) => ({ ...frame, labels: { forces: frame.labels.forces ?? new Float64Array(0) } }));
    await expect(problemOf([{ name: 'good', frames: bare }, one])).rejects.toMatchObject({ code: 'too-few-labels' });
    // Whole crystals only: what sodium and chlorine are worth apart is unknown at the target.
    const whole = [1, 2, 4, 5].map((seed) => labelled(salt(seed), GOOD, seed));
    const narrow = await problemOf([{ name: 'good', frames: whole }, one]);
    const fit = estimateVariances(narrow.model);
    const bias = biasEstimator(fit, 1, { energy: 0, forces: 0 });
    const [ionic, short] = [0, 2].map((k) =>
      liftLabels(bias, cheap[k].structure, cheap[k].labels, narrow.levels[1].rows(k)),
    );
    expect(ionic.labels.energy).toBeDefined();
    expect(short.labels.energy).toBeUndefined();
    expect(short.labels.forces).toBeDefined();
    narrow.close();
    const close = createStructure(['Na', 'Cl'], [0, 0, 0, 0, 0, 0]);
    const frame: Frame = { ...cheap[0], structure: close, labels: { energy: 1 }, index: 9 };
    await expect(problemOf([LEVELS[0], { name: 'cheap', frames: [...cheap, frame] }])).rejects.toMatchObject({
      place: { frame: 9 },
    });
  });
});
