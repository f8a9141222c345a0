import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Leakage } from '../curation/index.ts';
import type { LoadedPotential, ModelFile } from '../model/index.ts';

import { createRandom } from '../random.ts';
import { buildNeighbourList, crystal, rattled, type Structure } from '../structure/index.ts';
import { dynamicsPlan } from './report-dynamics.ts';
import { forceSize } from './report-errors.ts';
import { readDataset, writeFrames } from './structures.ts';
import { findTrainingData, namedTrainingData, unflagged } from './training-data.ts';

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
