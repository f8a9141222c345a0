import { describe, expect, test } from 'vitest';
import type { Frame } from '../../data/dataset.ts';
import { langevin } from '../../md/integrators.ts';
import { finish } from '../../md/progress.ts';
import { runMd } from '../../md/run.ts';
import { startMd } from '../../md/state.ts';
import { SILICON_LATTICE, stillingerWeber } from '../../model/testing.ts';
import { createRandom } from '../../random.ts';
import { rattled, strained, supercell } from '../../structure/builders.ts';
import { crystal } from '../../structure/crystals.ts';
import { createStructure, massesOf } from '../../structure/structure.ts';
import { EV_PER_U } from '../../units.ts';
import { runChecks } from '../check.ts';
import { isolated } from '../probe.ts';
import { sound } from '../testing.ts';
import { dynamicsChecks, hessianOf, trainingTemperature, vibrations } from './index.ts';

const silicon = crystal('diamond', ['Si'], SILICON_LATTICE);

describe('vibrations', () => {
  test('Stillinger–Weber silicon: the optical mode at Γ, and an acoustic sum rule', async () => {
    const hessian = await hessianOf(silicon, stillingerWeber(), { displacement: 0.01 });
    const { frequencies, highest, lowest, translation } = vibrations(silicon, hessian);
    expect(frequencies.length).toBe(3 * 8 - 3);
    // Published for this potential: 17.8 THz (Broughton & Li 1987, doi:10.1103/PhysRevB.35.9120).
    expect(highest).toBeCloseTo(17.8, 1);
    expect(lowest).toBeGreaterThan(2);
    expect(translation).toBeLessThan(1e-5);
  });

  test('a dimer has one vibration, √(k/μ), whatever its direction', async () => {
    const r = 3.4 * 2 ** (1 / 6);
    const dimer = createStructure(['Ar', 'Ar'], [0, 0, 0, 0.6 * r, 0, 0.8 * r]);
    const { frequencies } = vibrations(dimer, await hessianOf(dimer, sound, { displacement: 0.001 }));
    // Curvature of 4ε[(σ/r)¹² − (σ/r)⁶] at its minimum: 72 ε / r².
    const k = (72 * 0.1) / r ** 2;
    const expected = (Math.sqrt((k * EV_PER_U) / (massesOf(dimer)[0] / 2)) * 1000) / (2 * Math.PI);
    expect(frequencies.length).toBe(1);
    expect(frequencies[0]).toBeCloseTo(expected, 4);
  });

  test('a cluster that is not periodic has six rigid motions', async () => {
    const r = 3.4 * 2 ** (1 / 6);
    const h = r * Math.sqrt(3 / 4);
    const triangle = createStructure(['Ar', 'Ar', 'Ar'], [0, 0, 0, r, 0, 0, r / 2, h, 0]);
    const { frequencies } = vibrations(triangle, await hessianOf(triangle, sound, { displacement: 0.001 }));
    // A triangle of springs: a breathing mode √(3k/m), and two of √(3k/2m).
    expect(frequencies.length).toBe(3);
    expect(frequencies[2] / frequencies[1]).toBeCloseTo(Math.SQRT2, 4);
    expect(frequencies[1] / frequencies[0]).toBeCloseTo(1, 4);
  });
});

describe('checks of a minimum and of dynamics', () => {
  const run = (id: string, context: object) =>
    finish(
      runChecks(
        dynamicsChecks.filter((check) => check.id === id),
        { potential: sound, structures: [crystal('fcc', ['Ar'], 5.3)], seed: 1, precision: 'double', ...context },
      ),
    ).then(([result]) => result);

  test('say why they say nothing', async () => {
    for (const id of ['relaxes-back', 'phonons']) expect((await run(id, {})).reason).toMatch(/known to be a minimum/);
    const atom = { structures: [createStructure(['Ar'], [0, 0, 0])] };
    expect((await run('timestep-order', atom)).verdict).toBe('skipped');
    expect((await run('stability', atom)).verdict).toBe('skipped');
  });

  test('a crystal that is told to be hotter than it bears breaks down, and the check says which run', async () => {
    const cluster = isolated(supercell(crystal('fcc', ['Ar'], 5.3), [2, 2, 2]));
    const result = await run('stability', { structures: [cluster], temperature: 3000 });
    expect(result.verdict).toBe('fail');
    expect(result.reason).toMatch(/NVT at 4500 K: after .* was alone/);
  });
});

describe('the temperature of training frames', () => {
  const rest = supercell(silicon, [2, 1, 1]);
  const frame = (energy: number, forces: Float64Array, group: string, more: Partial<Frame> = {}): Frame => ({
    ...{ structure: rest, labels: { energy, forces }, group },
    ...{ info: {}, arrays: {}, line: 1, index: 0, ...more },
  });
  const moving = new Float64Array(48).fill(1);

  test('is that of the thermostat they came from, to a few tenths', async () => {
    const structure = rest;
    const potential = stillingerWeber();
    const integrator = langevin(1, { temperature: 600, friction: 0.05, random: createRandom(2) });
    const frames: Frame[] = [frame(potential.evaluate(structure).energy, new Float64Array(48), 'rest')];
    for await (const { state, step } of runMd(startMd(structure, potential), potential, {
      integrator,
      steps: 3000,
      every: 100,
    })) {
      if (step > 500) frames.push(frame(state.evaluation.energy, state.evaluation.forces.slice(), 'md'));
    }
    const found = trainingTemperature(frames)!;
    expect([found.group, found.frames, found.from]).toEqual(['md', 25, 'energies']);
    // The ninth of ten frames of 16 atoms, each of which fluctuates by a fifth.
    expect(found.temperature).toBeGreaterThan(550);
    expect(found.temperature).toBeLessThan(1000);
  });

  test.each([
    ['bulk', { description: 'Snapshot 30 of 32 of AIMD NVT simulation at 3374 K' }, 3374],
    ['md_600K_2', { kpoints: '8 8 8' }, 600],
    ['300K', {}, 300],
    ['md', { temperature: 450 }, 450],
  ])('is what the frames say: %s', (group, info, kelvin) => {
    const frames = Array.from({ length: 5 }, () => frame(-70, new Float64Array(48), group, { info }));
    expect(trainingTemperature(frames)).toEqual({ temperature: kelvin, group, frames: 5, from: 'words' });
  });

  test.each(['100 K-points', 'md-1000-3', '2x2x2 cell', '30 KBar'])('"%s" is no temperature', (note) => {
    const frames = Array.from({ length: 5 }, () => frame(-70, new Float64Array(48), 'x', { info: { note } }));
    expect(trainingTemperature(frames)).toBeNull();
  });

  test('the energy of a melt or of a strained cell is no heat', () => {
    const random = createRandom(3);
    const of = (structures: readonly Frame['structure'][]) =>
      trainingTemperature([
        frame(-70, new Float64Array(48), 'rest'),
        ...structures.map((structure, k) => frame(-68 + 0.1 * k, moving, 'x', { structure })),
      ]);
    const five = [0, 1, 2, 3, 4];
    expect(of(five.map(() => rattled(rest, 0.1, random)))?.from).toBe('energies');
    expect(of(five.map(() => rattled(rest, 1.2, random)))).toBeNull();
    const strain = (k: number) => [0.02 * k, 0, 0, 0, 0, 0, 0, 0, 0];
    expect(of(five.map((k) => rattled(strained(rest, strain(k)), 0.1, random)))).toBeNull();
  });

  test('is not made up where nothing moves', () => {
    expect(trainingTemperature([])).toBeNull();
    const still = Array.from({ length: 10 }, (_, k) => frame(-70 + k, new Float64Array(48), 'strained'));
    expect(trainingTemperature(still)).toBeNull();
  });
});
