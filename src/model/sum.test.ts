import { expect, test } from 'vitest';
import { createReferenceKernel } from '../kernels/reference/kernel.ts';
import { largestDifference } from '../kernels/testing.ts';
import { createRandom } from '../random.ts';
import { rattled } from '../structure/builders.ts';
import { crystal } from '../structure/crystals.ts';
import { buildNeighbourList } from '../structure/neighbours.ts';
import type { Potential } from './potential.ts';
import { shortRangePotential } from './short-range.ts';
import { sumPotentials } from './sum.ts';
import { lennardJones, SILICON_LATTICE, stillingerWeber } from './testing.ts';
import { randomModel } from './testing-model.ts';
import { zblPotential } from './zbl.ts';

const silicon = rattled(crystal('diamond', ['Si'], SILICON_LATTICE), 0.1, createRandom(1));
const parts: Potential[] = [
  stillingerWeber(),
  lennardJones({ elements: [14, 18], sigma: 2, cutoff: 6 }),
  zblPotential([14], { scale: 'angstrom', inner: 1, outer: 3 }),
  shortRangePotential(randomModel([14], createRandom(2)), createReferenceKernel()),
];
const sum = sumPotentials('all', parts);

test('energies, atomic energies, forces and strain gradients add', () => {
  // Each part by itself builds a list for its own cutoff: the sum agrees only if parts ignore what lies beyond it.
  const alone = parts.map((part) => part.evaluate(silicon));
  const all = sum.evaluate(silicon);
  expect(all.energy).toBeCloseTo(
    alone.reduce((total, { energy }) => total + energy, 0),
    8,
  );
  for (const field of ['atomicEnergies', 'forces', 'strainGradient'] as const) {
    const expected = alone[0][field].map((_, c) => alone.reduce((total, part) => total + part[field][c], 0));
    expect(Math.max(...expected.map(Math.abs))).toBeGreaterThan(0.01);
    expect(largestDifference(all[field], expected)).toBeLessThan(1e-9);
  }
});

test.each(parts.map((part) => [part.name, part] as const))('%s ignores pairs beyond its cutoff', (_, part) => {
  const alone = part.evaluate(silicon);
  const far = part.evaluate(silicon, buildNeighbourList(silicon, 8));
  expect(far.energy).toBeCloseTo(alone.energy, 9);
  expect(largestDifference(far.forces, alone.forces)).toBeLessThan(1e-9);
});

test('reaches as far as its longest part and knows the elements that all parts know', () => {
  expect(sum.cutoff).toBe(6);
  expect(sum.elements).toEqual([14]);
  expect(sumPotentials('one', [lennardJones()]).elements).toEqual([18]);
});

test('does not change what a part gave before', () => {
  const kept = parts[0].evaluate(silicon);
  const copy = kept.forces.slice();
  sum.evaluate(silicon);
  expect(kept.forces).toEqual(copy);
});

test('nothing to add, or a list that is too short, is refused', () => {
  expect(() => sumPotentials('none', [])).toThrow(/no parts/);
  expect(() => sum.evaluate(silicon, buildNeighbourList(silicon, 5))).toThrow(
    expect.objectContaining({ code: 'short-neighbours' }),
  );
});
