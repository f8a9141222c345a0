import { expect, test } from 'vitest';
import { lennardJones } from '../model/testing.ts';
import { createRandom } from '../random.ts';
import { strained, supercell } from '../structure/builders.ts';
import { cellVolume } from '../structure/cell.ts';
import { crystal } from '../structure/crystals.ts';
import { massesOf } from '../structure/structure.ts';
import { EV_PER_U, GPA, KB } from '../units.ts';
import { kineticEnergy, maxwellBoltzmann, pressureOf, startMd, temperatureOf } from './state.ts';

const argon = supercell(crystal('fcc', ['Ar'], 5.3), [3, 3, 3]);
const masses = massesOf(argon);

test('thermal velocities: no drift, and on request exactly the temperature asked for', () => {
  const velocities = maxwellBoltzmann(masses, 85, createRandom(1), { exact: true });
  for (let a = 0; a < 3; a++) {
    let momentum = 0;
    for (let i = 0; i < masses.length; i++) momentum += masses[i] * velocities[3 * i + a];
    expect(Math.abs(momentum)).toBeLessThan(1e-12);
  }
  expect(temperatureOf(velocities, masses)).toBeCloseTo(85, 10);
});

test('thermal velocities: components are normal with variance k_B T/m, whatever the mass', () => {
  const mixed = Float64Array.from({ length: 4000 }, (_, i) => (i % 2 === 0 ? 1 : 200));
  const velocities = maxwellBoltzmann(mixed, 300, createRandom(2));
  for (const kind of [0, 1]) {
    let second = 0;
    let fourth = 0;
    for (let i = kind; i < mixed.length; i += 2) {
      for (let c = 3 * i; c < 3 * i + 3; c++) {
        const squared = (velocities[c] ** 2 * mixed[i]) / (KB * 300 * EV_PER_U);
        second += squared / 6000;
        fourth += squared ** 2 / 6000;
      }
    }
    // Standard errors √(2/6000) = 0.018 and √(96/6000) = 0.13; four of them.
    expect(Math.abs(second - 1)).toBeLessThan(0.075);
    expect(Math.abs(fourth - 3)).toBeLessThan(0.5);
  }
});

test('kinetic energy: 1 u at the speed of 300 K', () => {
  const speed = Math.sqrt(3 * KB * 300 * EV_PER_U);
  expect(kineticEnergy(Float64Array.of(speed, 0, 0), Float64Array.of(1))).toBeCloseTo(1.5 * KB * 300, 14);
  // The same speed from SI units: √(3·1.380649e-23·300/1.66053907e-27) m/s = 2735.5 m/s = 0.027355 Å/fs.
  expect(speed).toBeCloseTo(0.027355, 6);
});

test('pressure at rest is −∂E/∂V', () => {
  const potential = lennardJones();
  const energyAt = (linear: number): number =>
    potential.evaluate(strained(argon, [linear, 0, 0, 0, linear, 0, 0, 0, linear])).energy;
  const h = 1e-4;
  const volume = cellVolume(argon.cell);
  const slope = (energyAt(h) - energyAt(-h)) / (volume * ((1 + h) ** 3 - (1 - h) ** 3));
  expect(pressureOf(startMd(argon, potential))).toBeCloseTo(-slope / GPA, 6);
});

test('pressure of atoms too far apart to feel each other is that of an ideal gas', () => {
  const gas = supercell(crystal('fcc', ['Ar'], 20), [2, 2, 2]);
  const velocities = maxwellBoltzmann(massesOf(gas), 500, createRandom(3), { exact: true });
  // 31 of 32 atoms' worth of motion: the centre of mass is at rest.
  const expected = (31 * KB * 500) / cellVolume(gas.cell) / GPA;
  expect(pressureOf(startMd(gas, lennardJones(), { velocities }))).toBeCloseTo(expected, 12);
  expect(pressureOf(startMd({ ...gas, pbc: [true, true, false] }, lennardJones(), { velocities }))).toBeNull();
});

test('bad masses, temperatures and lengths are refused', () => {
  const potential = lennardJones();
  expect(() => maxwellBoltzmann(Float64Array.of(1, 0), 300, createRandom(1))).toThrow(/atom 1 has the mass 0 u/);
  expect(() => maxwellBoltzmann(masses, Number.NaN, createRandom(1))).toThrow(/NaN K/);
  expect(() => startMd(argon, potential, { velocities: new Float64Array(3) })).toThrow(/velocities must hold 324/);
});
