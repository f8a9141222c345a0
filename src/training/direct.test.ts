import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Frame } from '../data/dataset.ts';
import { parseExtxyz } from '../data/extxyz/read.ts';
import { createSimdKernel } from '../kernels/simd/kernel.ts';
import { shortRangePotential } from '../model/short-range.ts';
import { completeSettings } from './complete.ts';
import { notesOn } from './notes.ts';
import { elementsOf, prepareFrames } from './prepare.ts';
import { DEFAULT_TRAINING, type LossWeights, type TrainingSettings } from './settings.ts';
import { type TrainingResult, train } from './trainer.ts';

const PATH = new URL('../../data/si8-pbe/si8-pbe.extxyz', import.meta.url).pathname;
const frames: readonly Frame[] = parseExtxyz(readFileSync(PATH), 'si8-pbe.extxyz');
const SIZES = { radial: 4, lmax: 2, order: 3, channels: 4, hidden: [8, 8], heads: 2, cutoff: 4, onset: 3 } as const;

async function trained(loss: Partial<LossWeights>): Promise<TrainingResult> {
  const elements = elementsOf(frames);
  const use = { energy: true, forces: true, stress: true };
  const prepared = prepareFrames(frames, elements, SIZES.cutoff, { source: PATH, use });
  const settings: TrainingSettings = {
    ...DEFAULT_TRAINING,
    model: { ...SIZES, directForces: true },
    loss: { ...DEFAULT_TRAINING.loss, ...loss },
    epochs: 60,
    validations: 3,
    batch: 6,
  };
  const run = train({
    kernel: await createSimdKernel(),
    elements,
    train: prepared.filter((_, i) => i % 4 !== 0),
    validation: prepared.filter((_, i) => i % 4 === 0),
    settings,
  });
  for (;;) {
    const next = await run.next();
    if (next.done === true) return next.value;
  }
}

describe('training a direct force head', () => {
  test('learns forces and energies; the penalty holds down the net force of frames it has not seen', async () => {
    const kernel = await createSimdKernel();
    const netForce = ({ model }: TrainingResult): number => {
      const potential = shortRangePotential(model, kernel);
      const squares = frames
        .filter((_, i) => i % 4 === 0)
        .map(({ structure }) => {
          const { forces } = potential.evaluate(structure);
          const sum = (a: number): number => forces.reduce((s, f, c) => (c % 3 === a ? s + f : s), 0);
          return sum(0) ** 2 + sum(1) ** 2 + sum(2) ** 2;
        });
      potential.close();
      return Math.sqrt(squares.reduce((p, q) => p + q, 0) / squares.length);
    };
    const [free, held] = [await trained({ netForce: 0 }), await trained({ netForce: 100 })];
    for (const { history } of [free, held]) {
      const { forces, energy, stress } = history.at(-1)!.validation!;
      // The labels spread by 0.9 eV/Å and 0.15 eV/atom; stress is measured, as what it is.
      expect(forces).toBeLessThan(0.35);
      expect(energy).toBeLessThan(0.03);
      expect(stress).toBeGreaterThan(0);
    }
    expect(netForce(held)).toBeLessThan(0.5 * netForce(free));
  });
});

describe('notes', () => {
  const notes = (model: object, loss: Partial<LossWeights>): string =>
    notesOn(completeSettings({ model, loss }, frames), frames).join('\n');

  test('penalties that are identically zero are said to be so, once', () => {
    expect(notes({}, {})).toBe('');
    expect(notes({}, { netForce: 1, netTorque: 1 })).toMatch(/^netForce and netTorque have no effect: .*gradient/);
    expect(notes({ descriptor: 'symmetry' }, { netTorque: 1 })).toContain('no effect');
  });

  test('a direct force head says what it is, and what is not learned', () => {
    const all = notes({ directForces: true }, { netTorque: 1 });
    expect(all).toContain('no gradient of the energy');
    expect(all).toContain('stress is measured but not learned');
    expect(all).toContain('netTorque has no effect: in periodic frames');
    expect(notes({ directForces: true }, { stress: 0 })).not.toContain('stress');
  });
});
