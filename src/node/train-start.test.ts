import { describe, expect, test } from 'vitest';
import { createSimdKernel } from '../kernels/simd/kernel.ts';
import { fileOf, randomModel } from '../model/testing-model.ts';
import { createRandom } from '../random.ts';
import { createStructure } from '../structure/index.ts';
import { grown } from '../training/grow.ts';
import { checkOldChemistry } from './train-start.ts';

const kernel = await createSimdKernel();
const water = randomModel([1, 8], createRandom(1), { embedding: 4 });
const { model: more, trainable } = grown(water, [6], { adapter: 1 });
const frame = (distance: number) => ({
  structure: createStructure(['O', 'H'], [0, 0, 0, distance, 0, 0]),
  ...{ labels: {}, group: '', info: {}, arrays: {}, line: 1, index: 0 },
});

describe('the promise of a grown model', () => {
  test('holds for frames of the old elements, frames that no model has numbers for, and crystals made up', () => {
    const methane = { ...frame(1), structure: createStructure(['C', 'H'], [0, 0, 0, 1.1, 0, 0]) };
    expect(checkOldChemistry(fileOf(water), fileOf(more), kernel, [frame(1), frame(1e-8), methane])).toBe(6);
  });

  test('a single old parameter that moved is found, without any frame', () => {
    for (const [i, free] of [...trainable].entries()) {
      if (i % 29 !== 0) continue;
      const parameters = more.parameters.map((p, k) => (k === i ? p + 0.1 : p));
      const check = (): number => checkOldChemistry(fileOf(water), fileOf({ ...more, parameters }), kernel, []);
      if (free === 1) expect(check()).toBe(4);
      else expect(check).toThrow('says something new');
    }
  });
});
