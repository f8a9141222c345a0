import { describe, expect, test } from 'vitest';
import type { Potential } from '../model/potential.ts';
import { lennardJones, SILICON_LATTICE, stillingerWeber } from '../model/testing.ts';
import { createRandom } from '../random.ts';
import { rattled, strained, supercell } from '../structure/builders.ts';
import { cellVolume } from '../structure/cell.ts';
import { crystal } from '../structure/crystals.ts';
import { GPA } from '../units.ts';
import { fireStep, startFire } from './fire.ts';
import { finish } from './progress.ts';
import { cellCoordinates, relax } from './relax.ts';

const silicon = crystal('diamond', ['Si'], SILICON_LATTICE);
const potential = stillingerWeber();
const SHEARED = [0.03, 0.01, 0, 0.01, -0.02, 0.015, 0, 0.015, 0.01];

describe('FIRE', () => {
  test('finds the minimum of a narrow valley (condition number 1000) in few steps', () => {
    const stiffness = [20, 20, 20, 0.02, 0.5, 2];
    const x = Float64Array.of(0.5, -0.3, 0.2, 1, -1, 0.7);
    const fire = startFire(6);
    const forces = (): Float64Array => x.map((value, c) => -stiffness[c] * value);
    while (forces().some((f) => Math.abs(f) > 1e-6)) fireStep(fire, x, forces());
    expect(fire.steps).toBeLessThan(450);
  });
});

describe('atoms', () => {
  test('a rattled crystal finds back', async () => {
    const perfect = supercell(silicon, [2, 2, 2]);
    const lost = rattled(perfect, 0.15, createRandom(1));
    const energies: number[] = [];
    const work = relax(lost, potential, { maxForce: 1e-5 });
    let next = await work.next();
    for (; !next.done; next = await work.next()) energies.push(next.value.energy);
    const { converged, evaluation, structure, step } = next.value;
    expect(converged).toBe(true);
    expect(step).toBeLessThan(120);
    expect(evaluation.energy).toBeCloseTo(potential.evaluate(perfect).energy, 7);
    expect(energies[0] - energies.at(-1)!).toBeGreaterThan(1);
    expect(structure.cell).toEqual(lost.cell);
    // The same crystal, shifted as a whole.
    const shift = [0, 1, 2].map((c) => structure.positions[c] - perfect.positions[c]);
    structure.positions.forEach((r, c) => {
      expect(Math.abs(r - perfect.positions[c] - shift[c % 3])).toBeLessThan(1e-5);
    });
  });

  test('gives up after maxSteps and says so; stops when told to; leaves its start alone', async () => {
    const lost = rattled(silicon, 0.1, createRandom(2));
    const before = lost.positions.slice();
    const short = await finish(relax(lost, potential, { maxForce: 1e-9, maxSteps: 5 }));
    expect([short.converged, short.step]).toEqual([false, 5]);
    expect(lost.positions).toEqual(before);
    const stopped = await finish(relax(lost, potential, { signal: AbortSignal.abort() }));
    expect([stopped.converged, stopped.step]).toEqual([false, 0]);
  });

  test('atoms on top of each other are no start, nor is a potential that gives no number', async () => {
    const positions = silicon.positions.slice();
    positions.set(positions.subarray(0, 3), 3);
    await expect(finish(relax({ ...silicon, positions }, potential))).rejects.toThrow(/stand at the same point/);
    const nowhere: Potential = {
      ...potential,
      evaluate: (structure, list) => ({ ...potential.evaluate(structure, list), energy: Number.NaN }),
    };
    await expect(finish(relax(silicon, nowhere))).rejects.toThrow(/the energy is NaN/);
  });
});

describe('cell', () => {
  test('generalised forces are the slope of the enthalpy', () => {
    const pressure = 3 * GPA;
    const start = strained(rattled(silicon, 0.1, createRandom(3)), SHEARED);
    const coordinates = cellCoordinates(start, pressure);
    const random = createRandom(4);
    for (let c = 0; c < 24; c++) coordinates.x[c] += 0.05 * random.normal();
    const cellAt = 24;
    for (const [a, b] of [
      [0, 0],
      [0, 1],
      [2, 2],
      [1, 2],
    ]) {
      const by = 0.2 * random.normal();
      coordinates.x[cellAt + 3 * a + b] += by;
      if (a !== b) coordinates.x[cellAt + 3 * b + a] += by;
    }
    const enthalpy = (): number => {
      const structure = coordinates.structure();
      return potential.evaluate(structure).energy + pressure * cellVolume(structure.cell);
    };
    const forces = coordinates.forces(potential.evaluate(coordinates.structure()));
    const h = 1e-4; // Å
    for (const pair of [[0], [7], [20], [cellAt], [cellAt + 4], [cellAt + 5, cellAt + 7], [cellAt + 2, cellAt + 6]]) {
      const move = (by: number): number => {
        for (const c of pair) coordinates.x[c] += by;
        return enthalpy();
      };
      const slope = (move(h) - move(-2 * h)) / (2 * h);
      move(h);
      const force = pair.reduce((sum, c) => sum + forces[c], 0);
      expect(force).toBeCloseTo(-slope, 5);
    }
  });

  test('a strained, rattled crystal finds back to the lattice constant', async () => {
    const lost = strained(rattled(silicon, 0.05, createRandom(5)), SHEARED);
    const result = await finish(relax(lost, potential, { cell: true, maxForce: 1e-4, maxStress: 1e-3 }));
    expect(result.converged).toBe(true);
    expect(result.step).toBeLessThan(150);
    expect(cellVolume(result.structure.cell)).toBeCloseTo(SILICON_LATTICE ** 3, 2);
    const { cell } = result.structure;
    for (let a = 0; a < 3; a++) {
      expect(Math.hypot(cell[3 * a], cell[3 * a + 1], cell[3 * a + 2])).toBeCloseTo(SILICON_LATTICE, 3);
    }
  });

  test('under pressure the enthalpy is lowest: p = −dE/dV', async () => {
    const argon = crystal('fcc', ['Ar'], 5.3);
    const result = await finish(
      relax(argon, lennardJones(), { cell: true, pressure: 1.5, maxForce: 1e-6, maxStress: 1e-5 }),
    );
    const energyAt = (a: number): number => lennardJones().evaluate(crystal('fcc', ['Ar'], a)).energy;
    const a = Math.cbrt(cellVolume(result.structure.cell));
    const h = 1e-3;
    const slope = (energyAt(a + h) - energyAt(a - h)) / ((a + h) ** 3 - (a - h) ** 3);
    expect(-slope / GPA).toBeCloseTo(1.5, 4);
    expect(result.maxStress).toBeLessThan(1e-5);
  });

  test('takes as many steps for a large cell as for a small one', async () => {
    const steps = async (repeats: number): Promise<number> => {
      const lost = strained(supercell(silicon, [repeats, repeats, repeats]), SHEARED);
      return (await finish(relax(lost, potential, { cell: true, maxForce: 1e-3, maxStress: 1e-2 }))).step;
    };
    expect(await steps(3)).toBeLessThan(1.5 * (await steps(1)));
  });

  test('a slab has no cell to relax', async () => {
    const slab = { ...silicon, pbc: [true, true, false] as const };
    await expect(finish(relax(slab, potential, { cell: true }))).rejects.toThrow(/cannot be relaxed/);
  });
});

test('forces that are no gradient: atoms come to rest, a cell is refused', async () => {
  const start = rattled(crystal('diamond', ['Si'], SILICON_LATTICE), 0.05, createRandom(3));
  const direct = { ...stillingerWeber(), conservative: false } as const;
  expect((await finish(relax(start, direct))).converged).toBe(true);
  await expect(finish(relax(start, direct, { cell: true }))).rejects.toMatchObject({ code: 'forces-no-gradient' });
});
