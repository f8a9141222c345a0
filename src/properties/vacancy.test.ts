import { expect, test } from 'vitest';
import { SILICON_LATTICE, stillingerWeber } from '../model/testing.ts';
import { createRandom } from '../random.ts';
import { supercell } from '../structure/builders.ts';
import { crystal } from '../structure/crystals.ts';
import { vacancyEnergy } from './vacancy.ts';

const potential = stillingerWeber();

test('silicon of Stillinger and Weber: 2ε = 4.337 eV before, 2.82 eV after the neighbours have moved in', async () => {
  const silicon = supercell(crystal('diamond', ['Si'], SILICON_LATTICE), [2, 2, 2]);
  const result = await vacancyEnergy(silicon, potential, createRandom(1), { atom: 5 });
  // Removing an atom breaks four bonds of ε each and saves its cohesive energy of 2ε. That state is metastable.
  expect(result.unrelaxed_energy_eV).toBeCloseTo(2 * 2.1683, 3);
  // Balamane, Halicioglu & Tiller 1992, doi:10.1103/PhysRevB.46.2250.
  expect(Math.abs(result.formation_energy_eV - 2.82)).toBeLessThan(0.05);
  expect(result.atoms).toBe(64);
});

test('refuses a compound', async () => {
  const salt = crystal('rocksalt', ['Na', 'Cl'], 5.6);
  await expect(vacancyEnergy(salt, potential, createRandom(1))).rejects.toThrow(/2 elements/);
});
