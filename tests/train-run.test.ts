/** What a whole training refuses, and what it leaves behind. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
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
