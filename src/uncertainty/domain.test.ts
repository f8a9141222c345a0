import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Frame } from '../data/dataset.ts';
import { createSimdKernel } from '../kernels/simd/kernel.ts';
import { potentialOf } from '../model/load.ts';
import { type Attachment, decodeModel, encodeModel } from '../model/model-file.ts';
import { fileOf, randomModel } from '../model/testing-model.ts';
import { createRandom } from '../random.ts';
import { permuted, rattled, rotated, rotationMatrix, strained, supercell, translated } from '../structure/builders.ts';
import { crystal } from '../structure/crystals.ts';
import { substituted } from '../structure/point-defects.ts';
import { createStructure, type Structure } from '../structure/structure.ts';
import { mahalanobisEstimator, nearestEstimator } from './distances.ts';
import { openDomain, type SourcedFrame } from './domain.ts';
import { measureDomain } from './domain-measure.ts';

const kernel = await createSimdKernel();
const diamond = supercell(crystal('diamond', ['Si'], 5.43), [2, 2, 2]);
const compound = supercell(crystal('zincblende', ['Si', 'Ge'], 5.55), [2, 2, 2]);

/** Frames of a crystal at some temperature, told apart by number and group. */
function frames(structure: Structure, group: string, options: { seed?: number; count?: number; sigma?: number } = {}) {
  const random = createRandom(options.seed ?? 1);
  return Array.from({ length: options.count ?? 8 }, (_, index): SourcedFrame => {
    const frame: Frame = {
      structure: rattled(structure, options.sigma ?? 0.05, random),
      ...{ labels: {}, group, info: {}, arrays: {}, line: 1, index },
    };
    return { frame, source: `${group}.extxyz` };
  });
}

function learned(elements: readonly number[], train: readonly SourcedFrame[], heldOut: readonly SourcedFrame[]) {
  const file = fileOf(randomModel(elements, createRandom(5), { sizes: { cutoff: 4.5, onset: 3 } }));
  const attachment = measureDomain(file, kernel, { train, heldOut });
  const potential = potentialOf(file, kernel);
  return { file, attachment: attachment!, potential, domain: openDomain(attachment, potential)! };
}

const both = [...frames(diamond, 'diamond'), ...frames(compound, 'compound')];
const held = [
  ...frames(diamond, 'diamond', { seed: 2, count: 4 }),
  ...frames(compound, 'compound', { seed: 2, count: 4 }),
];
const { file, attachment, potential, domain } = learned([14, 32], both, held);
const asked = frames(compound, 'new', { seed: 3, count: 1 })[0].frame.structure;

const near = (a: ArrayLike<number>, b: ArrayLike<number>): void => {
  expect(a.length).toBe(b.length);
  for (let i = 0; i < a.length; i++) expect(Math.abs(a[i] - b[i])).toBeLessThan(2e-3 * (1 + Math.abs(b[i])));
};

describe('distances', () => {
  const before = domain.distances(asked);

  test('do not change when the structure is turned, mirrored, moved, renumbered or described by another cell', () => {
    fc.assert(
      fc.property(fc.double({ min: -3, max: 3, noNaN: true }), fc.integer({ min: 1, max: 9 }), (angle, seed) => {
        const turned = rotated(
          asked,
          rotationMatrix([1, 2, seed], angle).map((r) => (seed % 2 === 0 ? r : -r)),
        );
        const order = createRandom(seed).permutation(asked.numbers.length);
        near(domain.distances(translated(turned, [angle, 7, -seed])), before);
        near(
          domain.distances(permuted(asked, order)),
          Array.from(order, (i) => before[i]),
        );
      }),
      { numRuns: 10 },
    );
    const sheared = { ...asked, cell: asked.cell.map((c, k) => (k < 3 ? c + asked.cell[3 + k] : c)) };
    near(domain.distances(sheared), before);
  });

  test('are those of the unit in a large cell', () => {
    const small = rattled(crystal('zincblende', ['Si', 'Ge'], 5.55), 0.05, createRandom(4));
    const once = domain.distances(small);
    near(domain.distances(supercell(small, [3, 2, 2])), Array.from({ length: 12 }, () => Array.from(once)).flat());
    near(domain.quick(supercell(small, [1, 1, 2])), [...domain.quick(small), ...domain.quick(small)]);
  });

  test('grow with the displacement of an atom', () => {
    const at = (shift: number): Structure => ({
      ...compound,
      positions: compound.positions.map((x, c) => (c === 3 * 20 ? x + shift : x)),
    });
    for (const measure of [domain.distances, domain.quick]) {
      const found = [0, 0.2, 0.4, 0.6, 0.8].map((shift) => measure(at(shift))[20]);
      for (let k = 1; k < found.length; k++) expect(found[k]).toBeGreaterThan(found[k - 1]);
    }
  });

  test('are about 1 σ for environments like those of the training', () => {
    for (const measure of [domain.distances, domain.quick]) {
      const found = Array.from(measure(asked));
      const rms = Math.sqrt(found.reduce((sum, d) => sum + d * d, 0) / found.length);
      expect(rms).toBeGreaterThan(0.6);
      expect(rms).toBeLessThan(1.6);
    }
  });

  test('stay finite where atoms nearly coincide', () => {
    const close = createStructure(['Si', 'Si'], [0, 0, 0, 1e-3, 0, 0]);
    for (const d of [...domain.distances(close), ...domain.quick(close)]) expect(d).toBeGreaterThan(domain.limit);
    expect(domain.verdict(close).inside).toBe(false);
  });

  test('are what the estimators say', () => {
    const nearest = nearestEstimator(domain).estimate(asked);
    expect(nearest.forces).toEqual(before);
    const mahalanobis = mahalanobisEstimator(domain).estimate(asked);
    expect(mahalanobis.forces).toEqual(domain.quick(asked));
    expect(mahalanobis.stress).toBe(mahalanobis.energy);
    const free = mahalanobisEstimator(domain).estimate({ ...asked, pbc: [true, true, false] });
    expect(free.stress).toBeNull();
  });
});

describe('verdicts', () => {
  test('find held-out frames inside, however often they are repeated', () => {
    for (const { frame } of held) {
      const verdict = domain.verdict(frame.structure);
      expect(verdict.inside).toBe(true);
      expect(verdict.outside).toEqual([]);
      expect(verdict.sentence).toMatch(/^inside the training domain: farthest (Si|Ge) atom \d+, .* σ from training/);
    }
    const large = domain.verdict(supercell(held[0].frame.structure, [3, 3, 2]));
    expect(large.inside).toBe(true);
    expect(large.limit).toBeGreaterThanOrEqual(domain.verdict(held[0].frame.structure).limit);
  });

  test('find training frames again, with file, number and group', () => {
    const { farthest } = domain.verdict(both[11].frame.structure);
    expect(farthest.nearest).toEqual({ source: 'compound.extxyz', frame: 3, group: 'compound' });
    expect(farthest.distance).toBeLessThan(1e-3);
  });

  test('name the atom that was moved, and an atom on the wrong site', () => {
    const random = createRandom(8);
    let named = 0;
    for (let trial = 0; trial < 20; trial++) {
      const atom = random.below(64);
      const shift = [0, 1, 2].map(() => 0.45 * (random.uniform() < 0.5 ? 1 : -1));
      const hot = rattled(compound, 0.03, random);
      const moved = { ...hot, positions: hot.positions.slice() };
      for (let c = 0; c < 3; c++) moved.positions[3 * atom + c] += shift[c];
      if (domain.verdict(moved).centre.atom === atom) named++;
      const foreign = substituted(hot, atom, hot.numbers[atom] === 14 ? 'Ge' : 'Si');
      const verdict = domain.verdict(foreign);
      expect(verdict.inside).toBe(false);
      expect(verdict.centre.atom).toBe(atom);
      expect(verdict.sentence).toContain(`${verdict.centre.element} atom ${atom}: environment`);
    }
    // Along ⟨111⟩, straight to a neighbour or away from it: who of the two moved is hard to say.
    expect(named).toBeGreaterThanOrEqual(17);
  });

  test('call a liquid outside, and say how much of it', () => {
    const liquid = domain.verdict(rattled(diamond, 0.6, createRandom(1)));
    expect(liquid.outside.length).toBeGreaterThan(40);
    expect(liquid.sentence).toMatch(/^outside the training domain: \d+ of 64 atoms, in the middle of them Si atom/);
    expect(liquid.sentence).toMatch(
      /nearest training frame \d of (diamond|compound)\.extxyz \((diamond|compound)\); also/,
    );
    const distances = liquid.outside.map(({ distance }) => distance);
    expect(distances).toEqual(distances.toSorted((a, b) => b - a));
  });

  test('refuse elements that the model does not know', () => {
    const gold = createStructure(['Si', 'Au'], [0, 0, 0, 2.4, 0, 0]);
    expect(() => domain.verdict(gold)).toThrow(
      expect.objectContaining({
        code: 'unknown-species',
        message: 'atom 1 is Au: the model was trained only on Si, Ge and knows nothing of Au',
      }),
    );
  });

  test('find an element without training frames infinitely far', () => {
    const { domain: half } = learned([14, 32], frames(diamond, 'diamond'), []);
    const verdict = half.verdict(asked);
    expect(verdict.farthest).toMatchObject({ element: 'Ge', distance: Number.POSITIVE_INFINITY, nearest: null });
    expect(verdict.inside).toBe(false);
    expect(verdict.sentence).toContain('infinitely far from training');
    expect(verdict.sentence).toContain('no such atom in the training frames');
  });
});

test('in a set of perfect crystals rounding is no novelty, a rattled crystal is', () => {
  const strains = Array.from({ length: 9 }, (_, k): SourcedFrame => {
    const structure = strained(
      diamond,
      [1, 0, 0, 0, 1, 0, 0, 0, 1].map((one) => one * 0.01 * (k - 4)),
    );
    return { frame: { structure, labels: {}, group: '', info: {}, arrays: {}, line: 1, index: k }, source: '' };
  });
  const { domain: perfect } = learned([14], strains, []);
  const turned = rotated(translated(diamond, [0.3, 0.2, 0.1]), rotationMatrix([1, 2, 3], 0.7));
  expect(perfect.verdict(turned).farthest.distance).toBeLessThan(0.05);
  expect(perfect.verdict(rattled(diamond, 1e-3, createRandom(1))).farthest.distance).toBeLessThan(0.5);
  expect(perfect.verdict(rattled(diamond, 0.3, createRandom(1))).inside).toBe(false);
});

test.each([
  ['one frame', frames(diamond, 'one', { count: 1 }), []],
  ['one perfect crystal', frames(diamond, 'one', { count: 1, sigma: 0 }), []],
  [
    'one frame, and a single atom held out',
    frames(diamond, 'one', { count: 1 }),
    frames(createStructure(['Si'], [0, 0, 0]), 'atom', { count: 1 }),
  ],
] as const)('a domain of %s can be kept and asked', (_, train, heldOut) => {
  const { domain: small, attachment: kept, file: itsFile } = learned([14], train, heldOut);
  expect(decodeModel(encodeModel({ ...itsFile, domain: kept }), 'test').domain).not.toBeNull();
  expect(small.verdict(train[0].frame.structure).inside).toBe(true);
  expect(small.verdict(rattled(diamond, 0.5, createRandom(1))).farthest.distance).toBeGreaterThan(1);
});

test('an element of three frames among many is known', () => {
  const large = supercell(diamond, [2, 2, 1]);
  const doped = frames(substituted(large, 0, 'Ge'), 'all', { count: 3 });
  const pure = frames(large, 'all', { count: 70 });
  const { domain: all } = learned([14, 32], [...pure.slice(0, 41), ...doped, ...pure.slice(41)], []);
  expect(all.record.space.environments[1]).toBe(3);
  for (const { frame } of doped) expect(all.verdict(frame.structure).inside).toBe(true);
});

test('many species share one whitening around their own means', () => {
  const elements = [14, 22, 23, 24, 32];
  const symbols = ['Ti', 'V', 'Cr', 'Ge'];
  const mixed = symbols.flatMap((symbol) =>
    frames(supercell(crystal('zincblende', ['Si', symbol], 5.4), [2, 2, 2]), symbol, { count: 3 }),
  );
  const { domain: alloy, attachment: kept } = learned(elements, mixed, []);
  expect(kept.tensors.factor.shape[0]).toBe(1);
  for (const { frame } of mixed) expect(alloy.verdict(frame.structure).inside).toBe(true);
  expect(alloy.verdict(rattled(mixed[4].frame.structure, 0.5, createRandom(1))).inside).toBe(false);
});

describe('in the model file', () => {
  test('all numbers come back', () => {
    const back = decodeModel(encodeModel({ ...file, domain: attachment }), 'test');
    const again = openDomain(back.domain, potential)!;
    expect(again.distances(asked)).toEqual(domain.distances(asked));
    expect(again.quick(asked)).toEqual(domain.quick(asked));
    expect(again.verdict(asked)).toEqual(domain.verdict(asked));
  });

  test('nothing is known where nobody looked', () => {
    expect(openDomain(null, potential)).toBeNull();
    expect(measureDomain(file, kernel, { train: [], heldOut: held })).toBeNull();
  });

  test('what is damaged is refused', () => {
    const { record, tensors } = attachment;
    const damaged: [string, Attachment][] = [
      ['version', { record: { ...record, version: 2 }, tensors }],
      ['extra', { record: { ...record, surprise: 1 }, tensors }],
      ['elements', { record: { ...record, elements: ['Si', 'Sn'] }, tensors }],
      ['features', { record: { ...record, features: 3 }, tensors }],
      ['species', { record: { ...record, environments: [1] }, tensors }],
      ['unit', { record: { ...record, units: { nearest: [0, 1], mahalanobis: [1, 1] } }, tensors }],
      ['none', { record: { ...record, environments: [0, 1] }, tensors }],
      ['sources', { record: { ...record, sources: [] }, tensors }],
      ['tail', { record: { ...record, tails: {} }, tensors }],
      ['order', { record, tensors: { ...tensors, first: { dtype: 'I32', shape: [3], data: Int32Array.of(0, 9, 5) } } }],
      ['start', { record, tensors: { ...tensors, first: { dtype: 'I32', shape: [3], data: Int32Array.of(1, 2, 5) } } }],
      ...Object.keys(tensors).map((name): [string, Attachment] => [
        name,
        { record, tensors: Object.fromEntries(Object.entries(tensors).filter(([other]) => other !== name)) },
      ]),
      ...Object.entries(tensors).map(([name, tensor]): [string, Attachment] => [
        `shape of ${name}`,
        { record, tensors: { ...tensors, [name]: { ...tensor, shape: [...tensor.shape, 1] } } },
      ]),
    ];
    const singular = tensors.factor.data.slice();
    singular[0] = 0;
    damaged.push([
      'factor',
      { record, tensors: { ...tensors, factor: { ...tensors.factor, data: singular } as never } },
    ]);
    for (const [what, bad] of damaged) {
      expect(() => openDomain(bad, potential), what).toThrow(expect.objectContaining({ code: 'bad-model-file' }));
    }
  });
});
