import { expect, test } from 'vitest';
import type { Frame, Labels } from '../data/dataset.ts';
import { createReferenceKernel } from '../kernels/reference/kernel.ts';
import { largestDifference } from '../kernels/testing.ts';
import { createRandom } from '../random.ts';
import { rattled } from '../structure/builders.ts';
import { cellVolume } from '../structure/cell.ts';
import { crystal } from '../structure/crystals.ts';
import { createStructure, type Structure } from '../structure/structure.ts';
import { predict } from './errors.ts';
import { potentialOf, subtractPart } from './load.ts';
import { shortRangePotential } from './short-range.ts';
import { fileOf, randomModel } from './testing-model.ts';
import { zblPotential } from './zbl.ts';

const kernel = createReferenceKernel();
const dense = rattled(crystal('rocksalt', ['Mg', 'O'], 2.6), 0.1, createRandom(2)); // some pairs below 1.26 Å
const reach = { scale: 'covalent', inner: 0.35, outer: 0.7 } as const;
const plain = fileOf(randomModel([8, 12], createRandom(1)));
const file = { ...plain, parts: { repulsion: { kind: 'zbl', ...reach } } } as const;
const frameOf = (structure: Structure, labels: Labels = {}): Frame => ({
  structure,
  labels,
  group: '',
  info: {},
  arrays: {},
  line: 12,
  index: 3,
});

test('a model file becomes the sum of its parts', () => {
  const whole = potentialOf(file, kernel);
  const learned = shortRangePotential(file.model, kernel).evaluate(dense);
  const repulsion = zblPotential([8, 12], reach).evaluate(dense);
  const both = whole.evaluate(dense);
  expect(repulsion.energy).toBeGreaterThan(0.1);
  expect(both.energy).toBeCloseTo(learned.energy + repulsion.energy, 9);
  expect(
    largestDifference(
      both.forces,
      learned.forces.map((f, c) => f + repulsion.forces[c]),
    ),
  ).toBeLessThan(1e-10);
  expect(whole.name).toBe('short-range + zbl');
  expect(whole.cutoff).toBe(4);
  expect(whole.elements).toEqual([8, 12]);
  whole.close();
});

test('without repulsion: the learned part alone', () => {
  const alone = potentialOf({ ...file, parts: { repulsion: null } }, kernel);
  expect(alone.parts).toHaveLength(1);
  expect(alone.evaluate(dense)).toEqual(shortRangePotential(file.model, kernel).evaluate(dense));
});

test('closing gives the engine back', () => {
  let closed = 0;
  const counting = {
    ...kernel,
    load: (...args: Parameters<typeof kernel.load>) => ({ ...kernel.load(...args), close: () => void closed++ }),
  };
  potentialOf(file, counting).close();
  expect(closed).toBe(1);
});

test('what a part says, taken off the labels of the whole, leaves what the other part says', () => {
  const whole = predict(potentialOf(file, kernel), frameOf(dense));
  const labels = { energy: whole.energy, forces: whole.forces, stress: whole.stress! };
  const [rest] = subtractPart([frameOf(dense, labels)], zblPotential([8, 12], reach));
  const learned = predict(shortRangePotential(file.model, kernel), frameOf(dense));
  expect(rest.labels.energy).toBeCloseTo(learned.energy, 9);
  expect(largestDifference(rest.labels.forces!, learned.forces)).toBeLessThan(1e-9);
  expect(largestDifference(rest.labels.stress!, learned.stress!)).toBeLessThan(1e-10);
  expect(largestDifference(rest.labels.stress!, whole.stress!)).toBeGreaterThan(1e-3);
  expect([rest.structure, rest.line, rest.index]).toEqual([dense, 12, 3]);
});

test('labels that are absent stay absent; a stress without three periods has no meaning', () => {
  const zbl = zblPotential([8, 12], reach);
  expect(subtractPart([frameOf(dense)], zbl)[0].labels).toEqual({});
  expect(Object.keys(subtractPart([frameOf(dense, { energy: 1 })], zbl)[0].labels)).toEqual(['energy']);
  const slab = { ...dense, pbc: [true, true, false] } as const;
  const [rest] = subtractPart([frameOf(slab, { energy: 1, stress: new Float64Array(9) })], zbl);
  expect(Object.keys(rest.labels)).toEqual(['energy']);
});

test('the stress of a prediction is the strain gradient per volume', () => {
  const potential = potentialOf(file, kernel);
  const { stress } = predict(potential, frameOf(dense));
  const { strainGradient } = potential.evaluate(dense);
  expect(stress).toEqual(strainGradient.map((g) => g / cellVolume(dense.cell)));
  expect(predict(potential, frameOf(createStructure(['O'], [0, 0, 0]))).stress).toBeNull();
});

test('a frame that a part cannot evaluate is refused with its place', () => {
  const strange = frameOf(createStructure(['O', 'Si'], [0, 0, 0, 2, 0, 0]));
  expect(() => subtractPart([strange], zblPotential([8]))).toThrow(
    expect.objectContaining({ code: 'unknown-species', place: expect.objectContaining({ line: 12, frame: 3 }) }),
  );
});
