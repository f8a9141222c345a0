import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseExtxyz } from '../data/extxyz/read.ts';
import { createSimdKernel } from '../kernels/simd/kernel.ts';
import type { Model } from '../model/model.ts';
import { elementsOf, prepareFrames } from './prepare.ts';
import { DEFAULT_LOSS, DEFAULT_TRAINING, type TrainingSettings } from './settings.ts';
import { type TrainingInput, type TrainingResult, train } from './trainer.ts';
import {
  finalWeights,
  OBJECTIVES,
  type ObjectiveWeights,
  type Stop,
  type SweepInput,
  stopEpochs,
  stopSettings,
  sweepWeights,
  weightPath,
} from './weight-sweep.ts';

const CENTRE: ObjectiveWeights = { energy: 30, forces: 1, stress: 0.1 };
/** Logarithms of the weights relative to the centre, without their common factor, in units of the reach. */
function placeOf(weights: ObjectiveWeights, reach: number): number[] {
  const logs = OBJECTIVES.map((name) => Math.log(weights[name] / CENTRE[name]) / Math.log(reach));
  const mean = logs.reduce((p, q) => p + q, 0) / logs.length;
  return logs.map((x) => x - mean);
}
const distance = (a: readonly number[], b: readonly number[]): number => Math.hypot(...a.map((x, k) => x - b[k]));

describe('path of weights', () => {
  test('goes from neighbour to neighbour around the centre, and ends where stresses weigh most', () => {
    fc.assert(
      fc.property(fc.integer({ min: 8, max: 40 }), fc.double({ min: 2, max: 1000, noNaN: true }), (count, reach) => {
        const path = weightPath(CENTRE, OBJECTIVES, count, reach);
        const places = [[0, 0, 0], ...path.map(({ weights }) => placeOf(weights, reach))];
        const radius = Math.max(...places.map((place) => distance(place, places[0])));
        const steps = path.map(({ from }, k) => distance(places[k + 1], places[from]));
        // Neighbours are nearer than the path is wide, and the centre lies amid its stops.
        expect(Math.max(...steps)).toBeLessThan(1.2 * radius);
        const mean = [0, 1, 2].map((k) => places.reduce((sum, place) => sum + place[k], 0) / places.length);
        expect(distance(mean, places[0])).toBeLessThan(0.3 * radius);
        expect(path.map(({ from }) => from)).toEqual(path.map((_, k) => k));
        const shares = path.map(({ weights }) => weights.stress / Math.sqrt(weights.energy * weights.forces));
        expect(shares.indexOf(Math.max(...shares))).toBe(count - 1);
        for (const { weights } of path) expect(weights.forces).toBeCloseTo(CENTRE.forces, 12);
      }),
    );
  });

  test('of two objectives: outwards to both sides, each from the centre; the rest keeps its weight', () => {
    const path = weightPath(CENTRE, ['energy', 'forces'], 5, 100);
    expect(path.map(({ from }) => from)).toEqual([0, 1, 2, 0, 4]);
    const factors = path.map(({ weights }) => weights.energy / CENTRE.energy);
    [100 ** (1 / 3), 100 ** (2 / 3), 100, 0.1, 0.01].forEach((factor, k) => {
      expect(factors[k] / factor).toBeCloseTo(1, 12);
    });
    for (const { weights } of path) expect(weights).toMatchObject({ forces: 1, stress: 0.1 });
    const without = weightPath(CENTRE, ['energy', 'stress'], 2, 10);
    expect(without.map(({ weights }) => weights.energy)).toEqual([30, 30]);
    expect(without[0].weights.stress / 0.1).toBeCloseTo(1 / 10, 12);
  });

  test('one objective cannot be traded', () => {
    expect(() => weightPath(CENTRE, ['forces'], 3)).toThrow(expect.objectContaining({ code: 'one-objective' }));
  });

  test('stops begin with the weights that a training ended with', () => {
    const loss = { ...DEFAULT_LOSS, energyRise: 30 };
    expect(finalWeights(loss)).toEqual({ energy: 900, forces: 1, stress: 0.1 });
    const model: TrainingSettings['model'] = { ...SMALL };
    const stop: Stop = { weights: { energy: 5, forces: 1, stress: 2 }, from: 0 };
    const settings = stopSettings({ ...DEFAULT_TRAINING, model, loss }, stop, 100);
    expect(settings.loss).toMatchObject({ energy: 5, forces: 1, stress: 2, energyRise: 1 });
    expect(settings.epochs).toBe(stopEpochs(100));
    expect(12 * stopEpochs(100)).toBeLessThanOrEqual(4 * 100);
  });
});

const SMALL = {
  ...{ radial: 4, lmax: 2 as const, order: 3 as const, channels: 4, hidden: [8, 8] as const, heads: 1 },
  ...{ cutoff: 4, onset: 3 },
};
const PATH = new URL('../../data/si8-pbe/si8-pbe.extxyz', import.meta.url).pathname;

async function trained(): Promise<{ input: TrainingInput; result: TrainingResult }> {
  const frames = parseExtxyz(readFileSync(PATH), 'si8-pbe.extxyz').filter((_, i) => i % 3 === 0);
  const use = { energy: true, forces: true, stress: true };
  const elements = elementsOf(frames);
  const prepared = prepareFrames(frames, elements, SMALL.cutoff, { source: PATH, use });
  const settings: TrainingSettings = { ...DEFAULT_TRAINING, model: SMALL, epochs: 40, validations: 4, batch: 6 };
  const input: TrainingInput = {
    ...{ kernel: await createSimdKernel(), elements, settings },
    train: prepared.filter((_, i) => i % 4 !== 0),
    validation: prepared.filter((_, i) => i % 4 === 0),
  };
  const run = train(input);
  for (;;) {
    const next = await run.next();
    if (next.done === true) return { input, result: next.value };
  }
}

async function swept(input: SweepInput): Promise<TrainingResult[]> {
  const results: TrainingResult[] = [];
  for await (const step of sweepWeights(input)) if (step.kind === 'stop') results.push(step.result);
  return results;
}

describe('sweep', async () => {
  const { input: training, result } = await trained();
  // Three stops that all start from the centre: what differs is their weights.
  const stops: Stop[] = [
    { weights: { energy: 3000, forces: 1, stress: 0.1 }, from: 0 },
    { weights: { energy: 0.3, forces: 1, stress: 0.001 }, from: 0 },
    { weights: { energy: 30, forces: 1, stress: 30 }, from: 0 },
  ];
  const input: SweepInput = { training, centre: result.model, epochs: 200, stops };

  test('each weight buys its own error at the expense of the others', async () => {
    const ends = (await swept(input)).map(({ history }) => history.at(-1)!.train);
    const best = (name: 'energy' | 'forces' | 'stress'): number =>
      ends.map((errors) => errors[name]).reduce((low, error, k, all) => (error < all[low] ? k : low), 0);
    expect([best('energy'), best('forces'), best('stress')]).toEqual([0, 1, 2]);
  });

  test('the model at the centre is left alone, and a sweep that goes on comes to the same bits', async () => {
    const before = Float64Array.from(result.model.parameters);
    const chain = stops.map((stop, k) => ({ ...stop, from: k }));
    const short = { ...input, epochs: 8, stops: chain };
    const whole = (await swept(short)).map(({ model }) => model);
    expect(result.model.parameters).toEqual(before);
    const finished: readonly Model[] = whole.slice(0, 1);
    const rest = (await swept({ ...short, finished })).map(({ model }) => model);
    expect(rest.map(({ parameters }) => parameters)).toEqual(whole.slice(1).map(({ parameters }) => parameters));
    expect(whole[1].parameters).not.toEqual(whole[0].parameters);
  });

  test('stops when it is told to', async () => {
    const controller = new AbortController();
    const run = sweepWeights({ ...input, training: { ...training, signal: controller.signal } });
    expect((await run.next()).value).toMatchObject({ kind: 'epoch', stop: 1 });
    controller.abort();
    await expect(run.next()).rejects.toBe(controller.signal.reason);
  });
});
