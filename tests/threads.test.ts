/** The same bits for any number of threads: a training through its files, and dynamics with the model. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { langevin, maxwellBoltzmann, startMd } from '../src/md/index.ts';
import { potentialOf } from '../src/model/index.ts';
import { createEngine } from '../src/node/engine.ts';
import { runTraining, type TrainRunResult } from '../src/node/train-run.ts';
import { createRandom } from '../src/random.ts';
import { crystal, massesOf, rattled, supercell } from '../src/structure/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'nearsight-threads-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function trained(threads: number): Promise<TrainRunResult> {
  const run = runTraining({
    data: [new URL('../data/si8-pbe/si8-pbe.extxyz', import.meta.url).pathname],
    out: join(folder, `${threads}.safetensors`),
    epochs: 15,
    threads,
  });
  for (;;) {
    const next = await run.next();
    if (next.done === true) return next.value;
  }
}

test('1, 2 and 3 threads: the same model file, and the same trajectory', async () => {
  const models = [await trained(1), await trained(2), await trained(3)];
  const files = models.map(({ path }) => readFileSync(path));
  expect(files[1].equals(files[0])).toBe(true);
  expect(files[2].equals(files[0])).toBe(true);

  const start = rattled(supercell(crystal('diamond', ['Si'], 5.47), [4, 4, 4]), 0.02, createRandom(1));
  const ends = await Promise.all(
    [1, 2, 3].map(async (threads) => {
      const potential = potentialOf(models[0].model, await createEngine(threads));
      const random = createRandom(7);
      const velocities = maxwellBoltzmann(massesOf(start), 900, random);
      const state = startMd(start, potential, { velocities });
      const integrator = langevin(1, { temperature: 900, friction: 0.01, random });
      for (let step = 0; step < 150; step++) integrator.step(state, potential);
      potential.close();
      return state;
    }),
  );
  for (const end of ends.slice(1)) {
    expect(end.structure.positions).toEqual(ends[0].structure.positions);
    expect(end.velocities).toEqual(ends[0].velocities);
    expect(end.evaluation.energy).toBe(ends[0].evaluation.energy);
  }
  // It did move.
  expect(ends[0].structure.positions).not.toEqual(start.positions);
});
