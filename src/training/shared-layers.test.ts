import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseExtxyz } from '../data/extxyz/read.ts';
import { createSimdKernel } from '../kernels/simd/kernel.ts';
import { chooseHeads } from '../model/heads.ts';
import { foldingOf, type Model } from '../model/model.ts';
import { randomModel } from '../model/testing-model.ts';
import { createEngine } from '../node/engine.ts';
import { createRandom } from '../random.ts';
import { decodeCheckpoint, encodeCheckpoint } from './checkpoint-file.ts';
import { prepareFrames } from './prepare.ts';
import { DEFAULT_TRAINING, type ModelSettings, type TrainingSettings } from './settings.ts';
import { firstOfCopies, gatherCopies, sharedLayersOf, spreadCopies, withSharedLayers } from './shared-layers.ts';
import { type TrainingCheckpoint, type TrainingInput, train } from './trainer.ts';

const PATH = new URL('../../data/si8-pbe/si8-pbe.extxyz', import.meta.url).pathname;
const frames = parseExtxyz(readFileSync(PATH), 'si8-pbe.extxyz');
const whole = [{ first: 0, count: 3 }];

const DENSITY: ModelSettings = {
  ...{ radial: 4, lmax: 2, order: 3, channels: 4, hidden: [8, 8], heads: 3, cutoff: 4, onset: 3 },
  sharedLayers: true,
};
const SYMMETRY: ModelSettings = {
  ...{ descriptor: 'symmetry', cutoff: 4, cutoffKind: 'poly2', inner: 0, radial: 4, angular: 1, zetas: [1, 4] },
  ...{ wide: false, weighted: false, hidden: [8, 8], activation: 'tanh' as const, heads: 3, sharedLayers: true },
};

async function inputOf(model: ModelSettings, threads = 1): Promise<TrainingInput> {
  const use = { energy: true, forces: true, stress: true };
  const prepared = prepareFrames(frames, [14], 4, { source: PATH, use });
  const settings: TrainingSettings = { ...DEFAULT_TRAINING, model, epochs: 4, validations: 2, batch: 6 };
  return {
    kernel: threads === 1 ? await createSimdKernel() : await createEngine(threads),
    elements: [14],
    train: prepared.filter((_, i) => i % 4 !== 0),
    validation: prepared.filter((_, i) => i % 4 === 0),
    settings,
  };
}

async function finish(
  input: TrainingInput,
  stopAfter = Number.POSITIVE_INFINITY,
): Promise<{ model: Model; checkpoint: TrainingCheckpoint }> {
  const run = train(input);
  let checkpoint: TrainingCheckpoint | null = null;
  for (;;) {
    const next = await run.next();
    if (next.done === true) return { model: next.value.model, checkpoint: checkpoint! };
    checkpoint = next.value.checkpoint();
    if (next.value.epoch < stopAfter) continue;
    await run.return(undefined as never);
    return { model: checkpoint.model, checkpoint };
  }
}

/** The part of a block that belongs to a head. */
function partOf(model: Model, name: RegExp, head: number): Float64Array {
  const { offset, dimensions } = foldingOf(model).layout.blocks.find((block) => name.test(block.name))!;
  const size = dimensions.reduce((p, q) => p * q, 1) / model.shape.heads;
  return model.parameters.slice(offset + head * size, offset + (head + 1) * size);
}

describe('copies of the hidden layers', () => {
  const model = randomModel([14, 32], createRandom(1), { sizes: { heads: 3 } });
  const shared = withSharedLayers(model, whole);

  test('are found where all heads of a level have them to the last bit, and nowhere else', () => {
    expect(sharedLayersOf(model, whole)).toEqual([]);
    // w1, c1, B1, w2, c2, B2, skip
    expect(sharedLayersOf(shared, whole)).toHaveLength(7);
    expect(sharedLayersOf(shared, [{ first: 1, count: 1 }])).toEqual([]);
    const parameters = Float64Array.from(shared.parameters);
    const { offset } = foldingOf(model).layout.blocks.find(({ name }) => name === 'c2')!;
    parameters[offset] += 1e-15;
    expect(sharedLayersOf({ ...shared, parameters }, whole)).toEqual([]);
  });

  test('belong to one level each', () => {
    const six = withSharedLayers(chooseHeads(model, [0, 1, 2, 1, 0, 2]), [
      { first: 0, count: 3 },
      { first: 3, count: 3 },
    ]);
    for (const head of [0, 1, 2]) expect(partOf(six, /^w1/, head)).toEqual(partOf(model, /^w1/, 0));
    for (const head of [3, 4, 5]) expect(partOf(six, /^w1/, head)).toEqual(partOf(model, /^w1/, 1));
    for (const head of [0, 1, 2]) expect(partOf(six, /^w3/, head)).toEqual(partOf(model, /^w3/, head));
  });

  test('have the sum of their gradients for a gradient', () => {
    const copies = [{ offset: 1, size: 2, count: 3 }];
    const gradient = Float64Array.of(9, 1, 2, 10, 20, 100, 200, 9);
    gatherCopies(copies, gradient);
    expect([...gradient]).toEqual([9, 111, 222, 0, 0, 0, 0, 9]);
    spreadCopies(copies, gradient);
    expect([...gradient]).toEqual([9, 111, 222, 111, 222, 111, 222, 9]);
    expect([...firstOfCopies(copies, 8, undefined)!]).toEqual([1, 1, 1, 0, 0, 0, 0, 1]);
    expect([...firstOfCopies(copies, 8, Uint8Array.of(0, 1, 0, 1, 1, 1, 1, 1))!]).toEqual([0, 1, 0, 0, 0, 0, 0, 1]);
    expect(firstOfCopies([], 8, undefined)).toBeUndefined();
  });
});

describe.each([
  ['density', DENSITY],
  ['symmetry', SYMMETRY],
] as const)('a training with shared layers (%s)', (_, settings) => {
  test('keeps them shared, and last layers apart', async () => {
    const { model } = await finish(await inputOf(settings));
    for (const block of [/^w1/, /^[cb]1/, /^w2/, /^[cb]2/]) {
      expect(partOf(model, block, 1)).toEqual(partOf(model, block, 0));
      expect(partOf(model, block, 2)).toEqual(partOf(model, block, 0));
    }
    expect(partOf(model, /^w3/, 1)).not.toEqual(partOf(model, /^w3/, 0));
    // They learn: they are not where they started.
    const start = (
      await finish({ ...(await inputOf(settings)), settings: { ...(await inputOf(settings)).settings, rate: 1e-12 } })
    ).model;
    expect(partOf(model, /^w1/, 0)).not.toEqual(partOf(start, /^w1/, 0));
  });

  test('ends in the same bits with 3 threads, and resumed from a checkpoint file', async () => {
    const { model } = await finish(await inputOf(settings));
    expect((await finish(await inputOf(settings, 3))).model.parameters).toEqual(model.parameters);
    const { checkpoint } = await finish(await inputOf(settings), 2);
    const stored = decodeCheckpoint(encodeCheckpoint(checkpoint, 'plan'), 'test', 'plan');
    const resumed = await finish({ ...(await inputOf(settings)), checkpoint: stored });
    expect(resumed.model.parameters).toEqual(model.parameters);
  });
});
