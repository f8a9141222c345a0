import { describe, expect, test } from 'vitest';
import { periodicPlaceOf } from '../elements.ts';
import { createReferenceKernel } from '../kernels/reference/kernel.ts';
import { randomSystem } from '../kernels/testing.ts';
import { createRandom } from '../random.ts';
import { createStructure } from '../structure/structure.ts';
import { completeSettings } from './complete.ts';
import { initialModel } from './initial.ts';
import { capFactor, frameCapFor, periodicVectors, shrunkReferenceEnergies } from './many-elements.ts';
import { prepareFrames } from './prepare.ts';
import { DEFAULT_LOSS } from './settings.ts';

describe('reference energies of many elements', () => {
  test('an element of one frame is pulled towards the mean, one of many frames stands on its own', () => {
    // Pure elements: frame n has n + 1 atoms and the energy per atom −2 or −8.
    const compositions = Array.from({ length: 400 }, (_, n) => Float64Array.of(n + 1, 0));
    const energies = compositions.map(([atoms]) => -2 * atoms);
    compositions.push(Float64Array.of(0, 7));
    energies.push(-56);
    const mean = (-2 * 400 - 8) / 401;
    const [common, rare] = shrunkReferenceEnergies(compositions, energies, 2);
    // Ridge regression of a single column of n ones: n/(n + 0.1) of the way.
    expect(common).toBeCloseTo(mean + (400 / 400.1) * (-2 - mean), 10);
    expect(rare).toBeCloseTo(mean + (1 / 1.1) * (-8 - mean), 10);
  });
});

describe('starting vectors', () => {
  const elements = [3, 11, 19, 9, 17, 26, 57, 71];
  const of = (z: number): number => elements.indexOf(z);

  test('have the covariance that belongs to their places in the table', () => {
    const d = 4000;
    const vectors = periodicVectors(elements, d, createRandom(3));
    const product = (i: number, j: number): number => {
      let sum = 0;
      for (let n = 0; n < d; n++) sum += vectors[i * d + n] * vectors[j * d + n];
      return sum;
    };
    for (const [i, a] of elements.map(periodicPlaceOf).entries()) {
      expect(Math.abs(product(i, i) - 1)).toBeLessThan(0.1);
      for (const [j, b] of elements.map(periodicPlaceOf).entries()) {
        if (i === j) continue;
        const square = ((a.period - b.period) / 3) ** 2 + ((a.group - b.group) / 4.5) ** 2;
        // Standard error of a mean over 4000 products: 0.02.
        expect(Math.abs(product(i, j) - 0.85 * Math.exp(-square / 2))).toBeLessThan(0.08);
      }
    }
    expect(product(of(3), of(11))).toBeGreaterThan(product(of(3), of(19)));
    expect(product(of(9), of(17))).toBeGreaterThan(product(of(9), of(26)));
  });
});

describe('frames that would rule the loss', () => {
  const structure = createStructure(['Na', 'Cl'], [0, 0, 0, 2.8, 0, 0], [5.6, 0, 0, 0, 5.6, 0, 0, 0, 5.6]);
  const frame = (force: number): Parameters<typeof completeSettings>[1][number] => ({
    structure,
    labels: { energy: -6, forces: Float64Array.of(force, 0, 0, -force, 0, 0), stress: new Float64Array(9) },
    group: '',
    info: {},
    arrays: {},
    line: 0,
    index: 0,
  });
  const frames = [...Array.from({ length: 19 }, (_, n) => frame(0.1 + 0.01 * n)), frame(50)];

  test('count less by what they exceed the cap, and all others in full', () => {
    const frameCap = frameCapFor(frames, DEFAULT_LOSS)!;
    expect(frameCap).toBeCloseTo((2 * 0.28 ** 2) / 6, 12);
    const prepared = prepareFrames(frames, [11, 17], 5, {
      source: 'test',
      use: { energy: true, forces: true, stress: true },
    });
    const factors = prepared.map((one) => capFactor(one, { ...DEFAULT_LOSS, frameCap }));
    expect(factors.slice(0, 19)).toEqual(Array(19).fill(1));
    expect(factors[19]).toBeCloseTo((0.28 / 50) ** 2, 12);
    expect(prepared.map((one) => capFactor(one, DEFAULT_LOSS))).toEqual(Array(20).fill(1));
  });

  test('are looked for where there are many elements, unless the user says otherwise', () => {
    const symbols = ['Li', 'O', 'Na', 'Mg', 'Al', 'Si', 'P', 'S', 'Cl', 'K', 'Ca', 'Ti', 'V', 'Cr', 'Mn', 'Fe', 'Co'];
    const many = symbols.map((symbol) => ({
      ...frame(1),
      structure: createStructure([symbol, 'O'], [0, 0, 0, 2, 0, 0], [...structure.cell]),
    }));
    const chosen = completeSettings({}, many);
    expect(chosen.loss.frameCap).toBeCloseTo(2 / 6, 12);
    expect(chosen.loss.energy).toBeLessThan(completeSettings({}, frames).loss.energy);
    expect(chosen.optimiser.weightDecay).toBeGreaterThan(completeSettings({}, frames).optimiser.weightDecay);
    expect(completeSettings({}, frames).loss.frameCap).toBeUndefined();
    const own = completeSettings({ loss: { energy: 7, frameCap: 3 }, optimiser: { weightDecay: 0.5 } }, many);
    expect([own.loss.energy, own.loss.frameCap, own.optimiser.weightDecay]).toEqual([7, 3, 0.5]);
  });
});

test('elements that a frame does not hold change nothing of what is measured on it', () => {
  const sizes = { radial: 4, lmax: 2, order: 3, channels: 4, hidden: [8, 8], heads: 1, cutoff: 5, onset: 3.5 } as const;
  const random = createRandom(4);
  const systems = Array.from({ length: 4 }, () => randomSystem({ ...sizes, species: 2 }, random, { atoms: 8 }));
  const start = (elements: readonly number[], places: readonly number[]): Float64Array => {
    const placed = systems.map((one) => ({ ...one, species: one.species.map((s) => places[s]) }));
    const shape = { ...sizes, species: elements.length };
    const rest = { embedding: 12, referenceEnergies: new Float64Array(elements.length), forceDeviation: 1 };
    return initialModel(createReferenceKernel(), placed, { elements, shape, ...rest }, random).statistics.whitening;
  };
  expect(start([1, 6, 7, 8, 9], [1, 3])).toEqual(start([6, 8], [0, 1]));
});
