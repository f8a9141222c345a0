import { expect, test } from 'vitest';
import { NearsightError } from '../errors.ts';
import type { Potential } from '../model/potential.ts';
import { lennardJones, SILICON_LATTICE, stillingerWeber } from '../model/testing.ts';
import { createRandom } from '../random.ts';
import { supercell } from '../structure/builders.ts';
import { crystal } from '../structure/crystals.ts';
import { massesOf, type Structure } from '../structure/structure.ts';
import { velocityVerlet } from './integrators.ts';
import { finish } from './progress.ts';
import { runMd } from './run.ts';
import { maxwellBoltzmann, startMd } from './state.ts';

const silicon = supercell(crystal('diamond', ['Si'], SILICON_LATTICE), [2, 2, 2]);
const potential = stillingerWeber();
const velocities = maxwellBoltzmann(massesOf(silicon), 300, createRandom(1));
const integrator = velocityVerlet(1);

test('samples at the start, every so many steps, and at the end', async () => {
  const steps: number[] = [];
  const start = startMd(silicon, potential, { velocities });
  const run = runMd(start, potential, { integrator, steps: 25, every: 10 });
  let next = await run.next();
  for (; !next.done; next = await run.next()) steps.push(next.value.step);
  expect(steps).toEqual([0, 10, 20, 25]);
  expect(next.value.step).toBe(25);
  expect(next.value.time).toBe(25);
});

test('forces that are no gradient have no pressure', async () => {
  const pressuresOf = async (used: Potential): Promise<(number | null)[]> => {
    const found: (number | null)[] = [];
    const run = runMd(startMd(silicon, used, { velocities }), used, { integrator, steps: 2 });
    for await (const { pressure } of run) found.push(pressure);
    return found;
  };
  expect(await pressuresOf(potential)).not.toContain(null);
  expect(await pressuresOf({ ...potential, conservative: false })).toEqual([null, null, null]);
});

test('leaves its start as it was, and gives the same bits again', async () => {
  const start = startMd(silicon, potential, { velocities });
  const first = await finish(runMd(start, potential, { integrator, steps: 30 }));
  expect(start.step).toBe(0);
  expect(start.structure.positions).toEqual(silicon.positions);
  expect(start.velocities).toEqual(velocities);
  const second = await finish(runMd(start, potential, { integrator, steps: 30, every: 7 }));
  expect(second.structure.positions).toEqual(first.structure.positions);
  expect(second.velocities).toEqual(first.velocities);
});

test('the list with a skin gives the trajectory of a list built at every step', async () => {
  let builds = 0;
  const counting: Potential = {
    ...potential,
    evaluate: (s, list) => {
      if (list!.builtFor.positions.every((r, c) => r === s.positions[c])) builds++;
      return potential.evaluate(s, list);
    },
  };
  const fast = { velocities: maxwellBoltzmann(massesOf(silicon), 2000, createRandom(2)) };
  const always = startMd(silicon, counting, { ...fast, skin: 0 });
  const seldom = startMd(silicon, counting, { ...fast, skin: 0.6 });
  builds = 0;
  const a = await finish(runMd(always, counting, { integrator, steps: 60 }));
  expect(builds).toBe(60);
  builds = 0;
  const b = await finish(runMd(seldom, counting, { integrator, steps: 60 }));
  expect(builds).toBeGreaterThan(0);
  expect(builds).toBeLessThan(15);
  a.structure.positions.forEach((r, c) => {
    expect(Math.abs(r - b.structure.positions[c])).toBeLessThan(1e-9);
  });
});

test('stops when told to, with the state it has reached', async () => {
  const stop = new AbortController();
  const run = runMd(startMd(silicon, potential, { velocities }), potential, {
    integrator,
    steps: 1000,
    signal: stop.signal,
  });
  let next = await run.next();
  for (; !next.done; next = await run.next()) if (next.value.step === 5) stop.abort();
  expect(next.value.step).toBe(5);
});

test('timers have their turn during a run', async () => {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  await finish(runMd(startMd(silicon, potential, { velocities }), potential, { integrator, steps: 400, every: 400 }));
  clearInterval(timer);
  expect(ticks).toBeGreaterThan(1);
});

test('an atom that would leap is named, with the step', async () => {
  const leaping = velocities.slice();
  leaping[3 * 17 + 1] = 1.5; // Å/fs
  await expectExplosion(
    () => startMd(silicon, potential, { velocities: leaping }),
    potential,
    /step 0: atom 17 would move by 1\.50 Å/,
  );
});

test('atoms at rest that are about to be thrown apart are named before they move', async () => {
  const pair: Structure = {
    numbers: Int32Array.of(18, 18),
    positions: Float64Array.of(0, 0, 0, 1.2, 0, 0),
    cell: new Float64Array(9),
    pbc: [false, false, false],
  };
  await expectExplosion(() => startMd(pair, lennardJones()), lennardJones(), /step 0: atom 0 would move by/);
});

test('a potential that gives NaN after some steps', async () => {
  let calls = 0;
  const failing: Potential = {
    ...potential,
    evaluate(s, list) {
      const evaluation = potential.evaluate(s, list);
      if (++calls === 12) evaluation.forces[3 * 40 + 2] = Number.NaN;
      return evaluation;
    },
  };
  await expectExplosion(
    () => startMd(silicon, failing, { velocities }),
    failing,
    /step 11: atom 40 would move by NaN Å/,
  );
});

test('too hot, and too close', async () => {
  const start = startMd(silicon, potential, { velocities });
  await expectExplosion(() => start, potential, /the temperature is \d+ K, and atom \d+ is the fastest/, {
    maximumTemperature: 50,
  });
  await expectExplosion(() => start, potential, /atoms \d+ and \d+ are 2\.\d+ Å apart/, { minimumDistance: 2.34 });
});

test('two argon atoms shot at each other with far too long a timestep', async () => {
  const pair: Structure = {
    numbers: Int32Array.of(18, 18),
    positions: Float64Array.of(0, 0, 0, 6, 0, 0),
    cell: new Float64Array(9),
    pbc: [false, false, false],
  };
  const start = startMd(pair, lennardJones(), { velocities: Float64Array.of(0.05, 0, 0, -0.05, 0, 0) });
  await expectExplosion(() => start, lennardJones(), /step 1: the temperature is \d+ K, and atom [01] is/, {}, 15);
});

async function expectExplosion(
  start: () => ReturnType<typeof startMd>,
  driver: Potential,
  message: RegExp,
  limits: { maximumTemperature?: number; minimumDistance?: number } = {},
  timestep: number = 1,
): Promise<void> {
  const run = runMd(start(), driver, { integrator: velocityVerlet(timestep), steps: 100, ...limits });
  const error: unknown = await finish(run).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(NearsightError);
  expect((error as NearsightError).code).toBe('md-exploded');
  expect((error as NearsightError).message).toMatch(message);
}
