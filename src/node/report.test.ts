import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Leakage } from '../curation/index.ts';
import type { Frame } from '../data/index.ts';
import type { LoadedPotential, ModelFile } from '../model/index.ts';
import { stillingerWeber } from '../model/testing.ts';

import { createRandom } from '../random.ts';
import { buildNeighbourList, crystal, rattled, type Structure } from '../structure/index.ts';
import { dynamicsPlan } from './report-dynamics.ts';
import { forceSize } from './report-errors.ts';
import { localityReport } from './report-locality.ts';
import { readDataset, writeFrames } from './structures.ts';
import { findTrainingData, namedTrainingData, unflagged } from './training-data.ts';
import { knownMinimum } from './trust.ts';

const folder = mkdtempSync(join(tmpdir(), 'nearsight-report-'));
afterAll(() => rmSync(folder, { recursive: true }));
const silicon = crystal('diamond', ['Si'], 5.43);

const frames = Array.from({ length: 4 }, (_, k) => ({
  structure: rattled(silicon, 0.05, createRandom(k)),
  labels: { energy: -40 - k, forces: new Float64Array(24).fill(k) },
  group: `g${k}`,
  info: {},
  arrays: {},
}));
await writeFrames(join(folder, 'train.extxyz'), frames);
const dataset = await readDataset(join(folder, 'train.extxyz'));
const fileOf = (sha256: string): ModelFile =>
  ({ provenance: { dataset: [{ source: 'train.extxyz', sha256, frames: 4 }] } }) as unknown as ModelFile;

test('training data are found by name and content, and by no name alone', async () => {
  const found = await findTrainingData(fileOf(dataset.sha256), ['/nowhere', folder]);
  expect(found?.map(({ frames: { length } }) => length)).toEqual([4]);
  expect(await findTrainingData(fileOf('0'.repeat(64)), [folder])).toBeNull();
  expect(await findTrainingData(fileOf(dataset.sha256), ['/nowhere'])).toBeNull();
  expect(await namedTrainingData(fileOf(dataset.sha256), [join(folder, 'train.extxyz')])).toHaveLength(1);
  await expect(namedTrainingData(fileOf('0'.repeat(64)), [join(folder, 'train.extxyz')])).rejects.toThrow(
    expect.objectContaining({ code: 'not-training-data' }),
  );
});

test('what is left without relatives keeps its files', () => {
  const leakage = (flagged: readonly number[]): Leakage =>
    ({ flagged: flagged.map((frame) => ({ frame })), distances: new Float64Array(8) }) as unknown as Leakage;
  const left = unflagged([dataset, dataset], leakage([1, 4, 5]));
  expect(left?.map((one) => one.frames.map(({ group }) => group))).toEqual([
    ['g0', 'g2', 'g3'],
    ['g2', 'g3'],
  ]);
  expect(unflagged([dataset, dataset], leakage([]))).toBeNull();
  expect(unflagged([dataset, dataset], leakage([0, 1, 2, 3, 4, 5, 6, 7]))).toBeNull();
});

test('the size of forces is their root mean square', () => {
  expect(forceSize([dataset])).toBeCloseTo(Math.sqrt((0 + 1 + 4 + 9) / 4), 12);
  expect(forceSize([])).toBeUndefined();
});

test('dynamics takes a bounded number of triplets, however far the potential sees', () => {
  const plan = (cutoff: number, structure: Structure = silicon) =>
    dynamicsPlan(
      { potential: { cutoff } as unknown as LoadedPotential, temperature: 300, seed: 1, signal: undefined },
      structure,
    );
  const usual = plan(5);
  expect(usual.structure.numbers.length).toBeGreaterThanOrEqual(500);
  expect([usual.time, usual.equilibration]).toEqual([5000, 1000]);
  for (const cutoff of [8, 12]) {
    const { structure, time } = plan(cutoff);
    const { first } = buildNeighbourList(structure, cutoff);
    const n = first[1] - first[0];
    const work = ((structure.numbers.length * n * (n + 1)) / 2) * (time ?? 0);
    expect(work).toBeLessThan(1.5e6 * 5000);
    expect(structure.numbers.length).toBeGreaterThanOrEqual(32);
    expect(time).toBeGreaterThanOrEqual(100);
  }
});

test('the known minimum is a labelled crystal that feels no force, of lowest energy', () => {
  const of = (energy: number, force: number, pbc: Structure['pbc'] = [true, true, true]): Frame => ({
    ...{ structure: { ...silicon, pbc }, group: '', info: {}, arrays: {}, line: 1 },
    ...{ labels: { energy, forces: new Float64Array(24).fill(force) }, index: 0 },
  });
  const minimum = of(-43, 0.001);
  expect(knownMinimum([of(-42, 0), minimum, of(-44, 0.5), of(-45, 0, [true, true, false])])).toBe(minimum.structure);
  expect(knownMinimum([of(-44, 0.5)])).toBeNull();
});

test('locality: rock salt as a power of the distance, sodium exponentially, a potential to twice its cutoff', async () => {
  const potential = { cutoff: 5, evaluate: stillingerWeber().evaluate } as unknown as LoadedPotential;
  const { outside, data } = await localityReport(potential, silicon, []);
  const [insulator, metal, own] = outside;
  expect(insulator.decay?.better).toBe('power');
  expect(Math.abs(insulator.decay!.power.exponent - 1.5)).toBeLessThan(0.2);
  expect(metal.decay?.better).toBe('exponential');
  expect(Math.abs(metal.decay!.exponential.length - 0.67)).toBeLessThan(0.1);
  expect(own.radius[0]).toBe(4);
  // Stillinger–Weber silicon sees 3.77 Å: beyond 4 Å one feels what moves the neighbours, beyond twice that nothing.
  expect(own.sigma[0]).toBeGreaterThan(1e-5);
  expect(own.sigma[0]).toBeLessThan(1e-3);
  expect(own.sigma[own.radius.indexOf(8)]).toBeLessThan(1e-9);
  expect(data).toBeUndefined();
});
