import { describe, expect, test } from 'vitest';
import type { Potential } from '../model/potential.ts';
import { SILICON_LATTICE, stillingerWeber } from '../model/testing.ts';
import { createRandom } from '../random.ts';
import { supercell } from '../structure/builders.ts';
import { crystal } from '../structure/crystals.ts';
import { massesOf, type Structure } from '../structure/structure.ts';
import { EV_PER_U, KB } from '../units.ts';
import { conservedDrift } from './drift.ts';
import { type Integrator, langevin, velocityVerlet } from './integrators.ts';
import { type MdSample, runMd } from './run.ts';
import { kineticEnergy, type MdState, maxwellBoltzmann, startMd } from './state.ts';

const potential = stillingerWeber();
const silicon = supercell(crystal('diamond', ['Si'], SILICON_LATTICE), [2, 2, 2]);
const masses = massesOf(silicon);
const hot = (seed: number): MdState =>
  startMd(silicon, potential, { velocities: maxwellBoltzmann(masses, 600, createRandom(seed), { exact: true }) });

async function conserved(state: MdState, integrator: Integrator, steps: number): Promise<MdSample[]> {
  const samples: MdSample[] = [];
  for await (const sample of runMd(state, potential, { integrator, steps })) samples.push(sample);
  return samples;
}

/** Standard deviation of the conserved energy, meV/atom. */
function fluctuation(samples: readonly MdSample[]): number {
  const mean = samples.reduce((sum, s) => sum + s.conservedEnergy, 0) / samples.length;
  const squares = samples.reduce((sum, s) => sum + (s.conservedEnergy - mean) ** 2, 0);
  return (Math.sqrt(squares / samples.length) / masses.length) * 1e3;
}

describe('velocity Verlet', () => {
  test('the energy fluctuates ∝ timestep², and does not drift', async () => {
    const errors: number[] = [];
    for (const timestep of [0.5, 1, 2]) {
      const samples = await conserved(hot(1), velocityVerlet(timestep), 400 / timestep);
      errors.push(fluctuation(samples));
      const drift = conservedDrift(samples, masses.length);
      // What is left of the fluctuations in a line through 0.4 ps, with room: no steady heating.
      expect(Math.abs(drift.drift_meV_per_atom_per_ps)).toBeLessThan((10 * fluctuation(samples)) / 0.4);
    }
    expect(errors[1] / errors[0]).toBeGreaterThan(3.6);
    expect(errors[1] / errors[0]).toBeLessThan(4.4);
    expect(errors[2] / errors[1]).toBeGreaterThan(3.6);
    expect(errors[2] / errors[1]).toBeLessThan(4.4);
  });

  test('with all velocities reversed it goes back to where it came from', async () => {
    const start = hot(2);
    const there = (await conserved(start, velocityVerlet(1), 100)).at(-1)!.state;
    const turned = { ...there, velocities: there.velocities.map((v) => -v) };
    const back = (await conserved(turned, velocityVerlet(1), 100)).at(-1)!.state;
    back.structure.positions.forEach((r, c) => {
      expect(Math.abs(r - silicon.positions[c])).toBeLessThan(1e-10);
    });
  });
});

describe('Langevin', () => {
  test('temperature and equipartition among unequal masses', async () => {
    const target = 500;
    const mixed = Float64Array.from(masses, (m, i) => (i % 2 === 0 ? m : m / 3));
    const random = createRandom(3);
    const velocities = maxwellBoltzmann(mixed, target, random);
    const integrator = langevin(1.5, { temperature: target, friction: 0.05, random });
    const state = startMd(silicon, potential, { velocities, masses: mixed });
    const temperature: number[] = [];
    const light: number[] = [];
    const kinetic = (i: number, s: MdState): number =>
      kineticEnergy(s.velocities.subarray(3 * i, 3 * i + 3), mixed.subarray(i, i + 1));
    for await (const sample of runMd(state, potential, { integrator, steps: 3000, every: 5 })) {
      if (sample.step < 300) continue;
      temperature.push(sample.temperature);
      let share = 0;
      for (let i = 1; i < mixed.length; i += 2) share += kinetic(i, sample.state);
      light.push(share / (1.5 * KB * (mixed.length / 2)));
    }
    for (const values of [temperature, light]) {
      const { mean, error } = blockAverage(values, 12);
      expect(error).toBeLessThan(12);
      expect(Math.abs(mean - target)).toBeLessThan(4 * error);
    }
  });

  test('energy minus heat is conserved as well as energy is without a thermostat', async () => {
    const samples = await conserved(
      hot(4),
      langevin(1, { temperature: 600, friction: 0.01, random: createRandom(5) }),
      400,
    );
    const bare = await conserved(hot(4), velocityVerlet(1), 400);
    const energies = samples.map((s) => s.potentialEnergy + s.kineticEnergy);
    expect(fluctuation(samples)).toBeLessThan(3 * fluctuation(bare));
    expect(Math.max(...energies) - Math.min(...energies)).toBeGreaterThan(1);
  });

  test('positions in a harmonic well are sampled exactly, even with a coarse timestep', () => {
    const stiffness = 5; // eV/Å²
    const atoms = 50;
    const structure: Structure = {
      numbers: new Int32Array(atoms).fill(14),
      positions: new Float64Array(3 * atoms),
      cell: new Float64Array(9),
      pbc: [false, false, false],
    };
    const random = createRandom(6);
    const mass = massesOf(structure)[0];
    // ω·timestep = 1.2: velocity Verlet would sample 1/(1 − 1.2²/4) = 1.56 times too wide.
    const timestep = 1.2 / Math.sqrt((stiffness * EV_PER_U) / mass);
    const integrator = langevin(timestep, { temperature: 300, friction: 0.3 / timestep, random, freeCentre: true });
    const state: MdState = startMd(structure, well(stiffness), {});
    let sum = 0;
    let count = 0;
    for (let step = 0; step < 4000; step++) {
      integrator.step(state, well(stiffness));
      if (step < 100) continue;
      for (const r of state.structure.positions) sum += r * r;
      count += 3 * atoms;
    }
    // 585,000 values, correlated over some 10 steps: standard error ≈ √(2·10/585000) = 0.6 %.
    expect(Math.abs(sum / count / ((KB * 300) / stiffness) - 1)).toBeLessThan(0.02);
  });

  test('refuses what is no friction, no timestep, no temperature', () => {
    const random = createRandom(1);
    expect(() => langevin(1, { temperature: 300, friction: -1, random })).toThrow(/-1 1\/fs is no friction/);
    expect(() => langevin(1, { temperature: -5, friction: 1, random })).toThrow(/-5 K/);
    expect(() => velocityVerlet(0)).toThrow(/0 fs is no timestep/);
  });
});

/** Every atom tied to the origin by a spring. */
function well(stiffness: number): Potential {
  return {
    name: 'well',
    cutoff: 1e-3,
    elements: [14],
    evaluate: ({ positions }) => {
      let energy = 0;
      for (const r of positions) energy += (stiffness / 2) * r * r;
      return {
        energy,
        atomicEnergies: new Float64Array(positions.length / 3),
        forces: positions.map((r) => -stiffness * r),
        strainGradient: new Float64Array(9),
      };
    },
  };
}

function blockAverage(values: readonly number[], blocks: number): { mean: number; error: number } {
  const length = Math.floor(values.length / blocks);
  const means = Array.from({ length: blocks }, (_, b) => {
    const block = values.slice(b * length, (b + 1) * length);
    return block.reduce((sum, v) => sum + v, 0) / length;
  });
  const mean = means.reduce((sum, m) => sum + m, 0) / blocks;
  const variance = means.reduce((sum, m) => sum + (m - mean) ** 2, 0) / (blocks - 1);
  return { mean, error: Math.sqrt(variance / blocks) };
}
