import { describe, expect, test } from 'vitest';
import { createReferenceKernel } from '../kernels/reference/kernel.ts';
import { potentialOf } from '../model/load.ts';
import { lennardJones, stillingerWeber } from '../model/testing.ts';
import { fileOf, randomModel } from '../model/testing-model.ts';
import { createRandom } from '../random.ts';
import { crystal } from '../structure/crystals.ts';
import { buildNeighbourList } from '../structure/neighbours.ts';
import type { Structure } from '../structure/structure.ts';
import { evaluateCommittee, modelsCommittee } from './committee.ts';

/** Argon, off its lattice sites. */
function argon(): Structure {
  const random = createRandom(3);
  const perfect = crystal('fcc', ['Ar'], 5.3);
  return { ...perfect, positions: perfect.positions.map((x) => x + 0.2 * random.normal()) };
}

/** Members whose energies are 1, 2 and 6 times that of the first: mean 3, deviation √7 of it. */
const members = [1, 2, 6].map((factor) => lennardJones({ epsilon: 0.01 * factor }));
const structure = argon();
const one = members[0].evaluate(structure);

describe('a committee of models', () => {
  const committee = modelsCommittee(members);

  test('is the mean of its members', () => {
    const { energy, forces, strainGradient, atomicEnergies } = committee.evaluate(structure);
    expect(energy).toBeCloseTo(3 * one.energy, 12);
    for (const [c, f] of forces.entries()) expect(f).toBeCloseTo(3 * one.forces[c], 12);
    for (const [c, g] of strainGradient.entries()) expect(g).toBeCloseTo(3 * one.strainGradient[c], 12);
    expect(atomicEnergies.reduce((p, q) => p + q, 0)).toBeCloseTo(energy, 12);
    expect(committee.members).toBe(3);
  });

  test('has the standard deviation of its members for a spread', () => {
    const { spread } = evaluateCommittee(committee, structure);
    expect(spread.energy).toBeCloseTo(Math.sqrt(7) * Math.abs(one.energy), 12);
    for (const [c, s] of spread.forces.entries()) expect(s).toBeCloseTo(Math.sqrt(7) * Math.abs(one.forces[c]), 12);
  });

  test('has forces that are the gradient of its energy', () => {
    const h = 1e-4; // Å; truncation h²·E‴/6 ≲ 1e-7 eV/Å
    const { forces } = committee.evaluate(structure);
    for (const c of [0, 4, 11]) {
      const at = (shift: number): number => {
        const positions = Float64Array.from(structure.positions);
        positions[c] += shift;
        return committee.evaluate({ ...structure, positions }).energy;
      };
      expect(forces[c]).toBeCloseTo((at(-h) - at(h)) / (2 * h), 6);
    }
  });

  test('reaches as far as the member that reaches farthest, and takes a list that is as long', () => {
    const far = modelsCommittee([lennardJones(), lennardJones({ cutoff: 8 })]);
    expect(far.cutoff).toBe(8);
    const list = buildNeighbourList(structure, 8);
    expect(far.evaluate(structure, list)).toEqual(far.evaluate(structure));
    expect(() => far.evaluate(structure, buildNeighbourList(structure, 7))).toThrow();
  });

  test('is not conservative when one of its members is not', () => {
    expect(committee.conservative).toBeUndefined();
    expect(modelsCommittee([lennardJones(), { ...lennardJones(), conservative: false }]).conservative).toBe(false);
  });

  test('of one has no spread, and of none is refused', () => {
    const { mean, spread } = evaluateCommittee(modelsCommittee([members[2]]), structure);
    expect(mean.energy).toBe(members[2].evaluate(structure).energy);
    expect(spread.energy).toBe(0);
    expect(spread.forces.every((s) => s === 0)).toBe(true);
    expect(() => modelsCommittee([])).toThrowError(expect.objectContaining({ code: 'no-members' }));
  });

  test('of models for different elements is refused by name', () => {
    const mixed = () => modelsCommittee([lennardJones(), lennardJones(), stillingerWeber()]);
    expect(mixed).toThrowError(expect.objectContaining({ code: 'unlike-members' }));
    expect(mixed).toThrowError(/model 3 .* Si, .* Ar/);
  });

  test('counts a model of several heads once, by its mean', () => {
    const kernel = createReferenceKernel();
    const models = [1, 2].map((seed) => {
      const model = randomModel([18], createRandom(seed), { sizes: { heads: 2 } });
      return potentialOf(fileOf(model), kernel);
    });
    const pair = modelsCommittee(models);
    expect(pair.members).toBe(2);
    const energies = pair.evaluateMembers(structure).map(({ energy }) => energy);
    for (const [k, model] of models.entries()) expect(energies[k]).toBe(model.evaluate(structure).energy);
    for (const model of models) model.close();
  });
});

test('the heads of one model: their mean is the potential, and one head has no spread', () => {
  const kernel = createReferenceKernel();
  const spreadOf = (heads: number): { mean: number; whole: number; spread: number } => {
    const potential = potentialOf(fileOf(randomModel([18], createRandom(5), { sizes: { heads } })), kernel);
    const { mean, spread } = evaluateCommittee(potential, structure);
    const whole = potential.evaluate(structure).energy;
    potential.close();
    return { mean: mean.energy, whole, spread: spread.energy };
  };
  const four = spreadOf(4);
  expect(four.mean).toBeCloseTo(four.whole, 9);
  expect(four.spread).toBeGreaterThan(0);
  expect(spreadOf(1).spread).toBe(0);
});
