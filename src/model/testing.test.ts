import { describe, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { rattled, strained, supercell } from '../structure/builders.ts';
import { crystal } from '../structure/crystals.ts';
import type { Structure } from '../structure/structure.ts';
import type { Potential } from './potential.ts';
import { lennardJones, lennardJonesPair, SILICON_LATTICE, stillingerWeber } from './testing.ts';

const silicon = crystal('diamond', ['Si'], SILICON_LATTICE);
const argon = crystal('fcc', ['Ar'], 5.3);

describe.each([
  ['Stillinger–Weber', stillingerWeber(), silicon],
  ['Lennard-Jones', lennardJones(), argon],
] as [string, Potential, Structure][])('%s', (_, potential, perfect) => {
  const structure = rattled(perfect, 0.1, createRandom(1));

  test('forces are −∂E/∂r', () => {
    const h = 1e-4; // Å; truncation h²·E‴/6 ≲ 1e-6 eV/Å
    const { forces } = potential.evaluate(structure);
    for (const c of [0, 4, 11]) {
      const energyAt = (move: number): number => {
        const positions = structure.positions.slice();
        positions[c] += move;
        return potential.evaluate({ ...structure, positions }).energy;
      };
      expect(forces[c]).toBeCloseTo(-(energyAt(h) - energyAt(-h)) / (2 * h), 6);
    }
  });

  test('the strain gradient is ∂E/∂ε', () => {
    const h = 1e-5;
    const { strainGradient } = potential.evaluate(structure);
    for (const [a, b] of [
      [0, 0],
      [1, 1],
      [1, 2],
      [0, 1],
    ]) {
      const energyAt = (by: number): number => {
        const strain = new Float64Array(9);
        strain[3 * a + b] += by / 2;
        strain[3 * b + a] += by / 2;
        return potential.evaluate(strained(structure, strain)).energy;
      };
      expect(strainGradient[3 * a + b]).toBeCloseTo((energyAt(h) - energyAt(-h)) / (2 * h), 5);
    }
  });

  test('another image, another supercell, the same energy', () => {
    const { energy } = potential.evaluate(structure);
    expect(potential.evaluate(supercell(structure, [2, 1, 3])).energy).toBeCloseTo(6 * energy, 9);
  });
});

test('silicon of Stillinger and Weber: a = 5.431 Å, −4.3366 eV/atom (their paper), and at its minimum', () => {
  expect(SILICON_LATTICE).toBeCloseTo(5.431, 3);
  const { energy, strainGradient } = stillingerWeber().evaluate(silicon);
  expect(energy / 8).toBeCloseTo(-2 * 2.1683, 4);
  for (const g of strainGradient) expect(Math.abs(g)).toBeLessThan(1e-4);
});

test('a pair of argon atoms: the sum of both halves is the textbook curve', () => {
  const r = 3.4 * 2 ** (1 / 6);
  const pair: Structure = {
    numbers: Int32Array.of(18, 18),
    positions: Float64Array.of(0, 0, 0, r, 0, 0),
    cell: new Float64Array(9),
    pbc: [false, false, false],
  };
  expect(lennardJones().evaluate(pair).energy).toBeCloseTo(-0.0104, 12);
  expect(lennardJonesPair(3.4, 1, 3.4)[0]).toBeCloseTo(0, 12);
});
