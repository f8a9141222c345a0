import { describe, expect, test } from 'vitest';
import { finish } from '../../md/progress.ts';
import { lennardJones, SILICON_LATTICE, stillingerWeber } from '../../model/testing.ts';
import { createRandom } from '../../random.ts';
import { supercell } from '../../structure/builders.ts';
import { crystal } from '../../structure/crystals.ts';
import { createStructure, massesOf } from '../../structure/structure.ts';
import { EV_PER_U, HBAR, KB } from '../../units.ts';
import { debyeDisplacement, einsteinDisplacement } from './amplitudes.ts';
import { oscillatorVariance, vibrating, vibrationsOf } from './vibrations.ts';

const potential = stillingerWeber();
const silicon = supercell(crystal('diamond', ['Si'], SILICON_LATTICE), [1, 1, 2]);

describe('Debye and Einstein', () => {
  test('limits: kT at high, zero-point motion at low temperatures', () => {
    const [mass, theta] = [28.085, 640];
    const classical = (T: number): number => (HBAR * HBAR * EV_PER_U * T) / (mass * KB * theta * theta);
    expect(debyeDisplacement(mass, 1e5, theta) / (3 * classical(1e5))).toBeCloseTo(1, 4);
    expect(einsteinDisplacement(mass, 1e5, theta) / classical(1e5)).toBeCloseTo(1, 4);
    const zero = (HBAR * HBAR * EV_PER_U) / (mass * KB * theta);
    expect(debyeDisplacement(mass, 0, theta)).toBeCloseTo(0.75 * zero, 12);
    expect(debyeDisplacement(mass, 1, theta)).toBeCloseTo(0.75 * zero, 6);
    expect(einsteinDisplacement(mass, 0, theta)).toBeCloseTo(0.5 * zero, 12);
    // (T/Θ)² π²/6 is the first thermal term of the Debye solid.
    const t = 0.01;
    expect(debyeDisplacement(mass, t * theta, theta)).toBeCloseTo(3 * zero * (0.25 + (t * t * Math.PI ** 2) / 6), 10);
  });

  test('copper and silicon at room temperature as neutrons and X-rays see them', () => {
    // B = 8π²⟨u_x²⟩, Å²: Cu 0.55 (Θ 315 K), Si 0.46 (Θ 540 K from scattering); Peng et al. 1996, Acta Cryst. A52, 456.
    const B = (mass: number, theta: number): number => 8 * Math.PI ** 2 * debyeDisplacement(mass, 293, theta);
    expect(B(63.546, 315)).toBeGreaterThan(0.5);
    expect(B(63.546, 315)).toBeLessThan(0.6);
    expect(B(28.085, 540)).toBeGreaterThan(0.4);
    expect(B(28.085, 540)).toBeLessThan(0.55);
  });
});

describe('vibrations', () => {
  test('a diatomic molecule has one, √(k/μ), and no rotation or shift is taken for another', async () => {
    const pair = lennardJones();
    const [r0, h] = [2 ** (1 / 6) * 3.4, 1e-3];
    const at = (r: number) => createStructure(['Ar', 'Ar'], [0, 0, 0, r * 0.6, 0, r * 0.8]);
    const { structure, frequencies, displacements } = await finish(vibrationsOf(at(r0), pair));
    expect(frequencies).toHaveLength(1);
    const r = Math.hypot(...[0, 1, 2].map((c) => structure.positions[3 + c] - structure.positions[c]));
    const [low, mid, high] = [r - h, r, r + h].map((x) => pair.evaluate(at(x)).energy);
    const k = (high - 2 * mid + low) / (h * h);
    const reduced = massesOf(structure)[0] / 2;
    expect(frequencies[0] / Math.sqrt((k / reduced) * EV_PER_U)).toBeCloseTo(1, 3);
    const u = displacements[0];
    for (let c = 0; c < 3; c++) expect(u[c]).toBeCloseTo(-u[3 + c], 9);
  });

  test('silicon: 3N − 3 real ones; the highest near 18 THz, as Stillinger and Weber have it', async () => {
    const { frequencies } = await finish(vibrationsOf(silicon, potential));
    expect(frequencies).toHaveLength(3 * 16 - 3);
    const thz = Array.from(frequencies, (omega) => (omega * 1000) / (2 * Math.PI));
    // The optical mode at Γ of this potential: 17.8 THz (Cowley 1988, doi:10.1103/PhysRevLett.60.2379).
    expect(Math.max(...thz)).toBeGreaterThan(17.3);
    expect(Math.max(...thz)).toBeLessThan(18.3);
    expect(Math.min(...thz)).toBeGreaterThan(2);
  });

  test('classical displacements carry ½kT of potential energy for each mode, by the potential itself', async () => {
    const modes = await finish(vibrationsOf(silicon, potential));
    const rest = potential.evaluate(modes.structure).energy;
    const random = createRandom(3);
    const kelvin = 20;
    const draws = 150;
    let sum = 0;
    for (let k = 0; k < draws; k++) {
      sum += potential.evaluate(vibrating(modes, kelvin, false, random)).energy - rest;
    }
    const freedom = modes.frequencies.length;
    const share = sum / draws / ((freedom * KB * kelvin) / 2);
    // Relative spread √(2/f) of one draw; four standard deviations of the mean.
    expect(Math.abs(share - 1)).toBeLessThan(4 * Math.sqrt(2 / freedom / draws));
  });

  test('⟨u²⟩ is that of the oscillators: ħ/2ω at rest, kT/ω² when hot; the centre of mass stays', async () => {
    const modes = await finish(vibrationsOf(silicon, potential));
    const masses = massesOf(modes.structure);
    const expected = (T: number): number =>
      modes.frequencies.reduce(
        (all, omega, k) =>
          all + oscillatorVariance(omega, T, true) * modes.displacements[k].reduce((s, x) => s + x * x, 0),
        0,
      ) / masses.length;
    const random = createRandom(4);
    for (const kelvin of [0, 300]) {
      let square = 0;
      const draws = 400;
      for (let k = 0; k < draws; k++) {
        const { positions } = vibrating(modes, kelvin, true, random);
        const u = positions.map((r, c) => r - modes.structure.positions[c]);
        square += u.reduce((s, x) => s + x * x, 0) / masses.length / draws;
        const shift = u.reduce((s, x, c) => s + (c % 3 === 0 ? x * masses[c / 3] : 0), 0);
        expect(Math.abs(shift)).toBeLessThan(1e-8);
      }
      expect(Math.abs(square / expected(kelvin) - 1)).toBeLessThan(0.05);
    }
    const omega = modes.frequencies[40];
    expect(oscillatorVariance(omega, 0, true)).toBeCloseTo((HBAR * EV_PER_U) / (2 * omega), 12);
    expect(oscillatorVariance(omega, 1e6, true) / oscillatorVariance(omega, 1e6, false)).toBeCloseTo(1, 4);
  });

  test('simple cubic argon gives way to shears: no vibrations, and the mode is named', async () => {
    const argon = supercell(crystal('sc', ['Ar'], 3.7), [2, 2, 2]);
    await expect(finish(vibrationsOf(argon, lennardJones()))).rejects.toMatchObject({
      code: 'imaginary-modes',
      message: expect.stringMatching(/modes? (is|are) imaginary or too soft, the lowest at [\d.]+i THz \(atom \d+/),
    });
  });
});
