import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Frame } from '../data/dataset.ts';
import { parseExtxyz } from '../data/extxyz/read.ts';
import type { Kernel } from '../kernels/kernels.ts';
import { createReferenceKernel } from '../kernels/reference/kernel.ts';
import { createSimdKernel } from '../kernels/simd/kernel.ts';
import { loadModel } from '../model/model.ts';
import { createEngine } from '../node/engine.ts';
import { createRandom } from '../random.ts';
import { decodeCheckpoint, encodeCheckpoint } from './checkpoint-file.ts';
import { elementsOf, prepareFrames } from './prepare.ts';
import { DEFAULT_TRAINING, type TrainingSettings } from './settings.ts';
import { type TrainingCheckpoint, type TrainingInput, type TrainingResult, train } from './trainer.ts';

const PATH = new URL('../../data/si8-pbe/si8-pbe.extxyz', import.meta.url).pathname;
const frames: readonly Frame[] = parseExtxyz(readFileSync(PATH), 'si8-pbe.extxyz');

const settings: TrainingSettings = {
  ...DEFAULT_TRAINING,
  model: { radial: 4, lmax: 2, order: 3, channels: 4, hidden: [8, 8], heads: 2, cutoff: 4, onset: 3 },
  epochs: 6,
  validations: 3,
  batch: 6,
};
const use = { energy: true, forces: true, stress: true };

function inputOf(kernel: Kernel, change: Partial<TrainingInput> = {}): TrainingInput {
  const elements = elementsOf(frames);
  const prepared = prepareFrames(frames, elements, settings.model.cutoff, { source: PATH, use });
  return {
    kernel,
    elements,
    train: prepared.filter((_, i) => i % 4 !== 0),
    validation: prepared.filter((_, i) => i % 4 === 0),
    settings,
    ...change,
  };
}

async function finish(
  input: TrainingInput,
  stopAfter = Number.POSITIVE_INFINITY,
): Promise<{ result: TrainingResult | null; checkpoint: TrainingCheckpoint | null }> {
  const run = train(input);
  let checkpoint: TrainingCheckpoint | null = null;
  for (;;) {
    const next = await run.next();
    if (next.done === true) return { result: next.value, checkpoint };
    checkpoint = next.value.checkpoint();
    if (next.value.epoch >= stopAfter) {
      await run.return(undefined as never);
      return { result: null, checkpoint };
    }
  }
}

describe('training', () => {
  test('learns silicon: errors fall well below the spread of the labels', async () => {
    const { result } = await finish(inputOf(await createSimdKernel(), { settings: { ...settings, epochs: 60 } }));
    const last = result!.history.at(-1)!.validation!;
    // The labels spread by 0.9 eV/Å in the forces and 0.15 eV/atom in the energies.
    expect(last.forces).toBeLessThan(0.2);
    expect(last.energy).toBeLessThan(0.02);
    expect(last.stress).toBeLessThan(0.02);
  });

  test('the same bits for 1, 2 and 3 threads, and again', async () => {
    const runs = await Promise.all([createSimdKernel(), createEngine(2), createEngine(3), createSimdKernel()]);
    const [one, ...others] = await Promise.all(
      runs.map(async (kernel) => (await finish(inputOf(kernel))).result!.model.parameters),
    );
    for (const other of others) expect(other).toEqual(one);
  });

  test('both kernels take the same path as far as their precision goes', async () => {
    const adam = { ...settings, epochs: 2, optimiser: { ...settings.optimiser, method: 'adam' as const } };
    const [fast, slow] = await Promise.all(
      [await createSimdKernel(), createReferenceKernel()].map(
        async (kernel) => (await finish(inputOf(kernel, { settings: adam }))).result!.history.at(-1)!,
      ),
    );
    expect(fast.train.forces).toBeCloseTo(slow.train.forces, 3);
    expect(fast.validation!.energy).toBeCloseTo(slow.validation!.energy, 3);
  });

  test('stopped at any epoch and resumed from its checkpoint file: the same bits', async () => {
    const whole = (await finish(inputOf(await createSimdKernel()))).result!;
    for (const stop of [1, 2, 5]) {
      const { checkpoint } = await finish(inputOf(await createSimdKernel()), stop);
      const stored = decodeCheckpoint(encodeCheckpoint(checkpoint!, 'plan'), 'test', 'plan');
      const resumed = (await finish(inputOf(await createSimdKernel(), { checkpoint: stored }))).result!;
      expect(resumed.model.parameters).toEqual(whole.model.parameters);
      expect(resumed.history).toEqual(whole.history);
    }
  });

  test('a checkpoint of another plan, or none at all, is refused', async () => {
    const { checkpoint } = await finish(inputOf(await createSimdKernel()), 1);
    const bytes = encodeCheckpoint(checkpoint!, 'plan');
    expect(() => decodeCheckpoint(bytes, 'file', 'other')).toThrowError(
      expect.objectContaining({ code: 'bad-checkpoint' }),
    );
    expect(() => decodeCheckpoint(bytes.subarray(0, 100), 'file', 'plan')).toThrowError(
      expect.objectContaining({ name: 'NearsightError' }),
    );
  });

  test('a frame that is not labelled, or labelled with no number, is refused by name before the first epoch', () => {
    const elements = [14];
    const prepare = (frame: Frame) => () => prepareFrames([frames[0], frame], elements, 4, { source: 'a.xyz', use });
    const { structure, labels } = frames[3];
    const { energy: _, ...noEnergy } = labels;
    const nan = Float64Array.from(labels.forces!);
    nan[4] = Number.NaN;
    for (const [bad, field] of [
      [{ ...frames[3], labels: noEnergy }, 'energy'],
      [{ ...frames[3], labels: { ...labels, energy: Number.NaN } }, 'energy'],
      [{ ...frames[3], labels: { ...labels, forces: nan } }, 'forces'],
      [{ ...frames[3], structure, labels: { energy: 1 } }, 'forces'],
    ] as const) {
      expect(prepare(bad)).toThrowError(
        expect.objectContaining({
          code: 'unusable-frame',
          place: { path: 'a.xyz', line: frames[3].line, frame: 3, field },
        }),
      );
    }
  });

  test('stops early when the validation gets no better, and keeps the best weights', async () => {
    // Validated on labels of nothing: what is learned can only make them worse.
    const input = inputOf(await createSimdKernel(), {
      settings: { ...settings, epochs: 40, validations: 40, patience: 0.25 },
    });
    const random = createRandom(1);
    const noise = input.validation.map((frame) => ({
      ...frame,
      system: { ...frame.system, energy: 0, forces: frame.system.forces.map(() => 30 * random.normal()) },
    }));
    const { result, checkpoint } = await finish({ ...input, validation: noise });
    expect(checkpoint!.epoch).toBeLessThan(40);
    expect(result!.epoch).toBeLessThanOrEqual(checkpoint!.epoch - 10);
  });

  test('heads of a bootstrap differ more than heads that all learn from the same frames', async () => {
    const kernel = await createSimdKernel();
    const spread = async (bootstrap: 'poisson' | 'none'): Promise<number> => {
      const input = inputOf(kernel, { settings: { ...settings, epochs: 60, bootstrap } });
      const { model } = (await finish(input)).result!;
      const engine = loadModel(model, kernel);
      let square = 0;
      for (const { system } of input.validation) {
        const [one, other] = engine.evaluateHeads(system);
        for (const [c, f] of one.forces.entries()) square += (f - other.forces[c]) ** 2;
      }
      engine.close();
      return square;
    };
    expect(await spread('poisson')).toBeGreaterThan(1.2 * (await spread('none')));
  });

  test('a single head knows no bootstrap', async () => {
    const kernel = await createSimdKernel();
    const single = { ...settings, model: { ...settings.model, heads: 1 } };
    const [on, off] = await Promise.all(
      (['poisson', 'none'] as const).map((bootstrap) =>
        finish(inputOf(kernel, { settings: { ...single, bootstrap } })),
      ),
    );
    expect(on.result!.model.parameters).toEqual(off.result!.model.parameters);
  });

  test('few validations are no reason to stop before the next of them', async () => {
    const few = { ...settings, epochs: 20, validations: 2, patience: 0.3 };
    const { checkpoint } = await finish(inputOf(await createSimdKernel(), { settings: few }));
    expect(checkpoint!.epoch).toBe(20);
  });

  test('a learning rate beyond reason ends in an error, not in a model', async () => {
    const wild = { ...settings, rate: 1e6, clip: 1e30 };
    await expect(finish(inputOf(await createSimdKernel(), { settings: wild }))).rejects.toMatchObject({
      name: 'NearsightError',
    });
  });
});
