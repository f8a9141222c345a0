import { describe, expect, test } from 'vitest';
import type { Frame } from '../data/dataset.ts';
import type { JsonObject } from '../model/json.ts';
import type { Attachment } from '../model/model-file.ts';
import type { Committee, Evaluation, Potential } from '../model/potential.ts';
import { stillingerWeber } from '../model/testing.ts';
import { createRandom, type Random } from '../random.ts';
import { cellVolume } from '../structure/cell.ts';
import { crystal, rattled, strained } from '../structure/index.ts';
import { createStructure, type Structure } from '../structure/structure.ts';
import { fitNoise, openNoise } from './noise.ts';
import { credible, witnessOf } from './noise-witness.ts';

/** Silicon that makes mistakes: members say a little more or less than the truth, each of them always the same. */
function committee(members: readonly number[]): Potential & Committee {
  const truth = stillingerWeber();
  const scaled = (from: Evaluation, factor: number): Evaluation => ({
    energy: from.energy * factor,
    atomicEnergies: from.atomicEnergies.map((x) => x * factor),
    forces: from.forces.map((x) => x * factor),
    strainGradient: from.strainGradient.map((x) => x * factor),
  });
  const mean = members.reduce((sum, x) => sum + x / members.length, 0);
  return {
    ...truth,
    members: members.length,
    evaluate: (structure, list) => scaled(truth.evaluate(structure, list), 1 + mean),
    evaluateMembers(structure, list) {
      const said = truth.evaluate(structure, list);
      return members.map((x) => scaled(said, 1 + x));
    },
  };
}

const frameOf = (structure: Structure, group: string, index: number, labels: Frame['labels']): Frame => ({
  ...{ structure, group, index, labels },
  ...{ info: {}, arrays: {}, line: 0 },
});

interface Spoil {
  /** eV/Å. */
  readonly forces: number;
  /** eV/atom. */
  readonly energy?: number;
  readonly withoutDrift?: boolean;
}

/** Rattled silicon cells with labels of Stillinger and Weber, and noise on top. */
function silicon(count: number, group: string, noise: Spoil, random: Random): Frame[] {
  const truth = stillingerWeber();
  const cell = crystal('diamond', ['Si'], 5.43);
  return Array.from({ length: count }, (_, index) => {
    const structure = rattled(strained(cell, [0.01, 0, 0, 0, 0, 0, 0, 0, 0]), 0.05 + 0.1 * random.uniform(), random);
    const { energy, forces, strainGradient } = truth.evaluate(structure);
    const N = structure.numbers.length;
    const error = forces.map(() => noise.forces * random.normal());
    if (noise.withoutDrift === true) {
      for (let a = 0; a < 3; a++) {
        let sum = 0;
        for (let c = a; c < error.length; c += 3) sum += error[c];
        for (let c = a; c < error.length; c += 3) error[c] -= sum / N;
      }
    }
    return frameOf(structure, group, index, {
      energy: energy + N * (noise.energy ?? 0) * random.normal(),
      forces: forces.map((f, c) => f + error[c]),
      stress: strainGradient.map((g) => g / cellVolume(structure.cell)),
    });
  });
}

const MEMBERS = [-0.01, 0.012, 0.004, -0.003];

describe('a potential that is nearly right', () => {
  const random = createRandom(3);
  const of = (count: number): Frame[] => [
    ...silicon(count, 'clean', { forces: 0, energy: 0.001 }, random),
    ...silicon(count, 'noisy', { forces: 0.05, energy: 0.004 }, random),
    ...silicon(count, 'quiet', { forces: 0.05, withoutDrift: true }, random),
  ];
  const train = of(30);
  const heldOut = of(6);
  const potential = committee(MEMBERS);
  const attachment = fitNoise(potential, { train, heldOut }, { seed: 1 });
  const noise = openNoise(attachment, potential)!;
  const [structure] = [heldOut[0].structure];
  const rms = (values: Float64Array): number => Math.hypot(...values) / Math.sqrt(values.length);
  const levelIn = (group: string): number => {
    const own = train.filter((frame) => frame.group === group);
    return rms(Float64Array.from(own.flatMap((frame) => Array.from(noise.of(frame.structure, { group }).forces!))));
  };
  const groupOf = (name: string) => noise.record.forces!.groups[noise.record.groups.indexOf(name)];

  test('noise that was put in is found, and only where it was put', () => {
    expect(levelIn('noisy') / 0.05).toBeCloseTo(1, 1);
    expect(levelIn('quiet') / 0.05).toBeCloseTo(Math.sqrt(7 / 8), 1);
    expect(levelIn('clean')).toBeLessThan(0.01);
    expect(groupOf('noisy').sigma).toBeCloseTo(levelIn('noisy'), 3);
  });

  test('net forces are a witness; without them the noise is there but unexplained', () => {
    const { witness } = groupOf('noisy');
    expect(Math.abs(witness!.sigma - 0.05)).toBeLessThan(4 * witness!.error);
    expect(witness!.error / witness!.sigma).toBeCloseTo(1 / Math.sqrt(6 * 36), 10);
    expect(groupOf('clean').witness).toBeNull();
    expect(groupOf('quiet').witness).toBeNull();
    expect(noise.of(structure, { group: 'noisy' }).shown! / 0.05).toBeCloseTo(1, 0);
    expect(noise.of(structure, { group: 'quiet' }).shown).toBe(0);
  });

  test('noise of energies per atom', () => {
    // 36 labels of one component each: 12 % by chance, and the potential is wrong by some 0.3 %.
    const clean = noise.of(structure, { group: 'clean' }).energy!;
    const noisy = noise.of(structure, { group: 'noisy' }).energy!;
    expect(noisy / clean).toBeGreaterThan(1.3);
    expect(noisy).toBeGreaterThan(0.0025);
  });

  test('an unknown group is like all of them; a given evaluation saves one', () => {
    const whole = noise.of(structure);
    expect(noise.of(structure, { group: 'never heard of' })).toEqual(whole);
    expect(noise.of(structure, { evaluation: potential.evaluate(structure) })).toEqual(whole);
    expect(noise.record.forces!.whole.sigma / (0.05 * Math.sqrt((1 + 7 / 8) / 3))).toBeCloseTo(1, 1);
    expect(noise.groups).toEqual(['clean', 'noisy', 'quiet']);
  });

  test('nothing is extrapolated: a wreck is as noisy as the noisiest that is known', () => {
    const wreck = rattled(structure, 0.6, createRandom(1));
    expect(Math.max(...noise.of(wreck, { group: 'noisy' }).forces!)).toBeLessThan(0.2);
  });

  test('the same frames and seed give the same record, which survives a file', () => {
    expect(fitNoise(potential, { train, heldOut }, { seed: 1 })).toEqual(attachment);
    const copy = { record: JSON.parse(JSON.stringify(attachment!.record)), tensors: {} };
    expect(openNoise(copy, potential)!.of(structure)).toEqual(noise.of(structure));
  });

  const damage: readonly [string, (record: Record<string, unknown>) => void][] = [
    ['another version', (record) => (record.version = 2)],
    ['a stray key', (record) => (record.extra = 1)],
    ['groups and their numbers differ', (record) => (record.groups = ['clean'])],
    ['the same group twice', (record) => (record.groups = ['clean', 'clean', 'quiet'])],
    ['a negative scale', (record) => ((record.forces as { scale: number }).scale = -1)],
    ['a coefficient missing', (record) => ((record.forces as { coefficients: number[] }).coefficients = [1])],
    ['of other elements', (record) => ((record.forces as { elements: number[] }).elements = [0, 0])],
    ['text for a number', (record) => ((record.energy as { dispersion: unknown }).dispersion = 'one')],
    ['no features', (record) => delete record.features],
    ['a unit whose square is zero', (record) => ((record.features as { force: number }).force = 1e-200)],
    ['an infinite exponential', (record) => ((record.forces as { elements: number[] }).elements = [1e6])],
    [
      'white noise whose square overflows',
      (record) => ((record.energy as { whole: object }).whole = { white: 1e200, level: 0, sigma: 1 }),
    ],
  ];
  test.each(damage)('a damaged record is refused: %s', (_, spoil) => {
    const record = JSON.parse(JSON.stringify(attachment!.record));
    spoil(record);
    expect(() => openNoise({ record, tensors: {} }, potential)).toThrowError(
      expect.objectContaining({ code: 'bad-noise', hint: expect.stringContaining('train') }),
    );
  });

  test('elements that the potential does not know are refused', () => {
    const gold = createStructure(['Au', 'Au'], [0, 0, 0, 0, 0, 2.5]);
    expect(() => noise.of(gold)).toThrowError(expect.objectContaining({ code: 'unknown-species' }));
  });
});

test('a potential alone has no spread: the training residuals are corrected by the held-out ones alone', () => {
  const random = createRandom(5);
  const frames = silicon(30, '', { forces: 0.05 }, random);
  const potential = committee([0]);
  const noise = openNoise(
    fitNoise(potential, { train: frames.slice(5), heldOut: frames.slice(0, 5) }, { seed: 1 }),
    potential,
  )!;
  const { forces, energy } = noise.of(frames[0].structure);
  expect(Math.hypot(...forces!) / Math.sqrt(8) / 0.05).toBeCloseTo(1, 1);
  // Exact energies leave nothing behind but rounding.
  expect(energy === null || energy < 1e-9).toBe(true);
  expect(noise.groups).toEqual([]);
});

describe('too little to learn from', () => {
  const potential = committee(MEMBERS);
  const frames = silicon(14, 'a', { forces: 0.05 }, createRandom(6));
  const noiseOf = (train: readonly Frame[], heldOut: readonly Frame[]): Attachment | null =>
    fitNoise(potential, { train, heldOut }, { seed: 1 });

  test('few frames, or none held out', () => {
    expect(noiseOf([], [])).toBeNull();
    expect(noiseOf(frames, [])).toBeNull();
    expect(noiseOf(frames.slice(0, 6), frames.slice(6, 9))).toBeNull();
    expect(noiseOf(frames, frames.slice(0, 1))).toBeNull();
    expect(noiseOf(frames.slice(2), frames.slice(0, 2))).not.toBeNull();
    expect(openNoise(null, potential)).toBeNull();
  });

  test('labels that are not there are not noisy, and not free of noise either', () => {
    const bare = frames.map((frame) => ({ ...frame, labels: { forces: frame.labels.forces! } }));
    const noise = openNoise(noiseOf(bare.slice(2), bare.slice(0, 2)), potential)!;
    expect(noise.of(frames[0].structure)).toMatchObject({ energy: null, stress: null });
    expect(noise.of(frames[0].structure).forces).toHaveLength(8);
    const record: JsonObject = JSON.parse(JSON.stringify(noise.record));
    expect(record.energy).toBeNull();
    // Two frames of a group that has energies only.
    const energies = frames.slice(0, 2).map(({ labels, ...frame }) => ({
      ...{ ...frame, group: 'b', labels: { energy: labels.energy! } },
    }));
    const mixed = openNoise(noiseOf([...bare.slice(2), ...energies], bare.slice(0, 2)), potential)!;
    const { structure } = frames[0];
    expect(mixed.groups).toEqual(['a', 'b']);
    expect(mixed.of(structure, { group: 'b' }).forces).toEqual(mixed.of(structure).forces);
  });
});

describe('witness', () => {
  const random = createRandom(9);
  const none = Int32Array.from({ length: 400 }, () => 0);

  test('net forces of crystals', () => {
    const frames = silicon(100, '', { forces: 0.02 }, random);
    const { variances, squares } = witnessOf(frames, none, 1, 1e-8);
    expect(squares[0]).toBe(300);
    expect(Math.abs(Math.sqrt(variances[0]) / 0.02 - 1)).toBeLessThan(4 / Math.sqrt(600));
    const quiet = silicon(20, '', { forces: 0.02, withoutDrift: true }, random);
    expect(Array.from(witnessOf(quiet, none, 1, 1e-8).variances)).toEqual([0]);
  });

  test('net forces that are no noise: one atom in each cell is held, and has no force', () => {
    const frames = silicon(30, 'held', { forces: 0.01 }, random);
    const labelled = frames.map((frame) => ({
      ...frame,
      labels: { forces: frame.labels.forces!.map((f, c) => (c < 3 ? 5 : f)) },
    }));
    // What a potential leaves that does not feel the 5 eV/Å: all but nothing on the other atoms.
    const residuals = {
      ...{ components: 3, spreads: new Float64Array(8), species: new Int32Array(8), features: new Float64Array(8) },
      ...{ squares: new Float64Array(8).fill(1e-4), groups: new Int32Array(8), frames: new Int32Array(8) },
      heldOut: Uint8Array.of(0, 0, 0, 0, 1, 1, 1, 1),
    };
    const shown = witnessOf(labelled, none, 1, 1e-8);
    expect(shown.variances[0]).toBeGreaterThan(1);
    expect(credible(shown, residuals).variances[0]).toBe(0);
    const honest = witnessOf(frames, none, 1, 1e-8);
    expect(credible(honest, residuals)).toEqual(honest);
  });

  test('torques of molecules, which show what a program that removes the drift leaves', () => {
    const frames = Array.from({ length: 200 }, (_, index) => {
      const positions = Float64Array.from({ length: 15 }, () => 2 * random.normal());
      const forces = positions.map(() => 0.03 * random.normal());
      for (let a = 0; a < 3; a++) {
        let sum = 0;
        for (let c = a; c < 15; c += 3) sum += forces[c];
        for (let c = a; c < 15; c += 3) forces[c] -= sum / 5;
      }
      return frameOf(createStructure(['C', 'C', 'C', 'C', 'C'], positions), '', index, { forces });
    });
    const { variances, squares } = witnessOf(frames, none, 1, 1e-8);
    expect(squares[0]).toBe(600);
    expect(Math.abs(Math.sqrt(variances[0]) / 0.03 - 1)).toBeLessThan(4 / Math.sqrt(1200));
  });

  test('atoms alone and on a line have torques that say nothing', () => {
    const line = createStructure(['C', 'O'], [0, 0, 0, 0, 0, 1.1]);
    const frames = [frameOf(line, '', 0, { forces: Float64Array.of(0.3, 0, 1, -0.3, 0, -1) })];
    expect(Array.from(witnessOf(frames, none, 1, 1e-8).variances)).toEqual([0]);
  });
});
