import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseExtxyz } from '../data/extxyz/read.ts';
import type { Kernel, KernelResult } from '../kernels/kernels.ts';
import { createReferenceKernel } from '../kernels/reference/kernel.ts';
import { createSimdKernel } from '../kernels/simd/kernel.ts';
import { meanHead } from '../model/heads.ts';
import { loadModel, type Model } from '../model/model.ts';
import { shortRangePotential } from '../model/short-range.ts';
import { withBootstrappedHeads } from './last-layer.ts';
import { prepareFrames, type TrainingFrame } from './prepare.ts';
import { DEFAULT_TRAINING, type ModelSettings, type TrainingSettings } from './settings.ts';
import { train } from './trainer.ts';

const PATH = new URL('../../data/si8-pbe/si8-pbe.extxyz', import.meta.url).pathname;
const frames = parseExtxyz(readFileSync(PATH), 'si8-pbe.extxyz');
const use = { energy: true, forces: true, stress: true };
const prepared = prepareFrames(frames, [14], 4, { source: PATH, use });
const learned = prepared.filter((_, i) => i % 4 !== 0);

const DENSITY: ModelSettings = {
  ...{ radial: 4, lmax: 2, order: 3, channels: 4, hidden: [8, 8], heads: 1, cutoff: 4, onset: 3 },
};
const SYMMETRY: ModelSettings = {
  ...{ descriptor: 'symmetry', cutoff: 4, cutoffKind: 'poly2', inner: 0, radial: 4, angular: 1, zetas: [1, 4] },
  ...{ wide: false, weighted: false, hidden: [8, 8], activation: 'tanh' as const, heads: 1 },
};

async function trained(kernel: Kernel, model: ModelSettings): Promise<Model> {
  const settings: TrainingSettings = { ...DEFAULT_TRAINING, model, epochs: 20 };
  const run = train({ kernel, elements: [14], train: learned, validation: [], settings });
  for (;;) {
    const next = await run.next();
    if (next.done === true) return next.value.model;
  }
}

function evaluateAll(model: Model, kernel: Kernel, set: readonly TrainingFrame[]): (readonly KernelResult[])[] {
  const engine = loadModel(model, kernel);
  const results = set.map(({ system }) => engine.evaluateHeads(system));
  engine.close();
  return results;
}

describe.each([
  ['density', DENSITY],
  ['symmetry', SYMMETRY],
] as const)('heads made of one (%s)', (_, sizes) => {
  let kernel: Kernel;
  let one: Model;
  let four: Model;
  const settings = { ...DEFAULT_TRAINING, model: { ...sizes, heads: 4 } };
  beforeAll(async () => {
    kernel = await createSimdKernel();
    one = await trained(kernel, sizes);
    four = withBootstrappedHeads(one, { frames: learned, kernel, settings });
  });

  test('say in the mean what the one head said', () => {
    const reference = createReferenceKernel();
    const set = prepared.slice(0, 4);
    const alone = evaluateAll(one, reference, set);
    for (const [n, heads] of evaluateAll(four, reference, set).entries()) {
      expect(heads).toHaveLength(4);
      for (const part of ['energies', 'forces', 'strainGradient'] as const) {
        for (const [i, value] of alone[n][0][part].entries()) {
          expect(heads.reduce((sum, head) => sum + head[part][i], 0) / 4).toBeCloseTo(value, 9);
        }
      }
    }
  });

  test('have a spread of forces as large as the error on frames that were learned', () => {
    let [error, spread] = [0, 0];
    const results = evaluateAll(four, kernel, learned);
    for (const [n, heads] of results.entries()) {
      for (const [c, target] of learned[n].system.forces.entries()) {
        const mean = heads.reduce((sum, head) => sum + head.forces[c], 0) / 4;
        error += (mean - target) ** 2;
        spread += heads.reduce((sum, head) => sum + (head.forces[c] - mean) ** 2, 0) / 3;
      }
    }
    // A hundred of these frames, drawn at random, settle the size.
    expect(learned.length).toBeGreaterThan(100);
    expect(Math.abs(Math.sqrt(spread / error) - 1)).toBeLessThan(0.1);
  });

  test('are the same again, and others with another seed', () => {
    const again = withBootstrappedHeads(one, { frames: learned, kernel, settings });
    expect(again.parameters).toEqual(four.parameters);
    const other = withBootstrappedHeads(one, { frames: learned, kernel, settings: { ...settings, seed: 2 } });
    expect(other.parameters).not.toEqual(four.parameters);
  });

  test('hardly mind a frame with absurd forces where the training did not', () => {
    const [first, ...rest] = learned;
    const absurd = { ...first, system: { ...first.system, forces: first.system.forces.map((f) => 1e4 * (f + 1)) } };
    const loss = { ...DEFAULT_TRAINING.loss, frameCap: 1 };
    const spreadOf = (set: readonly TrainingFrame[]): number => {
      const heads = withBootstrappedHeads(one, { frames: set, kernel, settings: { ...settings, loss } });
      let square = 0;
      for (const results of evaluateAll(heads, kernel, rest.slice(0, 20))) {
        for (const c of results[0].forces.keys()) {
          const mean = results.reduce((sum, head) => sum + head.forces[c], 0) / 4;
          square += results.reduce((sum, head) => sum + (head.forces[c] - mean) ** 2, 0);
        }
      }
      return Math.sqrt(square);
    };
    // Without the cap it would be some thousand times as much.
    const calm = rest.slice(0, 60);
    expect(spreadOf([absurd, ...calm]) / spreadOf(calm)).toBeLessThan(10);
  });

  test('are one head again when their mean is asked for', () => {
    const mean = meanHead(four)!;
    expect(mean.shape.heads).toBe(1);
    for (const [i, value] of mean.parameters.entries()) expect(value).toBeCloseTo(one.parameters[i], 9);
    expect(meanHead(one)).toBeNull();
    // The potential uses it for the mean, and knows all heads all the same.
    const potential = shortRangePotential(four, kernel);
    const { structure } = frames[5];
    const members = potential.evaluateMembers(structure);
    expect(potential.members).toBe(4);
    expect(members).toHaveLength(4);
    const { energy } = potential.evaluate(structure);
    expect(members.reduce((sum, member) => sum + member.energy, 0) / 4).toBeCloseTo(energy, 3);
    expect(new Set(members.map((member) => member.energy)).size).toBe(4);
    potential.close();
  });
});

test('energies alone are enough to make heads from', async () => {
  const kernel = await createSimdKernel();
  const bare = learned.map((frame) => ({ ...frame, has: { energy: true, forces: false, stress: false } }));
  const one = await trained(kernel, DENSITY);
  const settings = { ...DEFAULT_TRAINING, model: { ...DENSITY, heads: 3 } };
  const three = withBootstrappedHeads(one, { frames: bare, kernel, settings });
  const results = evaluateAll(three, kernel, bare);
  const energies = results.map((heads) => heads.map((head) => head.energies.reduce((p, q) => p + q, 0)));
  expect(energies.every(([a, b, c]) => a !== b && b !== c)).toBe(true);
});
