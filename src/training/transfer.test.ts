import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseExtxyz } from '../data/extxyz/read.ts';
import { createSimdKernel } from '../kernels/simd/kernel.ts';
import { foldingOf, type Model } from '../model/model.ts';
import { randomModel } from '../model/testing-model.ts';
import { createEngine } from '../node/engine.ts';
import { createRandom } from '../random.ts';
import { levelOf, pretraining, targetTraining } from './levels.ts';
import { prepareFrames } from './prepare.ts';
import { DEFAULT_TRAINING, type TrainingSettings } from './settings.ts';
import { type TrainingInput, type TrainingProgress, train } from './trainer.ts';
import { isOtherLevel, modelSettingsOf, partNames, referenceShift, trainableParts, withShift } from './transfer.ts';

const PATH = new URL('../../data/si8-pbe/si8-pbe.extxyz', import.meta.url).pathname;
const frames = parseExtxyz(readFileSync(PATH), 'si8-pbe.extxyz').filter((f) => f.structure.numbers.length > 1);
const use = { energy: true, forces: true, stress: true };
const prepared = prepareFrames(frames, [14], 4, { source: PATH, use });
// A random model whose zero of energy is that of the data.
const random = randomModel([14], createRandom(4), { sizes: { heads: 2, hidden: [8, 8] } });
const start: Model = withShift(random, referenceShift(random, prepared, await createSimdKernel()).change);
const settings: TrainingSettings = { ...DEFAULT_TRAINING, model: modelSettingsOf(start), epochs: 4, batch: 6 };

async function finish(input: TrainingInput): Promise<{ model: Model; epochs: TrainingProgress[] }> {
  const run = train(input);
  const epochs: TrainingProgress[] = [];
  for (;;) {
    const next = await run.next();
    if (next.done === true) return { model: next.value.model, epochs };
    epochs.push(next.value);
  }
}

const inputOf = async (change: Partial<TrainingInput> = {}): Promise<TrainingInput> => ({
  ...{
    kernel: await createSimdKernel(),
    elements: [14],
    train: prepared.slice(0, 20),
    validation: [],
    settings,
    start,
  },
  ...change,
});

describe('what is kept', () => {
  test.each([[['descriptor']], [['embedding', 'w1', 'skip']], [['readout']], [['coefficients', 'B1', 'c3']]])(
    '%j frozen: not a bit of it moves, and all else does',
    async (frozen) => {
      // A frozen −0 is a trap: adding zero to it would turn its sign.
      const parameters = Float64Array.from(start.parameters);
      for (const { name, offset } of foldingOf(start).layout.blocks) if (name !== 'embedding') parameters[offset] = -0;
      const begun = { ...start, parameters };
      const trainable = trainableParts(begun, frozen);
      const { model } = await finish(await inputOf({ start: begun, trainable }));
      const moved = model.parameters.map((p, i) => (Object.is(p, parameters[i]) ? 0 : 1));
      expect([...moved]).toEqual([...trainable]);
    },
  );

  test('parts are called by names that the model has; a wrong one gets the nearest', () => {
    expect(partNames(start).slice(0, 4)).toEqual(['descriptor', 'readout', 'embedding', 'coefficients']);
    expect(() => trainableParts(start, ['coeficients'])).toThrow(
      expect.objectContaining({ code: 'unknown-part', hint: 'did you mean "coefficients"?' }),
    );
    expect(() => trainableParts(start, ['embedding', 'coefficients', 'readout'])).toThrow(
      expect.objectContaining({ code: 'nothing-to-train' }),
    );
  });
});

describe('reference energies', () => {
  test('another zero is found to the number, and told from an error of the model', async () => {
    const kernel = await createSimdKernel();
    const { model } = await finish(await inputOf({ kernel, settings: { ...settings, epochs: 40 } }));
    const moved = prepared.map((f) => ({
      ...f,
      system: { ...f.system, energy: f.system.energy + 7.5 * f.system.atoms },
    }));
    const [here, there] = [prepared, moved].map((set) => referenceShift(model, set, kernel));
    expect(there.change[0] - here.change[0]).toBeCloseTo(7.5, 6);
    expect(there.after).toBeCloseTo(here.after, 6);
    expect([isOtherLevel(here), isOtherLevel(there)]).toEqual([false, true]);
    const mended = referenceShift(withShift(model, there.change), moved, kernel);
    expect(mended.before).toBeCloseTo(there.after, 6);
    expect(Math.abs(mended.change[0])).toBeLessThan(1e-6);
  });

  test('without energies nothing is claimed', async () => {
    const bare = prepared.map((f) => ({ ...f, has: { ...f.has, energy: false } }));
    const shift = referenceShift(start, bare, await createSimdKernel());
    expect(shift.change).toEqual(new Float64Array(1));
    expect(isOtherLevel(shift)).toBe(false);
  });
});

describe('replay', () => {
  test('the same bits for 1 and 3 threads; its frames count in the loss, and in no error', async () => {
    const replay = { frames: prepared.slice(40, 47), share: 0.5 };
    const [one, three] = await Promise.all([
      finish(await inputOf({ replay })),
      finish(await inputOf({ replay, kernel: await createEngine(3) })),
    ]);
    expect(three.model.parameters).toEqual(one.model.parameters);
    // Absurd labels in the replay: the training notices, its error report does not at first.
    const absurd = replay.frames.map((f) => ({ ...f, system: { ...f.system, energy: f.system.energy + 1e4 } }));
    const one_ = { ...settings, epochs: 1, rate: 1e-9 };
    const [sane, mad] = await Promise.all([
      finish(await inputOf({ replay, settings: one_ })),
      finish(await inputOf({ replay: { ...replay, frames: absurd }, settings: one_ })),
    ]);
    expect(mad.epochs[0].train.energy).toBeCloseTo(sane.epochs[0].train.energy, 4);
    expect(mad.epochs[0].loss).toBeGreaterThan(100 * sane.epochs[0].loss);
  });

  test('old data that are mixed in are forgotten less', async () => {
    // Old and new are alike, but for the sign of the new forces.
    const lively = prepared.filter(({ system }) => system.forces.some((f) => Math.abs(f) > 0.5));
    const old = lively.slice(0, 24);
    const kernel = await createSimdKernel();
    const base = (
      await finish(await inputOf({ kernel, train: old, start: undefined, settings: { ...settings, epochs: 60 } }))
    ).model;
    const turned = prepared
      .slice(60, 84)
      .map((f) => ({ ...f, system: { ...f.system, forces: f.system.forces.map((x) => -x) } }));
    const noSteps = { ...settings, epochs: 1, rate: 1e-12 };
    const errorOnOld = async (model: Model): Promise<number> =>
      (await finish(await inputOf({ kernel, start: model, validation: old, settings: noSteps }))).epochs[0].validation!
        .forces;
    const tuned = async (change: Partial<TrainingInput>): Promise<number> =>
      errorOnOld(
        (
          await finish(
            await inputOf({ kernel, start: base, train: turned, settings: { ...settings, epochs: 10 }, ...change }),
          )
        ).model,
      );
    const [before, forgot, kept] = [
      await errorOnOld(base),
      await tuned({}),
      await tuned({ replay: { frames: old, share: 0.8 } }),
    ];
    expect(forgot).toBeGreaterThan(2 * before);
    expect(kept).toBeLessThan(0.7 * forgot);
  });
});

test('levels of theory: each has its heads and its zero, and the target starts as the other', async () => {
  const kernel = await createSimdKernel();
  // The other level: the same physics with another zero. Then a target without steps is already right.
  const low = levelOf(prepared.slice(0, 60), prepared.slice(60, 70), 1);
  const high = prepared
    .slice(70, 76)
    .map((f) => ({ ...f, system: { ...f.system, energy: f.system.energy - 30 * f.system.atoms } }));
  const test_ = prepared
    .slice(80, 100)
    .map((f) => ({ ...f, system: { ...f.system, energy: f.system.energy - 30 * f.system.atoms } }));
  const input = await inputOf({ kernel, train: high, validation: test_, start: undefined });
  const first = pretraining({ ...input, settings: { ...settings, epochs: 30 } }, [low]);
  expect(first.settings.model.heads).toBe(2);
  // Validated with the zero that is trained with, which is another one than the model's where there are many elements.
  expect(first.validation[0].referenceEnergies).toEqual(first.train[0].referenceEnergies);
  const trunk = (await finish(first)).model;
  const second = targetTraining({ ...input, settings: { ...settings, epochs: 1, rate: 1e-9 } }, [low], trunk);
  expect(second.start!.shape.heads).toBe(4);
  const { epochs } = await finish(second);
  expect(epochs[0].validation!.forces).toBeLessThan(0.3);
  expect(epochs[0].validation!.energy).toBeLessThan(0.05);
});
