import { expect, test } from 'vitest';
import { lennardJones, SILICON_LATTICE, stillingerWeber } from '../model/testing.ts';
import { createRandom, type Random } from '../random.ts';
import { supercell } from '../structure/builders.ts';
import { crystal } from '../structure/crystals.ts';
import { massesOf } from '../structure/structure.ts';
import { type MdCheckpoint, mdCheckpoint, resumeMd } from './checkpoint.ts';
import { type Integrator, langevin } from './integrators.ts';
import { finish } from './progress.ts';
import { runMd } from './run.ts';
import { type MdState, maxwellBoltzmann, startMd } from './state.ts';

const potential = stillingerWeber();
const silicon = supercell(crystal('diamond', ['Si'], SILICON_LATTICE), [2, 2, 2]);
// Hot, with a thin skin: the list is rebuilt many times on either side of the checkpoint.
const thermostat = (random: Random): Integrator => langevin(1, { temperature: 2500, friction: 0.02, random });
const start = (random: Random): MdState =>
  startMd(silicon, potential, { velocities: maxwellBoltzmann(massesOf(silicon), 2500, random), skin: 0.3 });
const run = (state: MdState, random: Random, steps: number): Promise<MdState> =>
  finish(runMd(state, potential, { integrator: thermostat(random), steps }));

test.each([1, 37, 64])('resumed after %i steps, a run ends in the same bits', async (interruption) => {
  const random = createRandom(11);
  const whole = await run(start(random), random, 100);

  const before = createRandom(11);
  const half = await run(start(before), before, interruption);
  const stored: MdCheckpoint = structuredClone(mdCheckpoint(half, potential, before));
  const { state, random: after } = resumeMd(stored, potential);
  const resumed = await run(state, after!, 100 - interruption);

  expect(resumed.structure.positions).toEqual(whole.structure.positions);
  expect(resumed.velocities).toEqual(whole.velocities);
  expect(resumed.evaluation).toEqual(whole.evaluation);
  expect([resumed.time, resumed.step, resumed.heat]).toEqual([whole.time, whole.step, whole.heat]);
  expect(after!.state()).toEqual(random.state());
});

test('a list built for the present positions would not do', async () => {
  const random = createRandom(11);
  const half = await run(start(random), random, 37);
  expect(half.neighbours.builtFor.positions).not.toEqual(half.structure.positions);
});

test('refuses another potential, another format, and damage', async () => {
  const random = createRandom(1);
  const checkpoint = mdCheckpoint(start(random), potential, random);
  expect(() => resumeMd(checkpoint, lennardJones({ elements: [14] }))).toThrow(
    /"Stillinger–Weber", not "Lennard-Jones"/,
  );
  expect(() => resumeMd({ ...checkpoint, format: 2 as 1 }, potential)).toThrow(/format 2/);
  expect(() => resumeMd({ ...checkpoint, velocities: new Float64Array(5) }, potential)).toThrow(
    /does not fit together/,
  );
  const velocities = checkpoint.velocities.slice();
  velocities[7] = Number.NaN;
  expect(() => resumeMd({ ...checkpoint, velocities }, potential)).toThrow(/does not fit together/);
});
