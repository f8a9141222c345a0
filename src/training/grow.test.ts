import { describe, expect, test } from 'vitest';
import { atomicNumberOf, symbolOf } from '../elements.ts';
import type { Kernel } from '../kernels/kernels.ts';
import { createReferenceKernel } from '../kernels/reference/kernel.ts';
import { createSimdKernel } from '../kernels/simd/kernel.ts';
import { parameterLayout } from '../model/density-model.ts';
import { potentialOf } from '../model/load.ts';
import { foldedWeights, type Model } from '../model/model.ts';
import { fileOf, randomModel } from '../model/testing-model.ts';
import { createEngine } from '../node/engine.ts';
import { createRandom, type Random } from '../random.ts';
import { createStructure, type Structure } from '../structure/structure.ts';
import { grown } from './grow.ts';
import { prepareFrames } from './prepare.ts';
import { DEFAULT_TRAINING } from './settings.ts';
import { type TrainingInput, train } from './trainer.ts';
import { referenceShift, withShift } from './transfer.ts';

const [Al, Si, Ge] = ['Al', 'Si', 'Ge'].map(atomicNumberOf);

/** A crystal-like box of these elements, at random; distances are at least `least` Å. */
function box(elements: readonly number[], random: Random, least = 1.9): Structure {
  const side = 7.5;
  const positions: number[][] = [];
  while (positions.length < 12) {
    const r = [0, 1, 2].map(() => side * random.uniform());
    const near = positions.some(
      (q) => Math.hypot(...r.map((x, c) => x - q[c] - side * Math.round((x - q[c]) / side))) < least,
    );
    if (!near) positions.push(r);
  }
  const numbers = positions.map((_, i) => symbolOf(elements[i % elements.length]));
  return createStructure(numbers, positions.flat(), [side, 0, 0, 0, side, 0, 0, 0, side]);
}

const bits = (values: ArrayLike<number>): BigUint64Array => new BigUint64Array(Float64Array.from(values).buffer);

/** Everything that a potential with repulsion says of the structures, to the bit. */
function answers(model: Model, kernel: Kernel, structures: readonly Structure[]): BigUint64Array[] {
  const potential = potentialOf(fileOf(model), kernel);
  const all = structures.flatMap((structure) => {
    const { energy, atomicEnergies, forces, strainGradient } = potential.evaluate(structure);
    return [bits([energy]), bits(atomicEnergies), bits(forces), bits(strainGradient)];
  });
  potential.close();
  return all;
}

async function trained(input: TrainingInput): Promise<Model> {
  const run = train(input);
  for (;;) {
    const next = await run.next();
    if (next.done === true) return next.value.model;
  }
}

const sizes = { heads: 2, lmax: 3 as const, hidden: [8, 8] as const };
const KERNELS = [
  ['reference', async () => createReferenceKernel()],
  ['simd', async () => createSimdKernel()],
  ['simd, 2 threads', async () => createEngine(2)],
] as const;

describe.each(KERNELS)('what is said of the old elements (%s)', (_, kernelOf) => {
  // The new element comes first, in the middle or last; the model knows one element or several.
  test.each([
    [[Al, Ge], [Si], 0],
    [[Al, Ge], [Si], 1],
    [[Si], [Al], 1],
    [[Al, Si], [Ge], 0],
    [[Si], [Al, Ge], 2],
  ])('%j grown by %j with an adapter of %i: the same bits before and after training', async (old, added, adapter) => {
    const kernel = await kernelOf();
    const random = createRandom(5);
    const model = randomModel(old, random, { sizes, embedding: 4 });
    // The last one is squeezed: forces of some 30 eV/Å and more, where units of the fixed-point sums change.
    const structures = [box(old, random), box(old, random), box(old, random, 1.2), box([old[0]], random, 0.9)];
    const before = answers(model, kernel, structures);
    const growth = grown(model, added, { adapter });
    expect(answers(growth.model, kernel, structures)).toEqual(before);

    const all = growth.model.elements;
    const frames = Array.from({ length: 6 }, (_, index) => {
      const structure = box(all, random);
      const forces = Float64Array.from(structure.positions, () => random.normal());
      const stress = new Float64Array(9).fill(0.01);
      return { structure, labels: { energy: -1000, forces, stress }, group: '', info: {}, arrays: {}, line: 1, index };
    });
    const use = { energy: true, forces: true, stress: true };
    const prepared = prepareFrames(frames, all, model.shape.cutoff, { source: 'made up', use });
    const added01 = all.map((z) => (added.includes(z) ? 1 : 0));
    const start = withShift(growth.model, referenceShift(growth.model, prepared, kernel, added01).change);
    const { species: __, ...shape } = start.shape;
    const result = await trained({
      ...{ kernel, elements: all, train: prepared, validation: prepared.slice(0, 1), start },
      trainable: growth.trainable,
      settings: { ...DEFAULT_TRAINING, model: shape, epochs: 8, batch: 2, rate: 0.02 },
    });
    expect(answers(result, kernel, structures)).toEqual(before);
    // It did learn something, and only where it may.
    const moved = result.parameters.map((p, i) => (Object.is(p, growth.model.parameters[i]) ? 0 : 1));
    expect(moved.every((m, i) => m === 0 || growth.trainable[i] === 1)).toBe(true);
    expect(moved.reduce((p, q) => p + q, 0)).toBeGreaterThan(0.8 * growth.trainable.reduce((p, q) => p + q, 0));
    expect(answers(result, kernel, [frames[0].structure])).not.toEqual(answers(start, kernel, [frames[0].structure]));
  });
});

test('whatever the unit in which forces add up', async () => {
  // Forces from 2 to 700 eV/Å: the fast kernel changes its unit in between, and must not do so for the new species' sake.
  const kernel = await createSimdKernel();
  const structure = box([Si], createRandom(6));
  const model = randomModel([Si], createRandom(5), { sizes, embedding: 4 });
  const { model: more } = grown(model, [Al, Ge]);
  for (let k = 0; k < 60; k++) {
    const [one, other] = [model, more].map((m) =>
      answers({ ...m, statistics: { ...m.statistics, scale: 2 * 1.1 ** k } }, kernel, [structure]),
    );
    expect(other).toEqual(one);
  }
});

describe('first guess', () => {
  test('an element between two equals is their like: germanium among silicons is silicon', () => {
    const model = randomModel([Si], createRandom(1), { embedding: 3 });
    const { model: both } = grown(model, [Ge]);
    const random = createRandom(2);
    const structure = box([Si], random);
    const replaced = { ...structure, numbers: structure.numbers.map(() => Ge) };
    const kernel = createReferenceKernel();
    const learned = (m: Model, s: Structure): Float64Array => {
      const potential = potentialOf({ ...fileOf(m), parts: { repulsion: null } }, kernel);
      const { forces } = potential.evaluate(s);
      potential.close();
      return forces;
    };
    expect(learned(both, replaced)).toEqual(learned(model, structure));
  });

  test('near elements of the periodic table weigh more', () => {
    const [Mg, P] = ['Mg', 'P'].map(atomicNumberOf);
    const model = randomModel([Mg, P], createRandom(1), { embedding: 1 });
    const at = parameterLayout(model.shape, 1).at.embedding;
    model.parameters.set([0, 1], at);
    const { model: more } = grown(model, [Si]);
    // Group 14 of the third period: one step from P, twelve from Mg.
    expect(more.parameters[at + 1]).toBeCloseTo(144 / 145, 12);
  });

  test('an adapter changes nothing at first', () => {
    const model = randomModel([Al, Ge], createRandom(1), { sizes, embedding: 3 });
    const [without, with1] = [0, 1].map((adapter) => grown(model, [Si], { adapter }).model);
    expect(foldedWeights(with1)).toEqual(foldedWeights(without));
  });
});

test('E0 of a new element is what the frozen model leaves of the energies', () => {
  const random = createRandom(3);
  const kernel = createReferenceKernel();
  const { model } = grown(randomModel([Si], random), [Ge]);
  const potential = potentialOf({ ...fileOf(model), parts: { repulsion: null } }, kernel);
  const frames = Array.from({ length: 4 }, (_, index) => {
    const structure = box([Si, Ge, Si].slice(index % 2), random);
    const ge = structure.numbers.filter((z) => z === Ge).length;
    const energy = potential.evaluate(structure).energy - 3.25 * ge;
    return { structure, labels: { energy }, group: '', info: {}, arrays: {}, line: 1, index };
  });
  potential.close();
  const use = { energy: true, forces: false, stress: false };
  const prepared = prepareFrames(frames, model.elements, model.shape.cutoff, { source: 'made up', use });
  const { change, before, after } = referenceShift(model, prepared, kernel, [0, 1]);
  expect(change[0]).toBe(0);
  expect(change[1]).toBeCloseTo(-3.25, 9);
  expect(before).toBeGreaterThan(1);
  expect(after).toBeLessThan(1e-9);
});

test.each([
  [[Si], 0, 'known-element'],
  [[Ge, Ge], 0, 'known-element'],
  [[Ge], 2, 'adapter-rank'],
  [[Ge], -1, 'adapter-rank'],
])('growing by %j with an adapter of %i is refused: %s', (added, adapter, code) => {
  const model = randomModel([Si], createRandom(1));
  expect(() => grown(model, added, { adapter })).toThrow(expect.objectContaining({ code, hint: expect.any(String) }));
});
