/** A front in a folder: what is finished is kept, what goes on comes to the same bits, what is wrong is refused. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readModel } from '../src/node/model.ts';
import type { FrontDocument } from '../src/node/pareto-file.ts';
import { choosePoint, openFront, type ParetoRequest, runPareto } from '../src/node/pareto-run.ts';

const DATA = new URL('../data/si8-pbe/si8-pbe.extxyz', import.meta.url).pathname;
const root = mkdtempSync(join(tmpdir(), 'nearsight-pareto-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const model = { radial: 4, lmax: 2 as const, channels: 4, hidden: [8, 8] as const, heads: 1, cutoff: 4.5 };
const requestFor = (name: string, more: Partial<ParetoRequest> = {}): ParetoRequest => ({
  training: { data: [DATA], epochs: 8, threads: 1, settings: { model } },
  ...{ folder: join(root, name), stops: 3, date: '2026-01-01', need: 'knee' },
  ...more,
});

/** Runs to the end, or until so many stops are finished. */
async function run(request: ParetoRequest, until = Number.POSITIVE_INFINITY): Promise<FrontDocument | null> {
  const work = runPareto(request);
  for (;;) {
    const next = await work.next();
    if (next.done === true) return next.value;
    if (next.value.point !== undefined && next.value.stop >= until) {
      await work.return(undefined as never);
      return null;
    }
  }
}

const models = (folder: string): string[] => readdirSync(folder).filter((name) => name.endsWith('.safetensors'));

let whole: FrontDocument;
beforeAll(async () => {
  whole = (await run(requestFor('whole')))!;
});

test('the folder holds all models, their errors, and the chosen one', async () => {
  const folder = join(root, 'whole');
  expect(models(folder)).toEqual([
    ...['chosen.safetensors', 'default.safetensors'],
    ...['point-01.safetensors', 'point-02.safetensors', 'point-03.safetensors'],
  ]);
  expect(whole.points.map(({ name }) => name)).toEqual(['default', 'point-01', 'point-02', 'point-03']);
  for (const point of whole.points) {
    const { provenance, settings } = await readModel(join(folder, point.model));
    expect(provenance.errors.validation).toMatchObject({
      ...{ energy_mae_meV_per_atom: point.energy_mae_meV_per_atom, stress_mae_GPa: point.stress_mae_GPa },
      force_mae_meV_per_A: point.force_mae_meV_per_A,
    });
    expect(settings.training).toMatchObject({ loss: point.weights, epochs: point.epochs });
  }
  const chosen = whole.points.find(({ name }) => name === whole.chosen)!;
  expect(readFileSync(join(folder, 'chosen.safetensors')).equals(readFileSync(join(folder, chosen.model)))).toBe(true);
  expect(JSON.parse(readFileSync(join(folder, 'pareto.json'), 'utf8'))).toEqual(JSON.parse(JSON.stringify(whole)));
  expect(existsSync(join(folder, 'pareto.html')) && existsSync(join(folder, 'pareto.svg'))).toBe(true);
});

test('left in the middle and resumed: the same bytes of every model', async () => {
  const request = requestFor('left');
  expect(await run(request, 1)).toBeNull();
  // Killed while the second stop was written: a file that pareto.json does not know.
  writeFileSync(join(request.folder, 'point-02.safetensors'), 'torn');
  await expect(run(request)).rejects.toMatchObject({ code: 'front-exists' });
  await expect(run({ ...request, resume: true, stops: 4 })).rejects.toMatchObject({ code: 'other-front' });
  const front = (await run({ ...request, resume: true }))!;
  for (const name of models(join(root, 'whole'))) {
    const [a, b] = ['whole', 'left'].map((folder) => readFileSync(join(root, folder, name)));
    expect(a.equals(b), name).toBe(true);
  }
  const untimed = ({ points }: FrontDocument): unknown => points.map(({ seconds: _, ...point }) => point);
  expect(untimed(front)).toEqual(untimed(whole));
});

test('left in the first training and resumed: the same bytes', async () => {
  const base = requestFor('early');
  const request = { ...base, training: { ...base.training, checkpointEvery: 0 } };
  const work = runPareto(request);
  for (let epoch = 0; epoch < 4; ) {
    const next = await work.next();
    if (next.done !== true) epoch = next.value.epoch;
  }
  await work.return(undefined as never);
  expect(existsSync(join(request.folder, 'default.safetensors.checkpoint'))).toBe(true);
  expect(await run({ ...request, resume: true }, 1)).toBeNull();
  const [a, b] = ['whole', 'early'].map((folder) => readFileSync(join(root, folder, 'point-01.safetensors')));
  expect(a.equals(b)).toBe(true);
});

test('a finished front is chosen from again; where no model meets the need there is none', async () => {
  const folder = join(root, 'whole');
  const record = await openFront(folder);
  const lowest = await choosePoint(folder, { ...record, need: { lowest: 'forces', limits: {} } }, '2026-01-02');
  const forces = lowest.points.map((point) => point.force_mae_meV_per_A!);
  expect(lowest.chosen).toBe(lowest.points[forces.indexOf(Math.min(...forces))].name);
  const none = await choosePoint(folder, { ...record, need: { lowest: 'forces', limits: { energy: 1e-6 } } }, '');
  expect(none.chosen).toBeNull();
  expect(existsSync(join(folder, 'chosen.safetensors'))).toBe(false);
  expect((await openFront(folder)).need).toEqual({ lowest: 'forces', limits: { energy: 1e-6 } });
  await choosePoint(folder, { ...record, need: 'knee' }, '');
});

test('what cannot be swept is refused before anything is trained', async () => {
  const { training } = requestFor('');
  const refused = async (more: object, code: string): Promise<void> => {
    const request = requestFor('refused', { training: { ...training, ...more } });
    await expect(run(request)).rejects.toMatchObject({ code });
    expect(existsSync(request.folder)).toBe(false);
  };
  await refused({ holdOut: 0 }, 'no-validation');
  await refused({ settings: { model, loss: { forces: 0, stress: 0 } } }, 'one-objective');

  const unlearned = { ...training, settings: { model, loss: { stress: 0 } } };
  const need = { lowest: 'stress', limits: { energy: 2 } } as const;
  const unmeasured = requestFor('unmeasured', { training: unlearned, need });
  await expect(run(unmeasured)).rejects.toMatchObject({ code: 'no-such-objective' });
  expect(existsSync(unmeasured.folder)).toBe(false);

  const taken = join(root, 'taken');
  writeFileSync(taken, 'a file');
  await expect(run(requestFor('taken'))).rejects.toMatchObject({ code: 'not-a-folder' });
  expect(readFileSync(taken, 'utf8')).toBe('a file');
});

test('going on over another number of epochs is refused', async () => {
  const other = requestFor('whole', { training: { ...requestFor('').training, epochs: 9 }, resume: true });
  await expect(run(other)).rejects.toMatchObject({ code: 'other-front' });
  expect((await run(requestFor('whole', { resume: true })))!.points).toEqual(whole.points);
});

test('stresses of slabs are not learned, and not traded', async () => {
  const slabs = join(root, 'slabs.extxyz');
  writeFileSync(slabs, readFileSync(DATA, 'utf8').replaceAll('pbc="T T T"', 'pbc="T T F"'));
  const training = { ...requestFor('').training, data: [slabs], epochs: 2 };
  const front = (await run(requestFor('slabs', { training, stops: 2 })))!;
  expect(front.objectives).toEqual(['energy', 'forces']);
});

test('a damaged pareto.json, and a model that is gone, are told', async () => {
  const request = requestFor('left');
  unlinkSync(join(request.folder, 'point-01.safetensors'));
  await expect(openFront(request.folder)).rejects.toMatchObject({ code: 'no-model' });
  writeFileSync(join(request.folder, 'pareto.json'), '{"format": "nearsight-pareto", "points": []}');
  await expect(openFront(request.folder)).rejects.toMatchObject({ code: 'bad-front' });
  await expect(openFront(join(root, 'nowhere'))).rejects.toMatchObject({ code: 'no-front' });
});
