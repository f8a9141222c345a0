import fc from 'fast-check';
import { expect, test } from 'vitest';
import { finish } from '../md/progress.ts';
import { SILICON_LATTICE, stillingerWeber } from '../model/testing.ts';
import { strained } from '../structure/builders.ts';
import { crystal } from '../structure/crystals.ts';
import { GPA } from '../units.ts';
import { type BirchMurnaghan, birchMurnaghanEnergy, equationOfState, fitBirchMurnaghan } from './equation-of-state.ts';

const potential = stillingerWeber();
const silicon = crystal('diamond', ['Si'], SILICON_LATTICE);

test('exact Birch–Murnaghan data give back what they were made of', () => {
  fc.assert(
    fc.property(
      fc.record({
        volume_A3_per_atom: fc.double({ min: 5, max: 40, noNaN: true }),
        energy_eV_per_atom: fc.double({ min: -10, max: 0, noNaN: true }),
        bulk_modulus_GPa: fc.double({ min: 10, max: 500, noNaN: true }),
        bulk_modulus_derivative: fc.double({ min: 2.5, max: 7, noNaN: true }),
      }),
      fc.double({ min: -0.03, max: 0.03, noNaN: true }),
      (curve: BirchMurnaghan, off) => {
        const points = Array.from({ length: 9 }, (_, k) => {
          const volume = curve.volume_A3_per_atom * (1 + off + 0.06 * (k / 4 - 1));
          return { volume_A3_per_atom: volume, energy_eV_per_atom: birchMurnaghanEnergy(curve, volume) };
        });
        const fit = fitBirchMurnaghan(points);
        expect(fit.volume_A3_per_atom / curve.volume_A3_per_atom).toBeCloseTo(1, 8);
        expect(fit.energy_eV_per_atom).toBeCloseTo(curve.energy_eV_per_atom, 10);
        expect(fit.bulk_modulus_GPa / curve.bulk_modulus_GPa).toBeCloseTo(1, 6);
        expect(fit.bulk_modulus_derivative).toBeCloseTo(curve.bulk_modulus_derivative, 4);
      },
    ),
    { numRuns: 100, seed: 1 },
  );
});

test('the curve is Birch’s: pressure and its derivative from numerical derivatives', () => {
  const curve = { volume_A3_per_atom: 20, energy_eV_per_atom: -5, bulk_modulus_GPa: 98, bulk_modulus_derivative: 4.2 };
  const pressure = (v: number): number =>
    -(birchMurnaghanEnergy(curve, v + 1e-3) - birchMurnaghanEnergy(curve, v - 1e-3)) / 2e-3 / GPA;
  const bulk = (v: number): number => (-v * (pressure(v + 1e-2) - pressure(v - 1e-2))) / 2e-2;
  expect(pressure(20)).toBeCloseTo(0, 4);
  expect(bulk(20)).toBeCloseTo(98, 3);
  // Birch 1947: p = (3B₀/2)(y⁷ − y⁵)[1 + ¾(B′ − 4)(y² − 1)], y = (V₀/V)^⅓.
  const y = Math.cbrt(20 / 18);
  expect(pressure(18)).toBeCloseTo(1.5 * 98 * (y ** 7 - y ** 5) * (1 + 0.75 * 0.2 * (y * y - 1)), 4);
});

test('silicon: lattice constant, −4.3366 eV/atom and (C11 + 2 C12)/3 = 101.4 GPa of Stillinger–Weber', async () => {
  const off = strained(silicon, [0.005, 0, 0, 0, 0.005, 0, 0, 0, 0.005]);
  const eos = await finish(equationOfState(off, potential));
  expect(Math.cbrt(8 * eos.volume_A3_per_atom)).toBeCloseTo(SILICON_LATTICE, 3);
  expect(eos.energy_eV_per_atom).toBeCloseTo(-4.3366, 4);
  expect(Math.abs(eos.bulk_modulus_GPa / 101.4 - 1)).toBeLessThan(0.01);
  expect(eos.points).toHaveLength(11);
  expect(eos.fit_rmse_meV_per_atom).toBeLessThan(0.1);
});

test('no minimum in sight, too few points, nonsense', async () => {
  const stretched = strained(silicon, [0.1, 0, 0, 0, 0.1, 0, 0, 0, 0.1]);
  await expect(finish(equationOfState(stretched, potential))).rejects.toThrow(/no minimum between 25/);
  expect(() => fitBirchMurnaghan([{ volume_A3_per_atom: 1, energy_eV_per_atom: 1 }])).toThrow(/1 points/);
  await expect(finish(equationOfState(silicon, potential, { points: 3 }))).rejects.toThrow(/3 volumes/);
});
