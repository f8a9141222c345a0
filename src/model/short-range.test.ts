import { describe, expect, test } from 'vitest';
import { createReferenceKernel } from '../kernels/reference/kernel.ts';
import { largestDifference } from '../kernels/testing.ts';
import { createRandom } from '../random.ts';
import { permuted, rattled, strained, supercell } from '../structure/builders.ts';
import { crystal } from '../structure/crystals.ts';
import { buildNeighbourList } from '../structure/neighbours.ts';
import { createStructure } from '../structure/structure.ts';
import { shortRangePotential } from './short-range.ts';
import { randomModel } from './testing-model.ts';

const model = randomModel([8, 12], createRandom(1), { sizes: { heads: 2 } });
const potential = shortRangePotential(model, createReferenceKernel());
const oxide = rattled(crystal('rocksalt', ['Mg', 'O'], 4.2), 0.1, createRandom(2));

test('an atom alone has its reference energy and what the readout says of nothing', () => {
  const alone = (symbol: string): number => potential.evaluate(createStructure([symbol], [0, 0, 0])).energy;
  const both = createStructure(['O', 'Mg', 'O'], [0, 0, 0, 4.1, 0, 0, 0, 9, 0]); // farther apart than the cutoff
  expect(potential.evaluate(both).energy).toBeCloseTo(2 * alone('O') + alone('Mg'), 9);

  const referenceEnergies = Float64Array.of(-3, 1000);
  const moved = shortRangePotential({ ...model, referenceEnergies }, createReferenceKernel());
  const before = potential.evaluate(oxide);
  const after = moved.evaluate(oxide);
  const shift = 4 * (-3 - model.referenceEnergies[0]) + 4 * (1000 - model.referenceEnergies[1]);
  expect(after.energy - before.energy).toBeCloseTo(shift, 8);
  expect(after.forces).toEqual(before.forces);
});

test('atomic energies sum to the energy', () => {
  const { energy, atomicEnergies } = potential.evaluate(oxide);
  expect(atomicEnergies.reduce((p, q) => p + q, 0)).toBeCloseTo(energy, 9);
});

describe('derivatives', () => {
  test('forces are −∂E/∂r', () => {
    const h = 1e-4; // Å; truncation h²·E‴/6 ≲ 1e-7 eV/Å, rounding 1e-16·|E|/h ≲ 1e-8
    const { forces } = potential.evaluate(oxide);
    expect(Math.max(...forces.map(Math.abs))).toBeGreaterThan(0.1);
    for (const c of [0, 4, 8, 15, 23]) {
      const energyAt = (move: number): number => {
        const positions = oxide.positions.slice();
        positions[c] += move;
        return potential.evaluate({ ...oxide, positions }).energy;
      };
      expect(forces[c]).toBeCloseTo(-(energyAt(h) - energyAt(-h)) / (2 * h), 5);
    }
  });

  test('the strain gradient is ∂E/∂ε and symmetric', () => {
    const h = 1e-5;
    const { strainGradient } = potential.evaluate(oxide);
    for (const [a, b] of [
      [0, 0],
      [2, 2],
      [0, 1],
      [1, 2],
    ]) {
      const energyAt = (by: number): number => {
        const strain = new Float64Array(9);
        strain[3 * a + b] += by / 2;
        strain[3 * b + a] += by / 2;
        return potential.evaluate(strained(oxide, strain)).energy;
      };
      expect(strainGradient[3 * a + b]).toBeCloseTo((energyAt(h) - energyAt(-h)) / (2 * h), 4);
      expect(strainGradient[3 * a + b]).toBeCloseTo(strainGradient[3 * b + a], 9);
    }
  });
});

test('a supercell has so many times the energy; renumbered atoms have the forces of their old numbers', () => {
  const { energy, forces } = potential.evaluate(oxide);
  expect(potential.evaluate(supercell(oxide, [2, 1, 1])).energy).toBeCloseTo(2 * energy, 8);
  const order = createRandom(3).permutation(8);
  const renumbered = potential.evaluate(permuted(oxide, order));
  expect(renumbered.energy).toBeCloseTo(energy, 9);
  const expected = Float64Array.from({ length: 24 }, (_, c) => forces[3 * order[Math.floor(c / 3)] + (c % 3)]);
  expect(largestDifference(renumbered.forces, expected)).toBeLessThan(1e-10);
});

describe('neighbour lists', () => {
  test('pairs beyond the cutoff are left out', () => {
    const long = buildNeighbourList(oxide, 6.5, { skin: 0.5 });
    const { energy, forces } = potential.evaluate(oxide);
    const other = potential.evaluate(oxide, long);
    expect(other.energy).toBeCloseTo(energy, 9);
    expect(largestDifference(other.forces, forces)).toBeLessThan(1e-10);
  });

  test('a list that is too short or stale is refused', () => {
    const code = (of: string): unknown => expect.objectContaining({ code: of });
    expect(() => potential.evaluate(oxide, buildNeighbourList(oxide, 3.9))).toThrow(code('short-neighbours'));
    const list = buildNeighbourList(oxide, 4, { skin: 0.1 });
    const moved = { ...oxide, positions: oxide.positions.map((x, c) => (c === 5 ? x + 0.2 : x)) };
    expect(() => potential.evaluate(moved, list)).toThrow(code('stale-neighbours'));
    const turned = { ...oxide, numbers: oxide.numbers.map((z) => 20 - z) };
    potential.evaluate(oxide, list);
    expect(() => potential.evaluate(turned, list)).toThrow(code('stale-neighbours'));
  });
});

test('an element that the model has never seen is refused by name', () => {
  const strange = createStructure(['O', 'Si'], [0, 0, 0, 2, 0, 0]);
  expect(() => potential.evaluate(strange)).toThrow(/atom 1 is Si/);
  expect(() => potential.evaluate(strange)).toThrow(expect.objectContaining({ code: 'unknown-species' }));
});
