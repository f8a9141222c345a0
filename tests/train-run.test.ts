/** What a whole training refuses, and what it leaves behind. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { meanHead } from '../src/model/heads.ts';
import type { Model } from '../src/model/model.ts';
import { readModel } from '../src/node/model.ts';
import { readDataset, writeFrames } from '../src/node/structures.ts';
import { checkpointPath, runTraining, type TrainRequest } from '../src/node/train-run.ts';

const DATA = new URL('../data/si8-pbe/si8-pbe.extxyz', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'nearsight-train-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function finish(request: TrainRequest): Promise<void> {
  const run = runTraining(request);
  while ((await run.next()).done !== true);
}

test('frames without a label are refused, and no model is written', async () => {
  const path = join(folder, 'bare.extxyz');
  const { frames } = await readDataset(DATA);
  await writeFrames(
    path,
    frames.map((frame) => ({ ...frame, labels: {} })),
  );
  const out = join(folder, 'bare.safetensors');
  await expect(finish({ data: [path], out, epochs: 1 })).rejects.toMatchObject({ code: 'no-labels' });
  expect(existsSync(out)).toBe(false);
});

test('symmetry functions: one head is trained, four stand in the file, and say in the mean what the one says', async () => {
  const settings = { model: { descriptor: 'symmetry' as const } };
  const heads = async (name: string, request: Partial<TrainRequest>): Promise<Model> => {
    const out = join(folder, name);
    await finish({ data: [DATA], out, epochs: 2, settings, ...request });
    return (await readModel(out)).model;
  };
  const four = await heads('four.safetensors', {});
  const one = await heads('one.safetensors', { settings: { model: { ...settings.model, heads: 1 } } });
  expect([four.shape.heads, one.shape.heads]).toEqual([4, 1]);
  for (const [i, x] of meanHead(four)!.parameters.entries()) expect(x).toBeCloseTo(one.parameters[i], 9);
  // A training that goes on from it keeps what the heads have in common.
  const tuned = await heads('tuned.safetensors', { settings: {}, from: join(folder, 'four.safetensors') });
  expect(tuned.shape.heads).toBe(4);
  expect(meanHead(tuned)).not.toBeNull();
  expect(tuned.parameters).not.toEqual(four.parameters);
});

test('a committee of one is told that it has no spread', async () => {
  const out = join(folder, 'single.safetensors');
  const notes: string[] = [];
  const run = runTraining({ data: [DATA], out, epochs: 1, settings: { model: { heads: 1 } } });
  for (let next = await run.next(); next.done !== true; next = await run.next()) notes.push(next.value.note ?? '');
  expect(notes.join('\n')).toContain('a committee of one has no spread');
});

test('whoever stops listening can resume; who does not ask for it is told of the checkpoint', async () => {
  const out = join(folder, 'left.safetensors');
  const request: TrainRequest = { data: [DATA], out, epochs: 6, checkpointEvery: 0 };
  const run = runTraining(request);
  for (let epoch = 0; epoch < 3; ) {
    const next = await run.next();
    if (next.done === true) break;
    epoch = next.value.epoch;
  }
  await run.return(undefined as never);
  expect(existsSync(checkpointPath(out))).toBe(true);
  await expect(finish(request)).rejects.toMatchObject({ code: 'unfinished-training' });
  await expect(finish({ ...request, epochs: 7, resume: true })).rejects.toMatchObject({ code: 'other-epochs' });
  await finish({ ...request, resume: true });
  expect(existsSync(out)).toBe(true);
  expect(existsSync(checkpointPath(out))).toBe(false);
});
